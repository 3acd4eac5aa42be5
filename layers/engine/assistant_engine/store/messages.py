"""The messages of a thread, in its partition under their ids."""

from contextlib import suppress
from itertools import islice
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import Conflict, InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import data_size, shown, text_of
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.items import IS_OURS, is_ours
from assistant_engine.store.message_item import item_of, message_of, put_messages, stamp
from assistant_engine.store.pages import Page, Window, cut
from assistant_engine.store.partition import IMPORTED, below, find_below, key_of, page_below
from assistant_engine.store.threads import CLOCK_ATTEMPTS, Threads

_LARGE_AT_ONCE = 4
"""Messages that are read from the bucket side by side: one may have 4 MB of images, and is in memory twice."""


class Messages:
    """Messages in the API's shape (`MessageObject`)."""

    def __init__(self, connection: Connection, threads: Threads) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._threads = threads

    def add(self, thread: Thread, message: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None) -> Json:
        """Add one message to a thread as it was read; return the message with its id.

        Raises:
            InvalidRequest: a run of the thread is active.
            NotFound: no thread has this id.
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        for _ in range(CLOCK_ATTEMPTS):
            if thread.active_run:
                raise InvalidRequest(
                    f"Can't add messages to {thread.id} while a run {thread.active_run} is active.", param=None
                )
            [stamped] = stamp([message], thread.next_ms(now_ms), thread.id)
            actions = [
                self._threads.advance(thread, [stamped], ids.milliseconds_of(stamped["id"])),
                *put_messages(self._table, self._blobs, [stamped]),
            ]
            if idempotency:
                actions.append(idempotency.action(self._table, stamped, stamped["created_at"]))
            try:
                self._db.transact(actions)
                return shown(stamped)
            except ConditionFailed:
                # The head moved on, or was locked or deleted: the next look at it tells which.
                if idempotency:
                    idempotency.check(self._db, self._table)
                thread = self._threads.get(thread.id)
        raise Conflict(f"Too many writers on {thread.id} at once. Please try again.", code="conflict")

    def put_recorded(self, thread: Thread, message: Json, own_id: str, *, is_new: bool) -> bool:
        """Write a message that was said elsewhere; whether nothing stood against it.

        Args:
            thread: as it was read, without an active run.
            message: with its id here.
            own_id: the id that it had.
            is_new: whether none was recorded under that id, else it is written in place of that one.
        """
        item = {**item_of(message, self._blobs), "imported_id": own_id}
        last_ms = Milliseconds(max(thread.last_ms, ids.milliseconds_of(message["id"])))
        actions = [self._threads.advance(thread, [], last_ms)]
        if is_new:
            pointer = {**key_of(thread.id, IMPORTED + own_id), "points_to": message["id"]}
            actions += [put(self._table, each, Attr("thread_id").not_exists()) for each in (item, pointer)]
        else:
            actions.append(put(self._table, item, Attr("imported_id").eq(own_id)))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            return False
        return True

    def newest(
        self, thread_id: ThreadId, count: int, size: int, image_size: int, without_run: str
    ) -> tuple[list[Json], bool]:
        """The newest messages in the order they were said, and whether there may be older ones.

        Args:
            count: at most so many.
            size: stop once so many bytes of text were read (that message is still given).
            image_size: likewise of images in `data:` URLs.
            without_run: leave out what this run said.
        """
        newest: list[Json] = []
        start: Json = {}
        while len(newest) < count and size > 0 and image_size >= 0:
            limit = min(count - len(newest), 100)
            request = self._without(thread_id, without_run, ascending=False, limit=limit)
            items, following = self._db.query({**request, **start})
            for document in self._blobs.unpack_each("document", items, at_once=_LARGE_AT_ONCE):
                if size <= 0 or image_size < 0:
                    return newest[::-1], True
                newest.append(document)
                size -= len(text_of(document).encode())
                image_size -= data_size(document)
            if following is None:
                return newest[::-1], False
            start = {"ExclusiveStartKey": following}
        return newest[::-1], True

    def whole(self, thread_id: ThreadId, most: int) -> list[Json]:
        """All messages of a thread as they are shown, in order; one more than `most` at most."""
        items = islice(filter(is_ours, self._db.query_all(below(self._table, thread_id, "msg_"))), most + 1)
        return self._of(list(items))

    def first(self, thread_id: ThreadId, without_run: str) -> Json | None:
        """The oldest message of the thread, unless this run said it; None if there is none."""
        # A page that was left out in full goes on: the limit counts what is read, before the filter.
        items = self._db.query_all(self._without(thread_id, without_run, limit=1))
        first = next(items, None)
        return self._blobs.unpack("document", first) if first else None

    def _without(self, thread_id: ThreadId, run_id: str, **options: Any) -> Json:
        matching = (Attr("run_id").not_exists() | Attr("run_id").ne(run_id)) & IS_OURS
        return below(self._table, thread_id, "msg_", matching=matching, **options)

    def between(self, thread_id: ThreadId, after_ms: Milliseconds, until_ms: Milliseconds) -> list[Json]:
        """The messages that no run said, in order, whose ids' time parts lie in `(after_ms, until_ms]`."""
        low, high = (f"msg_{ids.time_part(Milliseconds(moment + 1))}" for moment in (after_ms, until_ms))
        key = Key("thread_id").eq(thread_id) & Key("message_id").between(low, high)
        items = self._db.query_all(query(self._table, key, matching=Attr("run_id").not_exists() & IS_OURS))
        return self._of(list(items))

    def by_ids(self, thread_id: ThreadId, message_ids: list[str]) -> list[Json]:
        """Messages by their ids, in that order; deleted ones are left out."""
        items = [self._db.get(self._table, key_of(thread_id, name)) for name in message_ids]
        return self._of([item for item in items if is_ours(item)])

    def _of(self, items: list[Json]) -> list[Json]:
        return list(map(message_of, items, self._blobs.unpack_all("document", items)))

    def page(self, thread_id: ThreadId, window: Window, message_ids: list[str] | None = None) -> Page:
        """A page of a thread's messages, strongly consistent.

        Args:
            message_ids: only these of them.
        """
        if message_ids is None:
            items = page_below(self._db, self._table, thread_id, "msg_", window)
        else:
            low, high = window.bounds("msg_")
            wanted = sorted((name for name in message_ids if low <= name <= high), reverse=not window.ascending)
            read = (self._db.get(self._table, key_of(thread_id, name)) for name in wanted)
            items = filter(is_ours, read)
        found, has_more = cut(items, window)
        documents = self._blobs.unpack_each("document", found)
        return Page(map(message_of, found, documents), has_more, window.from_end)

    def get(self, thread_id: ThreadId, message_id: str) -> Json:
        """A message.

        Raises:
            NotFound: the thread has no message with this id.
        """
        item = self.item(thread_id, message_id)
        return message_of(item, self._blobs.unpack("document", item))

    def item(self, thread_id: ThreadId, message_id: str) -> Json:
        """A message's item.

        Raises:
            NotFound: the thread has no message with this id.
        """
        item = find_below(self._db, self._table, thread_id, message_id) if ids.is_id(message_id) else None
        if item is None or not item["message_id"].startswith("msg_"):
            raise _no_message(message_id)
        return item

    def update(self, thread_id: ThreadId, message_id: str, metadata: dict[str, str]) -> Json:
        """Replace a message's metadata.

        Raises:
            NotFound: the thread has no message with this id.
        """
        found = self.item(thread_id, message_id)
        try:
            item = self._db.update(self.updated(found, metadata).when(IS_OURS))
        except ConditionFailed:
            raise _no_message(message_id) from None
        return message_of(item, self._blobs.unpack("document", item))

    def updated(self, item: Json, metadata: dict[str, str]) -> Update:
        """The update that replaces a message's metadata."""
        return Update(self._table, key_of(item["thread_id"], item["message_id"])).set(metadata=metadata)

    def write_transcript(self, thread_id: ThreadId, message: Json) -> None:
        """Write a message in place of itself with its sound waiting; nothing happens if it waits no longer.

        Args:
            message: as `newest` gives it, changed.
        """
        found = self._db.get(self._table, key_of(thread_id, message["id"]))
        if not is_ours(found) or not self._blobs.unpack("document", found)["audio"].get("waits"):
            return
        packed = self._blobs.pack("document", message, f"text/{thread_id}/{message['id']}-heard.json")
        update = Update(self._table, key_of(thread_id, message["id"])).remove("document", "document_key").set(packed)
        seen = [Attr(name).eq(found[name]) for name in ("document", "document_key") if name in found]
        with suppress(ConditionFailed):
            self._db.update(update.when(*seen))

    def delete(self, thread_id: ThreadId, message_id: str) -> tuple[str, str | None]:
        """Delete a message. Its text in the bucket, if it is there, goes with it.

        Returns:
            The id that it had here, and that of the file that was made of sound in its request.

        Raises:
            NotFound: the thread has no message with this id.
        """
        found = self.item(thread_id, message_id)
        item = self._db.delete(self._table, key_of(thread_id, found["message_id"]))
        if item is None:
            raise _no_message(message_id)
        if "document_key" in item:
            self._blobs.delete(item["document_key"])
        return item["message_id"], item.get("sound")


def _no_message(message_id: str) -> NotFound:
    return NotFound(f"No message found with id '{ids.shown(message_id)}'.")
