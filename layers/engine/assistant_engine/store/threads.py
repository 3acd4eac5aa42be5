"""Threads: the head of each, and the lists of threads.

A thread is one partition. Its head holds the lock (the active run) and the clock of its ids: hosts' clocks differ, so
an id's time is the later of the clock and the head's newest + 1, fixed in the transaction that updates the head.
"""

import hashlib
from contextlib import suppress
from itertools import islice

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.domain.tool_resources import with_attachments
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.connection import Connection
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.message_item import put_messages, stamp
from assistant_engine.store.pages import Page, Window, items_of, placed
from assistant_engine.store.partition import HEAD, below, key_of

PREFIX = "thread_"

TOMBSTONES = "deleted"
"""The partition of the index of open runs that lists deleted threads."""

MAX_READ = 1_000
"""Threads that are looked at for a page; it then ends before it is full."""

MAX_WAITING = 20
"""Runs that wait for one thread at most: its head lists them."""

CLOCK_ATTEMPTS = 20
"""How often a write that moves a thread's clock is tried: others move it, too."""


class Threads:
    """Threads (`Thread`) of a project."""

    def __init__(self, connection: Connection, directory: Directory, project: str) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._directory = directory
        self._project = project
        self._is_the_project_s = Attr("project").eq(project)  # A deleted thread has none.

    def create(self, thread: Thread, messages: list[Json], idempotency: Idempotency | None = None) -> None:
        """Write a thread with its first messages, all or nothing.

        Args:
            messages: without ids; they get theirs here.

        Raises:
            InvalidRequest: more messages than one transaction holds.
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        actions = self.new_thread_actions(thread, messages)
        if idempotency:
            actions.append(idempotency.action(self._table, thread.api(), Seconds(thread.created_at)))
        try:
            if len(actions) == 1:
                self._db.put_new(actions[0])  # A transaction costs twice as much.
            else:
                self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._table)
            raise

    def new_thread_actions(self, thread: Thread, messages: list[Json], active_run: str | None = None) -> list[Json]:
        """The actions that write a thread, its lock already taken by `active_run` if given."""
        stamped = stamp(messages, Milliseconds(thread.last_ms + 1), thread.id)
        last_ms = Milliseconds(thread.last_ms + len(messages) + 1)
        head = {**self.head_of(thread, last_ms), "active_run": active_run, "read_ms": last_ms if active_run else None}
        put_head = put(self._table, head, Attr("thread_id").not_exists())
        return [put_head, *put_messages(self._table, self._blobs, stamped)]

    def head_of(self, thread: Thread, last_ms: Milliseconds, place: str = "") -> Json:
        """The item of a new thread's head.

        Args:
            last_ms: the time part of the newest id in it.
            place: its place in lists (`ids.listed_as`), if that is not its id.
        """
        return {
            **key_of(thread.id, HEAD),
            "project": self._project,
            "created": place or thread.id,
            "user_id": self._listed_under(user_id) if (user_id := thread.metadata.get("user_id")) else None,
            "created_at": thread.created_at,
            "metadata": thread.metadata,
            "last_ms": last_ms,
            **self._blobs.pack("tool_resources", thread.tool_resources, f"text/{thread.id}/{HEAD}-{last_ms}.json"),
        }

    def get(self, thread_id: str) -> Thread:
        """The thread.

        Raises:
            NotFound: no thread has this id, or it was deleted.
        """
        item = self._head(thread_id)
        if item is None or item.get("project") != self._project:
            raise _not_found(thread_id)
        return self._thread(item)

    def find(self, thread_id: str) -> Thread | None:
        """The thread of this or another project, None if no thread has this id.

        Raises:
            NotFound: it is another project's, or it was deleted and is not removed yet.
        """
        return None if self._head(thread_id) is None else self.get(thread_id)

    def add_totals(self, thread_id: ThreadId, account: RunUsage) -> Json:
        """The action that adds a run that ended elsewhere to the thread's totals."""
        return self._update(thread_id).add(totals_of(account)).when(self._is_the_project_s).action()

    def reach(self, thread_id: ThreadId, last_ms: Milliseconds) -> None:
        """Let the thread's clock be at least at the newest id of what was brought along into it."""
        later = Attr("last_ms").lt(last_ms)
        with suppress(ConditionFailed):  # It is.
            self._db.update(self._update(thread_id).set(last_ms=last_ms).when(later, self._is_the_project_s))

    def project(self, thread_id: str) -> str:
        """The project that a thread belongs to, whichever it is.

        Raises:
            NotFound: no thread has this id, or it was deleted.
        """
        item = self._head(thread_id)
        if item is None or "project" not in item:
            raise _not_found(thread_id)
        project: str = item["project"]
        return project

    def _head(self, thread_id: str) -> Json | None:
        return self._db.get(self._table, key_of(thread_id, HEAD)) if ids.is_id(thread_id) else None

    def _listed_under(self, user_id: str) -> str:
        """Return where the index lists a user's threads: for each project apart, and never longer than a key may be."""
        return f"{self._project}#{hashlib.sha256(user_id.encode()).hexdigest()}"

    def update(self, thread_id: str, metadata: dict[str, str] | None, tool_resources: Json | None) -> Thread:
        """Replace the metadata, the tool resources, or both.

        Raises:
            NotFound: no thread has this id.
        """
        if not ids.is_id(thread_id):
            raise _not_found(thread_id)
        update = self._update(thread_id)
        if metadata is not None:
            update.set(metadata=metadata)
            if user_id := metadata.get("user_id"):
                update.set(user_id=self._listed_under(user_id))
            else:
                update.remove("user_id")
        if tool_resources is not None:
            # Who adds a message with attachments at this moment has seen other resources, and looks again.
            self._set_resources(update, thread_id, tool_resources).add(last_ms=1)
        if update.is_empty:
            return self.get(thread_id)
        try:
            item = self._db.update(update.when(self._is_the_project_s))
        except ConditionFailed:
            raise _not_found(thread_id) from None
        return self._thread(item)

    def replace_resources(self, thread: Thread, tool_resources: Json) -> bool:
        """Write tool resources in place of those seen, unless the thread moved on; whether they were written."""
        update = self._set_resources(self._update(thread.id), thread.id, tool_resources)
        update.set(last_ms=thread.last_ms + 1).when(Attr("last_ms").eq(thread.last_ms), self._is_the_project_s)
        try:
            self._db.update(update)
        except ConditionFailed:
            return False
        return True

    def _thread(self, item: Json) -> Thread:
        return Thread(
            id=item["thread_id"],
            created_at=item["created_at"],
            metadata=item["metadata"],
            tool_resources=self._blobs.unpack("tool_resources", item),
            last_ms=item["last_ms"],
            active_run=item.get("active_run"),
            runs=item.get("runs", 0),
            usage=Usage(item.get("prompt_tokens", 0), item.get("completion_tokens", 0)),
            cost=item.get("cost", 0),
            unpriced_runs=item.get("unpriced_runs", 0),
            read_ms=item.get("read_ms", 0),
            line=tuple(item.get("line", ())),
        )

    def _update(self, thread_id: str) -> Update:
        return Update(self._table, key_of(thread_id, HEAD))

    def _set_resources(self, update: Update, thread_id: str, resources: Json) -> Update:
        """Add tool resources to what is written of the head: in it, or in the bucket."""
        packed = self._blobs.pack("tool_resources", resources, ids.new_id(f"text/{thread_id}/{HEAD}-", EPOCH))
        return update.remove("tool_resources", "tool_resources_key").set(packed)

    def delete(self, thread_id: str, now: Seconds) -> None:
        """Put a tombstone on the thread: it is gone for every caller, and the sweeper removes what lies below it.

        Raises:
            NotFound: no thread has this id.
            InvalidRequest: a run of the thread is active.
        """
        self.get(thread_id)
        try:
            self._db.update(
                self._update(thread_id)
                .set(deleted=now, open_shard=TOMBSTONES, due_at=now)
                .remove("project", "user_id")
                .when(Attr("deleted").not_exists(), Attr("active_run").not_exists())
            )
        except ConditionFailed:
            thread = self.get(thread_id)
            raise InvalidRequest(f"Can't delete {thread_id} while a run {thread.active_run} is active.") from None

    def page(self, window: Window, *, assistant_id: str | None = None, user_id: str | None = None) -> Page:
        """A page of the project's threads (`Thread`) in the order of time: all, an assistant's, a user's, or both's.

        They come from an index: what was written in the last moments may be missing. The directory of an assistant's
        threads is strongly consistent and has them by their ids, which sort by time unless they were brought along.

        Args:
            assistant_id: only threads on which this assistant ran.
            user_id: only threads with this `user_id` in their metadata.
        """
        table, index, ran = self._table, None, assistant_id
        if user_id:
            partition, sort_key, index = ("user_id", self._listed_under(user_id)), "created", "by_user"
        elif assistant_id and self._directory.is_in_time_order(self._db, assistant_id):
            partition, sort_key, table, ran = ("assistant_id", assistant_id), "thread_id", self._directory.table, None
        else:
            partition, sort_key, index = ("project", self._project), "created", "by_project"
        if index:
            window = placed(window, self._place)
        listed = items_of(self._db, window, PREFIX, partition, sort_key, table, index)
        found: list[Json] = []
        read, last = 0, ""
        while read < MAX_READ and (names := [item["thread_id"] for item in islice(listed, min(window.limit + 1, 100))]):
            heads = self._heads(names, ran)
            if heads is None:
                break
            for name in names:
                if name in heads and len(found) == window.limit:
                    return Page(map(self._thread, found), has_more=True, from_end=window.from_end)
                found += [heads[name]] if name in heads else []
                last = name
            read += len(names)
        is_cut = read >= MAX_READ
        stopped_at = last if is_cut else None
        return Page(map(self._thread, found), is_cut, window.from_end, stopped_at)

    def _place(self, thread_id: str) -> str | None:
        item = self._head(thread_id)
        return item["created"] if item and item.get("project") == self._project else None

    def _heads(self, names: list[str], ran: str | None) -> dict[str, Json] | None:
        """The heads of listed threads by their ids, without those that were deleted and, given `ran`, those that this
        assistant never ran on. None if they are of another project's assistant, and so are all that follow.
        """
        if ran:
            runs = self._db.get_all(self._directory.table, [{"assistant_id": ran, "thread_id": n} for n in names])
            names = [item["thread_id"] for item in runs]
        heads = [head for head in self._db.get_all(self._table, [key_of(n, HEAD) for n in names]) if "project" in head]
        if any(head["project"] != self._project for head in heads):
            return None
        return {head["thread_id"]: head for head in heads}

    def ran(self, assistant_id: str, thread_id: ThreadId) -> bool:
        """Return whether an assistant ran on a thread, or is recorded to have run on it."""
        key = {"assistant_id": assistant_id, "thread_id": thread_id}
        return ids.is_id(assistant_id) and self._db.get(self._directory.table, key) is not None

    def tombstones(self, now: Seconds) -> list[str]:
        """Some of the threads that were deleted and not yet removed."""
        key = Key("open_shard").eq(TOMBSTONES) & Key("due_at").lte(now)
        items, _ = self._db.query(query(self._table, key, index="open_runs", limit=20))
        return [item["thread_id"] for item in items]

    def sounds_in(self, thread_id: str) -> list[str]:
        """The ids of the files that were made of sound in requests, of a thread that is to be removed."""
        names = below(self._table, thread_id, "msg_", attributes=("sound",))
        return [item["sound"] for item in self._db.query_all(names) if "sound" in item]

    def bury(self, thread_id: str) -> None:
        """Remove everything of a deleted thread: first what lies below the head and in the bucket, the head last."""
        names = query(self._table, Key("thread_id").eq(thread_id), attributes=("message_id",))
        keys = [key_of(thread_id, item["message_id"]) for item in self._db.query_all(names)]
        for prefix in ("text/", "sandbox/", "speech/", *self._blobs.folders("outputs/")):
            self._blobs.delete_below(f"{prefix}{thread_id}/")
        self._db.delete_all(self._table, [key for key in keys if key["message_id"] != HEAD])
        self._db.delete_all(self._table, [key_of(thread_id, HEAD)])

    def advance(
        self,
        thread: Thread,
        messages: list[Json],
        last_ms: Milliseconds,
        *,
        lock: str | None = None,
        holds: bool = False,
    ) -> Json:
        """The action that moves the head's clock on from what was seen, over messages that are added.

        Args:
            messages: their attachments become the thread's.
            lock: the run that takes the lock.
            holds: it holds the lock already.
        """
        update = self._update(thread.id).set(last_ms=last_ms)
        if lock:
            update.set(active_run=lock, read_ms=last_ms)
        resources = with_attachments(thread.tool_resources, messages)
        if resources is not thread.tool_resources:
            self._set_resources(update, thread.id, resources)
        held = Attr("active_run").eq(lock) if holds else Attr("active_run").not_exists()
        return update.when(Attr("last_ms").eq(thread.last_ms), held, Attr("deleted").not_exists()).action()

    def join_line(self, thread: Thread, run_id: str) -> Json:
        """The action that lets a run wait behind those that were seen, while another one holds the lock.

        Raises:
            InvalidRequest: too many wait.
        """
        if len(thread.line) >= MAX_WAITING:
            raise InvalidRequest(f"Thread {thread.id} has {MAX_WAITING} runs that wait for it, the most there may be.")
        update = self._update(thread.id).set(line=[*thread.line, run_id])
        return update.when(Attr("active_run").exists(), _line_as_seen(thread)).action()

    def get_head(self, thread_id: ThreadId) -> Thread:
        """The thread, also when it was deleted: a run that is still active ends there."""
        item = self._head(thread_id)
        if item is None:
            raise _not_found(thread_id)
        return self._thread(item)

    def move_clock(self, thread_id: ThreadId, last_ms: Milliseconds, run_id: str) -> Json:
        """The action that moves the head's clock on while a run holds the lock."""
        return self._update(thread_id).set(last_ms=last_ms).when(Attr("active_run").eq(run_id)).action()

    def release(self, thread: Thread, run_id: str, account: RunUsage, last_ms: Milliseconds | None) -> Json:
        """The action that takes the lock from a run that ends, adds to the thread's totals and moves the clock.

        The first in the line gets the lock. A run that waited in it leaves the line.

        Args:
            thread: as it was read just now: the action fails if another run has joined or left the line since.
            last_ms: the time part of the newest id; None if the run's end makes none.
        """
        waiting = thread.line_without(run_id)
        update = self._update(thread.id).add(totals_of(account)).when(_line_as_seen(thread))
        if thread.active_run == run_id or run_id not in thread.line:
            update.when(Attr("active_run").eq(run_id))
            if waiting:
                update.set(active_run=waiting.pop(0))
            else:
                update.remove("active_run")
        if waiting:
            update.set(line=waiting)
        elif thread.line:
            update.remove("line")
        if last_ms is not None:
            update.set(last_ms=last_ms)
        return update.action()


def _line_as_seen(thread: Thread) -> ConditionBase:
    return Attr("line").eq(list(thread.line)) if thread.line else Attr("line").not_exists()


def totals_of(account: RunUsage) -> dict[str, int]:
    """Return what a run that has ended adds to the totals of its thread's head."""
    return {
        "runs": 1,
        "prompt_tokens": account.usage.prompt_tokens,
        "completion_tokens": account.usage.completion_tokens,
        "cost": account.cost or 0,
        "unpriced_runs": int(account.cost is None),
    }


def _not_found(thread_id: str) -> NotFound:
    return NotFound(f"No thread found with id '{ids.shown(thread_id)}'.")
