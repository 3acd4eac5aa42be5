"""Runs: the record that is the truth of a run, and the turns of its conversation with the model."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from assistant_engine.domain import ids, stream
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import Conflict, InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.run import Run, ThreadBusy
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.domain.turn import Asked
from assistant_engine.store.connection import Connection
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.event_log import EventLog
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.message_item import check_count, put_messages, stamp
from assistant_engine.store.pages import Page, Window, cut
from assistant_engine.store.partition import below, find_below, key_of, page_below
from assistant_engine.store.run_item import (
    HELD,
    OPEN_SHARDS,
    ended_place,
    ended_run,
    ended_shard,
    item_of,
    open_shard,
    run_of,
)
from assistant_engine.store.threads import CLOCK_ATTEMPTS, Threads

MAX_HELD_BYTES = 200_000
"""Bytes of messages that wait with their run: an item holds 400 KB (DynamoDB limit)."""


class Runs:
    """Runs (`Run`) and the turns of their conversation with the model, but for the changes of their statuses."""

    def __init__(self, connection: Connection, threads: Threads, directory: Directory, log: EventLog) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._threads = threads
        self._directory = directory
        self._log = log

    # Creating

    def create(
        self,
        run: Run,
        thread: Thread,
        messages: list[Json],
        now_ms: Milliseconds,
        *,
        is_new: bool = False,
        thread_busy: ThreadBusy | None,
        idempotency: Idempotency | None = None,
    ) -> Run:
        """Write a run and all that comes with it, taking the thread's lock, in one transaction.

        Args:
            run: the run; without an id (an empty one) it gets one from the thread's clock, and its execution is named
                after it.
            thread: as it was read, or to be made.
            messages: to be added to the thread, without ids.
            now_ms: milliseconds since 1970.
            is_new: whether the thread is to be made.
            thread_busy: what becomes of the run if the thread has an active one; None for what its project says.

        Returns:
            The run, which waits in the thread's line if it has to; the one that exists if it has the same id (the same
            request was delivered before).

        Raises:
            InvalidRequest: the thread has an active run, and the run may not wait or can't.
            NotFound: the thread does not exist.
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        for _ in range(CLOCK_ATTEMPTS):
            waits = thread.active_run is not None
            if waits:
                if run.id and run.id in (thread.active_run, *thread.line):
                    return self.get(run.thread_id, run.id)
                if idempotency:
                    # The active run may be the answer to this very request, sent twice at once.
                    idempotency.check(self._db, self._table)
                if not self._may_wait(run, thread_busy):
                    raise InvalidRequest(f"Thread {thread.id} already has an active run {thread.active_run}.")
            first_ms = thread.next_ms(now_ms)
            last_ms = Milliseconds(first_ms + len(messages))
            run_id = run.id or ids.new_id("run_", last_ms)
            created = replace(
                run,
                id=run_id,
                execution=run.execution or run_id,
                user=run.metadata.get("user_id") or thread.metadata.get("user_id"),
                reads=(thread.read_ms, last_ms),
                created_ms=now_ms,
                line="waiting" if waits else None,
            )
            item = item_of(created, self._blobs)
            if waits:
                actions = [self._threads.join_line(thread, created.id)]
                item[HELD] = _held(messages)
            elif is_new:
                actions = self._threads.new_thread_actions(thread, messages, active_run=created.id)
            else:
                stamped = stamp(messages, first_ms, thread.id)
                actions = [
                    self._threads.advance(thread, stamped, last_ms, lock=created.id),
                    *put_messages(self._table, self._blobs, stamped),
                ]
            listed = self._directory.count_run_begun(run.assistant_id, run.thread_id)
            actions += [put(self._table, item, Attr("message_id").not_exists()), listed]
            actions += self._log.first(created, stream.created(created, with_thread=is_new))
            if idempotency:
                answer = created.api([], ended=False)
                actions.append(idempotency.action(self._table, answer, Seconds(created.created_at)))
            try:
                self._db.transact(actions)
                return created
            except ConditionFailed as failed:
                if failed.items[actions.index(listed)] is not None:
                    raise InvalidRequest(
                        f"The table of threads holds an item of {run.assistant_id} and {run.thread_id} that is not this"
                        " engine's. Please use another thread."
                    ) from None
                # Someone else was first: on the key, on this very run, or on the thread, which is looked at again.
                if idempotency:
                    idempotency.check(self._db, self._table)
                if run.id and (existing := self.find(run.thread_id, run.id)):
                    return existing
                if not is_new:
                    thread = self._threads.get(thread.id)
        raise Conflict(f"Too many writers on {run.thread_id} at once. Please try again.", code="conflict")

    def _may_wait(self, run: Run, thread_busy: ThreadBusy | None) -> bool:
        from assistant_engine.store.projects import Projects

        return (thread_busy or Projects(self._db, self._table, run.project).settings().thread_busy) == "queue"

    def enter(self, run: Run, now_ms: Milliseconds) -> Run:
        """Let a run whose turn has come into its thread, with the messages that came with it.

        Args:
            run: one that was called; entering again changes nothing.

        Returns:
            The run as it is then.
        """
        for _ in range(CLOCK_ATTEMPTS):
            item = self._db.get(self._table, key_of(run.thread_id, run.id))
            if item is None or item.get("line") != "called":
                break
            thread = self._threads.get_head(run.thread_id)
            now, first_ms = seconds_of(now_ms), thread.next_ms(now_ms)
            held = [{**each, "created_at": now, "completed_at": now} for each in json.loads(item[HELD])]
            messages = stamp(held, first_ms, thread.id)
            last_ms = Milliseconds(first_ms + len(messages))
            update = Update(self._table, key_of(run.thread_id, run.id)).remove("line", HELD)
            update.set(reads=[thread.read_ms, last_ms]).when(Attr("line").eq("called"))
            actions = [
                update.action(),
                self._threads.advance(thread, messages, last_ms, lock=run.id, holds=True),
                *put_messages(self._table, self._blobs, messages),
            ]
            with suppress(ConditionFailed):  # Somebody moved the thread's clock, or another delivery was first.
                self._log.transact(run, actions, stream.entered(run))
        return self.get(run.thread_id, run.id)

    # Reading

    def find(self, thread_id: ThreadId, run_id: str) -> Run | None:
        """The run, or None."""
        if not ids.is_id(thread_id) or not ids.is_id(run_id):
            return None
        item = find_below(self._db, self._table, thread_id, run_id)
        return run_of(item, self._blobs) if item and item["message_id"].startswith("run_") else None

    def get(self, thread_id: ThreadId, run_id: str) -> Run:
        """The run.

        Raises:
            NotFound: there is none with this id in the thread.
        """
        run = self.find(thread_id, run_id)
        if run is None:
            raise NotFound(f"No run found with id '{ids.shown(run_id)}'.")
        return run

    def thread_of(self, run_id: str, project: str) -> str | None:
        """The thread that a project's run lies in; None if none was made here. The thread may have been deleted.

        From the indexes of open and of ended runs, so one that ended in the last moment may be missing.
        """
        if not ids.is_run_id(run_id):
            return None
        is_it = Attr("message_id").eq(run_id) & Attr("belongs_to").eq(project)
        found = self._listed("open_runs", Key("open_shard").eq(open_shard(run_id)), is_it)
        if there := next(found, None):
            return there[0]
        # A run lives a day at most, and the sweeper ends it soon after.
        for day in range(3):
            place = ended_place(project, run_id, Milliseconds(ids.milliseconds_of(run_id) + day * 86_400_000))
            key = Key("ended_shard").eq(place["ended_shard"]) & Key("ended_run").eq(place["ended_run"])
            if there := next(self._listed("ended_runs", key), None):
                return there[0]
        return None

    def status(self, thread_id: ThreadId, run_id: str) -> Status:
        """The run's status, read eventually consistent: half the price, for looking again and again."""
        item = self._db.get(self._table, key_of(thread_id, run_id), consistent=False, attributes=["run_status"])
        status: Status = item["run_status"] if item else "queued"
        return status

    def turns(self, run: Run) -> list[list[Json]]:
        """The output items of every stored turn, in order; of none that was stored since the run was read."""
        items = self._db.query_all(below(self._table, run.thread_id, f"turn#{run.id}#"))
        return self._blobs.unpack_all("output", list(islice(items, run.turn)))

    def asked(self, run: Run) -> list[Asked]:
        """When the model was asked for each stored turn, in order."""
        names = ("answered_ms", "model_ms", "first_ms")
        items = self._db.query_all(below(self._table, run.thread_id, f"turn#{run.id}#", attributes=names))
        # Turns that were stored before their times were have none.
        times = [(item.get("answered_ms", 0), item.get("model_ms", 0), item.get("first_ms")) for item in items]
        return [Asked(answered - took, first, answered) for answered, took, first in times]

    def page(self, thread_id: ThreadId, window: Window) -> Page:
        """A page of a thread's runs (`Run`), strongly consistent."""
        found, has_more = cut(page_below(self._db, self._table, thread_id, "run_", window), window)
        return Page((run_of(item, self._blobs) for item in found), has_more, window.from_end)

    def update(self, thread_id: ThreadId, run_id: str, metadata: dict[str, str]) -> Run:
        """Replace the run's metadata.

        Raises:
            NotFound: there is no run with this id in the thread.
        """
        found = self.get(thread_id, run_id)
        try:
            update = Update(self._table, key_of(thread_id, found.id)).set(metadata=metadata)
            item = self._db.update(update.when(Attr("message_id").exists()))
        except ConditionFailed:
            return self.get(thread_id, run_id)
        return run_of(item, self._blobs)

    def open(
        self, due: Seconds, execution: str | None = None, project: str | None = None
    ) -> Iterator[tuple[ThreadId, str]]:
        """The open runs that are due, or those that an execution drives, from the index, as (thread id, run id).

        Args:
            project: None for those of every project.
        """
        shards = [f"open#{shard}" for shard in range(OPEN_SHARDS)]
        if execution is not None and ids.is_run_id(run_id := execution.partition("-")[0]):
            # The HTTP API's executions, and those that took over from another, are named after their run.
            shards = [open_shard(run_id)]
        for shard in shards:
            key = Key("open_shard").eq(shard)
            matching = None if project is None else Attr("belongs_to").eq(project)
            if execution is None:
                key &= Key("due_at").lte(due)
            else:
                matching = Attr("execution").eq(execution)
            yield from self._listed("open_runs", key, matching)

    def ended(self, day: str, shard: int, project: str | None = None) -> Iterator[tuple[ThreadId, str]]:
        """One shard (below `ENDED_SHARDS`) of the runs that ended on a day (`YYYY-MM-DD`, UTC), from the index.

        As (thread id, run id), each project's in the order of run ids; what ended in the last moments may be missing.

        Args:
            project: None for those of every project; of one, no others are read.
        """
        key = Key("ended_shard").eq(ended_shard(day, shard))
        if project is not None:
            key &= Key("ended_run").begins_with(ended_run(project, ""))
        return self._listed("ended_runs", key)

    def _listed(
        self, index: str, key: ConditionBase, matching: ConditionBase | None = None
    ) -> Iterator[tuple[ThreadId, str]]:
        for item in self._db.query_all(query(self._table, key, index=index, matching=matching)):
            yield item["thread_id"], item["message_id"]

    def postpone(self, run: Run, due: Seconds) -> None:
        """Let the sweeper look again at `due`.

        Raises:
            ConditionFailed: the run moved on.
        """
        self._set(run, due_at=due)

    def hand_over(self, run: Run, execution: str, due: Seconds) -> Run:
        """Let another execution drive the run.

        Raises:
            ConditionFailed: the run moved on, or was handed over already.
        """
        return self._set(run, due_at=due, execution=execution)

    def _set(self, run: Run, **attributes: Any) -> Run:
        update = Update(self._table, key_of(run.thread_id, run.id)).set(attributes)
        for name, seen in (("run_status", run.status), ("execution", run.execution), ("attempts", run.attempts)):
            update.when(Attr(name).eq(seen))
        return run_of(self._db.update(update), self._blobs)


def _held(messages: list[Json]) -> str:
    """Return the messages of a run that waits, as its item holds them until its turn comes.

    Raises:
        InvalidRequest: there are too many, or they are too large.
    """
    check_count(messages)
    text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > MAX_HELD_BYTES:
        raise InvalidRequest(
            f"The thread is busy, and a run that waits for it may bring {MAX_HELD_BYTES:,} bytes of messages at most.",
            param="additional_messages",
            code="value_too_large",
        )
    return text
