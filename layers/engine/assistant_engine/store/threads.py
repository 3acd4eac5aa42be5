"""Threads: the head of each, the messages below it, and the directory of an assistant's threads.

A thread is one partition. Its head holds the lock (the active run) and the clock of its ids: hosts' clocks differ, so
an id's time is the later of the clock and the head's newest + 1, fixed in the transaction that updates the head.
"""

import hashlib
from collections.abc import Iterator
from itertools import islice

from assistant_engine.conversation import text_of
from assistant_engine.domain import ids
from assistant_engine.domain.errors import Conflict, InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.tool_resources import with_attachments
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.dynamodb import (
    IS_OURS,
    TRANSACTION_ITEMS,
    Blobs,
    ConditionFailed,
    Database,
    is_ours,
    marshal,
    values,
)
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.pages import Page, Window, cut, items_of

HEAD = "thread"
TOMBSTONES = "deleted"
"""The partition of the index of open runs that lists deleted threads."""

_CLOCK_ATTEMPTS = 20


class Threads:
    """Threads (`Thread`) and messages in the API's shape (`MessageObject`)."""

    def __init__(self, database: Database, blobs: Blobs, table: str, directory_table: str, project: str) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._directory_table = directory_table
        self._project = project

    # Threads

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
            actions.append(idempotency.action(self._table, thread.api(), thread.created_at))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._table)
            raise

    def new_thread_actions(self, thread: Thread, messages: list[Json], active_run: str | None = None) -> list[Json]:
        """The actions that write a thread, its lock already taken by `active_run` if given."""
        stamped = self.stamp(messages, thread.last_ms + 1, thread.id)
        last_ms = thread.last_ms + len(messages) + 1
        head = {
            "thread_id": thread.id,
            "message_id": HEAD,
            "project": self._project,
            "created": thread.id,
            "user_id": self._listed_under(user_id) if (user_id := thread.metadata.get("user_id")) else None,
            "created_at": thread.created_at,
            "metadata": thread.metadata,
            "last_ms": last_ms,
            "active_run": active_run,
            "read_ms": last_ms if active_run else None,
            **self._blobs.pack("tool_resources", thread.tool_resources, f"text/{thread.id}/{HEAD}-{last_ms}.json"),
        }
        put_head = {
            "TableName": self._table,
            "Item": marshal(head),
            "ConditionExpression": "attribute_not_exists(thread_id)",
        }
        return [{"Put": put_head}, *self.put_messages(stamped)]

    def get(self, thread_id: str) -> Thread:
        """The thread.

        Raises:
            NotFound: no thread has this id, or it was deleted.
        """
        item = self._head(thread_id)
        if item is None or item.get("project") != self._project:
            raise _not_found(thread_id)
        return self._thread(item)

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
        return self._db.get(self._table, {"thread_id": thread_id, "message_id": HEAD}) if ids.is_id(thread_id) else None

    def _listed_under(self, user_id: str) -> str:
        """Where the index lists a user's threads: for each project apart, and never longer than a key may be."""
        return f"{self._project}#{hashlib.sha256(user_id.encode()).hexdigest()}"

    def update(self, thread_id: str, metadata: dict[str, str] | None, tool_resources: Json | None) -> Thread:
        """Replace the metadata, the tool resources, or both.

        Raises:
            NotFound: no thread has this id.
        """
        assignments = []
        removals = []
        named: Json = {}
        if metadata is not None:
            assignments += ["metadata = :metadata"]
            named["metadata"] = metadata
            if user_id := metadata.get("user_id"):
                assignments += ["user_id = :user_id"]
                named["user_id"] = self._listed_under(user_id)
            else:
                removals += ["user_id"]
        if tool_resources is not None:
            packed, packed_assignments, packed_removals = self._packed_resources(thread_id, tool_resources)
            # Who adds a message with attachments at this moment has seen other resources, and looks again.
            assignments += [*packed_assignments, "last_ms = last_ms + :one"]
            removals += packed_removals
            named |= {**packed, "one": 1}
        if not assignments and not removals:
            return self.get(thread_id)
        expression = "".join(
            [
                "SET " + ", ".join(assignments) if assignments else "",
                " REMOVE " + ", ".join(removals) if removals else "",
            ]
        )
        if not ids.is_id(thread_id):
            raise _not_found(thread_id)
        try:
            item = self._db.update(
                TableName=self._table,
                Key=marshal({"thread_id": thread_id, "message_id": HEAD}),
                UpdateExpression=expression,
                ConditionExpression="#project = :project",  # A deleted thread has none.
                ExpressionAttributeNames={"#project": "project"},
                ExpressionAttributeValues=values(**named, project=self._project),
            )
        except ConditionFailed:
            raise _not_found(thread_id) from None
        return self._thread(item)

    def replace_resources(self, thread: Thread, tool_resources: Json) -> bool:
        """Write tool resources in place of those seen, unless the thread moved on; whether they were written."""
        packed, assignments, removals = self._packed_resources(thread.id, tool_resources)
        try:
            self._db.update(
                TableName=self._table,
                Key=marshal({"thread_id": thread.id, "message_id": HEAD}),
                UpdateExpression=f"SET last_ms = :last_ms, {', '.join(assignments)} REMOVE {', '.join(removals)}",
                ConditionExpression="last_ms = :seen AND #project = :project",
                ExpressionAttributeNames={"#project": "project"},
                ExpressionAttributeValues=values(
                    **packed, last_ms=thread.last_ms + 1, seen=thread.last_ms, project=self._project
                ),
            )
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
        )

    def _packed_resources(self, thread_id: str, resources: Json) -> tuple[Json, list[str], list[str]]:
        """Tool resources as attributes of the head, what assigns them, and the attribute that they are not in."""
        packed = self._blobs.pack("tool_resources", resources, ids.new_id(f"text/{thread_id}/{HEAD}-", 0))
        others = [name for name in ("tool_resources", "tool_resources_key") if name not in packed]
        return packed, [f"{name} = :{name}" for name in packed], others

    def delete(self, thread_id: str, now: int) -> None:
        """Put a tombstone on the thread: it is gone for every caller, and the sweeper removes what lies below it.

        Raises:
            NotFound: no thread has this id.
            InvalidRequest: a run of the thread is active.
        """
        self.get(thread_id)
        try:
            self._db.update(
                TableName=self._table,
                Key=marshal({"thread_id": thread_id, "message_id": HEAD}),
                UpdateExpression="SET deleted = :now, open_shard = :shard, due_at = :now REMOVE #project, user_id",
                ConditionExpression="attribute_not_exists(deleted) AND attribute_not_exists(active_run)",
                ExpressionAttributeNames={"#project": "project"},
                ExpressionAttributeValues=values(now=now, shard=TOMBSTONES),
            )
        except ConditionFailed:
            thread = self.get(thread_id)
            raise InvalidRequest(f"Can't delete {thread_id} while a run {thread.active_run} is active.") from None

    def page(self, window: Window, *, assistant_id: str | None = None, user_id: str | None = None) -> Page:
        """A page of the project's threads (`Thread`): all, an assistant's, a user's, or an assistant's with a user.

        All threads and a user's come from an index: what was written in the last moments may be missing.

        Args:
            assistant_id: only threads on which this assistant ran.
            user_id: only threads with this `user_id` in their metadata.
        """
        request: Json = {"TableName": self._table}
        if user_id:
            partition, sort_key = ("user_id", self._listed_under(user_id)), "created"
            request["IndexName"] = "by_user"
        elif assistant_id:
            partition, sort_key = ("assistant_id", assistant_id), "thread_id"
            request = {"TableName": self._directory_table, "ConsistentRead": True}
        else:
            partition, sort_key = ("project", self._project), "created"
            request["IndexName"] = "by_project"
        listed = items_of(self._db, window, "thread_", partition, sort_key, **request)
        found, has_more = cut(self._heads(listed, window.limit + 1, assistant_id if user_id else None), window)
        threads = map(self._thread, found)
        return Page(threads, has_more, window.from_end)

    def _heads(self, listed: Iterator[Json], count: int, ran: str | None) -> Iterator[Json]:
        """The project's heads of listed threads, without those that were deleted and, given `ran`, those it never ran
        on.
        """
        while names := [item["thread_id"] for item in islice(listed, min(count, 100))]:
            if ran:
                runs = self._db.get_all(self._directory_table, [{"assistant_id": ran, "thread_id": n} for n in names])
                on = {item["thread_id"] for item in runs}
                names = [name for name in names if name in on]
            heads = self._db.get_all(self._table, [{"thread_id": name, "message_id": HEAD} for name in names])
            by_name = {head["thread_id"]: head for head in heads if "project" in head}
            if any(head["project"] != self._project for head in by_name.values()):
                return  # They are of another project's assistant, and so are all that follow.
            yield from (by_name[name] for name in names if name in by_name)

    def tombstones(self, now: int) -> list[str]:
        """Some of the threads that were deleted and not yet removed."""
        items, _ = self._db.query(
            TableName=self._table,
            IndexName="open_runs",
            KeyConditionExpression="open_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=values(shard=TOMBSTONES, now=now),
            Limit=20,
        )
        return [item["thread_id"] for item in items]

    def bury(self, thread_id: str) -> None:
        """Remove everything of a deleted thread: first what lies below the head and in the bucket, the head last."""
        keys = [
            {"thread_id": thread_id, "message_id": item["message_id"]}
            for item in self._db.query_all(
                TableName=self._table,
                KeyConditionExpression="thread_id = :thread",
                ProjectionExpression="message_id",
                ExpressionAttributeValues=values(thread=thread_id),
                ConsistentRead=True,
            )
        ]
        for prefix in ("text/", "sandbox/", *self._blobs.folders("outputs/")):
            self._blobs.delete_below(f"{prefix}{thread_id}/")
        self._db.delete_all(self._table, [key for key in keys if key["message_id"] != HEAD])
        self._db.delete_all(self._table, [{"thread_id": thread_id, "message_id": HEAD}])

    # Messages

    def add_message(self, thread_id: str, message: Json, now_ms: int, idempotency: Idempotency | None = None) -> Json:
        """Add one message; the message with its id.

        Raises:
            InvalidRequest: a run of the thread is active.
            NotFound: no thread has this id.
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        for _ in range(_CLOCK_ATTEMPTS):
            thread = self.get(thread_id)
            if thread.active_run:
                raise InvalidRequest(
                    f"Can't add messages to {thread_id} while a run {thread.active_run} is active.", param=None
                )
            [stamped] = self.stamp([message], max(now_ms, thread.last_ms + 1), thread_id)
            actions = [
                self.advance(thread, [stamped], ids.milliseconds_of(stamped["id"])),
                *self.put_messages([stamped]),
            ]
            if idempotency:
                actions.append(idempotency.action(self._table, stamped, stamped["created_at"]))
            try:
                self._db.transact(actions)
                return stamped
            except ConditionFailed:
                # The head moved on, or was locked or deleted: the next look at it tells which.
                if idempotency:
                    idempotency.check(self._db, self._table)
        raise Conflict(f"Too many writers on {thread_id} at once. Please try again.", code="conflict")

    def advance(self, thread: Thread, messages: list[Json], last_ms: int, *, lock: str | None = None) -> Json:
        """The action that moves the head's clock on from what was seen, over messages that are added.

        Args:
            messages: their attachments become the thread's.
            lock: the run that takes the lock.
        """
        assignments = ["last_ms = :last_ms"]
        removals: list[str] = []
        named: Json = {"last_ms": last_ms, "seen": thread.last_ms}
        if lock:
            assignments += ["active_run = :run", "read_ms = :last_ms"]
            named["run"] = lock
        resources = with_attachments(thread.tool_resources, messages)
        if resources is not thread.tool_resources:
            packed, packed_assignments, removals = self._packed_resources(thread.id, resources)
            assignments += packed_assignments
            named |= packed
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal({"thread_id": thread.id, "message_id": HEAD}),
                "UpdateExpression": f"SET {', '.join(assignments)}"
                + (f" REMOVE {', '.join(removals)}" if removals else ""),
                "ConditionExpression": "last_ms = :seen AND attribute_not_exists(active_run)"
                " AND attribute_not_exists(deleted)",
                "ExpressionAttributeValues": values(**named),
            }
        }

    def get_head(self, thread_id: str) -> Thread:
        """The thread, also when it was deleted: a run that is still active ends there."""
        item = self._head(thread_id)
        if item is None:
            raise _not_found(thread_id)
        return self._thread(item)

    def move_clock(self, thread_id: str, last_ms: int, run_id: str) -> Json:
        """The action that moves the head's clock on while a run holds the lock."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal({"thread_id": thread_id, "message_id": HEAD}),
                "UpdateExpression": "SET last_ms = :last_ms",
                "ConditionExpression": "active_run = :run",
                "ExpressionAttributeValues": values(last_ms=last_ms, run=run_id),
            }
        }

    def release(self, thread_id: str, run_id: str, account: RunUsage, last_ms: int) -> Json:
        """The action that takes the lock from a run that ends, adds to the thread's totals and moves the clock."""
        named: Json = {
            "run": run_id,
            "one": 1,
            "prompt": account.usage.prompt_tokens,
            "completion": account.usage.completion_tokens,
            "cost": account.cost or 0,
            "unpriced": int(account.cost is None),
        }
        clock = ""
        if last_ms:
            named["last_ms"] = last_ms
            clock = " SET last_ms = :last_ms"
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal({"thread_id": thread_id, "message_id": HEAD}),
                "UpdateExpression": "REMOVE active_run"
                " ADD runs :one, prompt_tokens :prompt, completion_tokens :completion, cost :cost,"
                " unpriced_runs :unpriced" + clock,
                "ConditionExpression": "active_run = :run",
                "ExpressionAttributeValues": values(**named),
            }
        }

    @staticmethod
    def stamp(messages: list[Json], first_ms: int, thread_id: str) -> list[Json]:
        """The messages with ids, in their order, one for each millisecond from `first_ms` on."""
        return [
            {"id": ids.new_id("msg_", first_ms + index), **message, "thread_id": thread_id}
            for index, message in enumerate(messages)
        ]

    def put_messages(self, messages: list[Json]) -> list[Json]:
        """The actions that write messages.

        Raises:
            InvalidRequest: more of them than one transaction holds beside what belongs to a run.
        """
        most = TRANSACTION_ITEMS - 6
        if len(messages) > most:
            raise InvalidRequest(
                f"Too many messages: {len(messages)}. At most {most} fit in one request.",
                param="messages",
                code="array_above_max_length",
            )
        return [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": marshal(
                        {
                            "thread_id": message["thread_id"],
                            "message_id": message["id"],
                            "run_id": message["run_id"],
                            **self._blobs.pack(
                                "document", message, f"text/{message['thread_id']}/{message['id']}.json"
                            ),
                        }
                    ),
                    "ConditionExpression": "attribute_not_exists(message_id)",
                }
            }
            for message in messages
        ]

    def newest_messages(self, thread_id: str, count: int, size: int, without_run: str) -> tuple[list[Json], bool]:
        """The newest messages in the order they were said, and whether there may be older ones.

        Args:
            count: at most so many.
            size: stop once so many bytes of text were read (that message is still given).
            without_run: leave out what this run said.
        """
        newest: list[Json] = []
        request = self._messages_without(thread_id, without_run)
        while len(newest) < count and size > 0:
            items, following = self._db.query(ScanIndexForward=False, Limit=min(count - len(newest), 100), **request)
            for document in self._blobs.unpack_all("document", items):
                if size <= 0:
                    return newest[::-1], True
                newest.append(document)
                size -= len(text_of(document).encode())
            if following is None:
                return newest[::-1], False
            request["ExclusiveStartKey"] = following
        return newest[::-1], True

    def first_message(self, thread_id: str, without_run: str) -> Json | None:
        """The oldest message of the thread, unless this run said it; None if there is none."""
        # A page that was left out in full goes on: the limit counts what is read, before the filter.
        items = self._db.query_all(Limit=1, **self._messages_without(thread_id, without_run))
        first = next(items, None)
        return self._blobs.unpack("document", first) if first else None

    def _messages_without(self, thread_id: str, run_id: str) -> Json:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "thread_id = :thread AND begins_with(message_id, :prefix)",
            "FilterExpression": f"(attribute_not_exists(run_id) OR run_id <> :run) AND {IS_OURS}",
            "ExpressionAttributeValues": values(thread=thread_id, prefix="msg_", run=run_id),
            "ConsistentRead": True,
        }

    def messages_between(self, thread_id: str, after_ms: int, until_ms: int) -> list[Json]:
        """The messages that no run said, in order, whose ids' time parts lie in `(after_ms, until_ms]`."""
        low, high = (f"msg_{ids.time_part(moment + 1)}" for moment in (after_ms, until_ms))
        items = self._db.query_all(
            TableName=self._table,
            KeyConditionExpression="thread_id = :thread AND message_id BETWEEN :low AND :high",
            FilterExpression=f"attribute_not_exists(run_id) AND {IS_OURS}",
            ExpressionAttributeValues=values(thread=thread_id, low=low, high=high),
            ConsistentRead=True,
        )
        return self._blobs.unpack_all("document", list(items))

    def messages(self, thread_id: str, message_ids: list[str]) -> list[Json]:
        """Messages by their ids, in that order; deleted ones are left out."""
        items = [self._db.get(self._table, {"thread_id": thread_id, "message_id": name}) for name in message_ids]
        return self._blobs.unpack_all("document", [item for item in items if is_ours(item)])

    def message_page(self, thread_id: str, window: Window, message_ids: list[str] | None = None) -> Page:
        """A page of a thread's messages, strongly consistent.

        Args:
            message_ids: only these of them.
        """
        if message_ids is None:
            items = items_of(
                self._db,
                window,
                "msg_",
                ("thread_id", thread_id),
                "message_id",
                TableName=self._table,
                ConsistentRead=True,
            )
        else:
            low, high = window.bounds("msg_")
            wanted = sorted((name for name in message_ids if low <= name <= high), reverse=not window.ascending)
            read = (self._db.get(self._table, {"thread_id": thread_id, "message_id": name}) for name in wanted)
            items = (item for item in read if item)
        found, has_more = cut(filter(is_ours, items), window)
        documents = self._blobs.unpack_each("document", found)
        return Page(map(self._message, found, documents), has_more, window.from_end)

    def get_message(self, thread_id: str, message_id: str) -> Json:
        """A message.

        Raises:
            NotFound: the thread has no message with this id.
        """
        item = self._message_item(thread_id, message_id)
        return self._message(item, self._blobs.unpack("document", item))

    def _message_item(self, thread_id: str, message_id: str) -> Json:
        item = None
        if ids.is_id(message_id) and message_id.startswith("msg_"):
            item = self._db.get(self._table, {"thread_id": thread_id, "message_id": message_id})
        if not is_ours(item):
            raise _no_message(message_id)
        return item

    def update_message(self, thread_id: str, message_id: str, metadata: dict[str, str]) -> Json:
        """Replace a message's metadata.

        Raises:
            NotFound: the thread has no message with this id.
        """
        self.get_message(thread_id, message_id)
        try:
            item = self._db.update(
                TableName=self._table,
                Key=marshal({"thread_id": thread_id, "message_id": message_id}),
                UpdateExpression="SET metadata = :metadata",
                ConditionExpression=IS_OURS,
                ExpressionAttributeValues=values(metadata=metadata),
            )
        except ConditionFailed:
            raise _no_message(message_id) from None
        return self._message(item, self._blobs.unpack("document", item))

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete a message. Its text in the bucket, if it is there, goes with it.

        Raises:
            NotFound: the thread has no message with this id.
        """
        self._message_item(thread_id, message_id)
        item = self._db.delete(self._table, {"thread_id": thread_id, "message_id": message_id})
        if item is None:
            raise _no_message(message_id)
        if "document_key" in item:
            self._blobs.delete(item["document_key"])

    @staticmethod
    def _message(item: Json, document: Json) -> Json:
        return {**document, "metadata": item.get("metadata", document["metadata"])}

    # The directory of an assistant's threads

    def count_run_begun(self, assistant_id: str, thread_id: str) -> Json:
        """The action that lists the thread under the assistant and counts the run.

        Its condition fails on a row that is not this engine's: the earlier one kept a list of runs under that name.
        """
        action = self._count(assistant_id, thread_id, {"runs": 1})
        action["Update"]["ConditionExpression"] = "attribute_not_exists(runs) OR attribute_type(runs, :type)"
        action["Update"]["ExpressionAttributeValues"] |= values(type="N")
        return action

    def count_run_ended(self, assistant_id: str, thread_id: str, account: RunUsage) -> Json:
        """The action that adds a run's account to the directory."""
        amounts = {**account.figures(), "ended_runs": 1, "unpriced_runs": int(account.cost is None)}
        return self._count(assistant_id, thread_id, amounts)

    def _count(self, assistant_id: str, thread_id: str, amounts: dict[str, int]) -> Json:
        return {
            "Update": {
                "TableName": self._directory_table,
                "Key": marshal({"assistant_id": assistant_id, "thread_id": thread_id}),
                "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in amounts),
                "ExpressionAttributeValues": values(**amounts),
            }
        }


def _no_message(message_id: str) -> NotFound:
    return NotFound(f"No message found with id '{ids.shown(message_id)}'.")


def _not_found(thread_id: str) -> NotFound:
    return NotFound(f"No thread found with id '{ids.shown(thread_id)}'.")
