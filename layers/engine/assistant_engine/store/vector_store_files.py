"""The files in a vector store. A file attached anew replaces itself."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import Update, query
from assistant_engine.store.pages import Page, Window, cut, items_of
from assistant_engine.store.vector_store_actions import (
    MEMBER_PREFIX,
    Actions,
    key_of,
    member_of,
    new_member,
    pointer_key,
)
from assistant_engine.store.vector_stores import PREFIX

MAX_FILES = 10_000
"""Files in one store, as the API has it."""

_GROUP = 32
"""Files attached in one transaction: three items each, and those of the store and the batch (DynamoDB limit: 100)."""

_ATTEMPTS = 5


class VectorStoreFiles:
    """Files of vector stores in the API's shape (`VectorStoreFileObject`).

    The store itself is looked up by the caller first: here, whoever knows its id may do everything.
    """

    def __init__(self, database: Database, table: str) -> None:
        self._db = database
        self._table = table
        self._actions = Actions(table)

    # Attaching and detaching

    def attach(
        self,
        store_id: str,
        entries: Sequence[Json],
        now_ms: Milliseconds,
        batch_id: str | None = None,
        *,
        anew: bool = True,
        asked_at: Seconds | None = None,
    ) -> list[Json]:
        """Attach files, in status `in_progress`; the items of those that were attached.

        Args:
            entries: `{"file_id", "filename", "attributes", "chunking"}` of each, no file twice.
            batch_id: the batch that they are counted in; made when its first file is attached.
            anew: whether a file that the store holds already replaces itself; else it stays as it is.
            asked_at: when the attachment was asked for, if that is not its time: the sweeper then hands it to the
                ingestion, and what was attached elsewhere keeps its time.

        Raises:
            InvalidRequest: the store would hold too many files.
            NotFound: the store was deleted meanwhile.
            Unavailable: others attach the same files at the same moment.
        """
        attached: list[Json] = []
        for start in range(0, len(entries), _GROUP):
            group = [{**entry, "asked_at": asked_at} for entry in entries[start : start + _GROUP]]
            attached += self._attach_group(store_id, group, now_ms, batch_id, anew)
        return attached

    def _attach_group(
        self, store_id: str, entries: Sequence[Json], now_ms: Milliseconds, batch_id: str | None, anew: bool
    ) -> list[Json]:
        for _ in range(_ATTEMPTS):
            before = self._members(store_id, [entry["file_id"] for entry in entries])
            fresh = [entry for entry in entries if entry["file_id"] not in before]
            try:
                added = self._add(store_id, fresh, now_ms, batch_id) if fresh else []
                return added + [
                    self._replace(store_id, before[entry["file_id"]], entry, now_ms, batch_id)
                    for entry in entries
                    if anew and entry["file_id"] in before
                ]
            except ConditionFailed as failed:
                self._explain(store_id, failed)
        raise Unavailable("The same files are being attached by others. Please try again.")

    def _explain(self, store_id: str, failed: ConditionFailed) -> None:
        head = failed.items[0]
        if head is None:
            return  # A file's item changed meanwhile; look at it again.
        if "project" in head:
            raise InvalidRequest(
                f"A vector store holds at most {MAX_FILES:,} files.", param="file_ids", code="too_many_files"
            )
        raise NotFound(f"No vector store found with id '{store_id}'.", param="vector_store_id")

    def _add(self, store_id: str, entries: Sequence[Json], now_ms: Milliseconds, batch_id: str | None) -> list[Json]:
        members = [new_member(store_id, entry, now_ms, batch_id) for entry in entries]
        actions = [self._actions.count(store_id, {"in_progress": len(members), "total": len(members)}, most=MAX_FILES)]
        actions += self._actions.count_in_batch(
            store_id, batch_id, {"in_progress": len(members), "total": len(members)}, now_ms
        )
        for member in members:
            actions += [self._actions.put(member), *self._actions.put_pointers(member, Attr("thread_id").not_exists())]
        self._db.transact(actions)
        return members

    def _replace(self, store_id: str, old: Json, entry: Json, now_ms: Milliseconds, batch_id: str | None) -> Json:
        member = new_member(store_id, entry, max(now_ms, old["attached_ms"] + 1), batch_id)
        member["replaces"] = old["ingestion"]
        again = {"in_progress": 1, old["status"]: -1} if old["status"] != "in_progress" else {}
        actions = [
            self._actions.count(store_id, again, -old["usage_bytes"]),
            self._actions.delete(old),
            self._actions.put(member),
        ]
        actions += self._actions.put_pointers(member, Attr("points_to").eq(old["message_id"]))
        if batch_id is not None and old.get("batch_id") == batch_id:
            actions += self._actions.count_in_batch(store_id, batch_id, again)
        else:
            actions += self._actions.count_in_batch(store_id, batch_id, {"in_progress": 1, "total": 1}, now_ms)
            actions += self._actions.drop_from_batch(old)
        self._db.transact(actions)
        return member

    def detach(self, store_id: str, file_id: str) -> Json:
        """Take a file out of a store; its item as it was.

        Raises:
            NotFound: the file is not in the store.
            Unavailable: others change the same file at the same moment.
        """
        for _ in range(_ATTEMPTS):
            member = self.member(store_id, file_id)
            actions = [
                self._actions.count(store_id, {member["status"]: -1, "total": -1}, -member["usage_bytes"]),
                self._actions.delete(member),
                *self._actions.delete_pointers(member),
                *self._actions.drop_from_batch(member),
            ]
            try:
                self._db.transact(actions)
            except ConditionFailed:
                continue
            return member
        raise Unavailable(f"The file {file_id} is being changed by others. Please try again.")

    def stores_of(self, file_id: str) -> list[str]:
        """The ids of the stores that a file is in."""
        if not ids.is_id(file_id):
            return []
        key = Key("thread_id").eq(file_id) & Key("message_id").begins_with(PREFIX)
        items = self._db.query_all(query(self._table, key))
        return [item["message_id"] for item in items]

    # Reading

    def get(self, store_id: str, file_id: str) -> Json:
        """The file as `VectorStoreFileObject`.

        Raises:
            NotFound: the file is not in the store.
        """
        return member_of(self.member(store_id, file_id))

    def member(self, store_id: str, file_id: str) -> Json:
        """The item of a file in the store.

        Raises:
            NotFound: the file is not in the store.
        """
        found = self._members(store_id, [file_id]) if ids.is_id(file_id) else {}
        if file_id not in found:
            raise NotFound(f"No file found with id '{file_id[:64]}' in vector store '{store_id}'.", param="file_id")
        return found[file_id]

    def at(self, store_id: str, sort_key: str) -> Json | None:
        """The item of a file by its own key, or None."""
        return self._db.get(self._table, {"thread_id": store_id, "message_id": sort_key})

    def _members(self, store_id: str, file_ids: Sequence[str]) -> dict[str, Json]:
        pointers = self._db.get_all(self._table, [pointer_key(store_id, file_id) for file_id in file_ids])
        keys = [
            {"thread_id": store_id, "message_id": pointer["points_to"]}
            for pointer in pointers
            if "points_to" in pointer
        ]
        return {item["file_id"]: item for item in self._db.get_all(self._table, keys)}

    def page(self, store_id: str, window: Window, status: str | None = None, batch_id: str | None = None) -> Page:
        """A page of the store's files by time of attachment.

        Args:
            status: only files in this status.
            batch_id: only files of this batch.

        Raises:
            InvalidRequest: the cursor is not a file of the store.
        """
        after, before = (self._cursor(store_id, name, getattr(window, name)) for name in ("after", "before"))
        window = window._replace(after=after, before=before)
        found, has_more = cut(self.listed(store_id, window, status, batch_id), window)
        return Page(map(member_of, found), has_more, window.from_end)

    def listed(self, store_id: str, window: Window, status: str | None, batch_id: str | None) -> Iterator[Json]:
        # All files of a batch are attached at its own time.
        prefix = MEMBER_PREFIX + (ids.time_part(ids.milliseconds_of(batch_id)) if batch_id else "")
        partition = ("thread_id", store_id)
        return (
            item
            for item in items_of(self._db, window, prefix, partition, "message_id", self._table)
            if status in (None, item["status"]) and batch_id in (None, item.get("batch_id"))
        )

    def _cursor(self, store_id: str, name: str, file_id: str | None) -> str | None:
        if file_id is None:
            return None
        try:
            return str(self.member(store_id, file_id)["message_id"])
        except NotFound:
            raise InvalidRequest(
                f"Invalid '{name}': expected the id of a file in this vector store.", param=name, code="invalid_value"
            ) from None

    def searchable(self, store_id: str) -> Iterator[Json]:
        """The items of the files that can be searched: some by their words alone, as their vectors are still made."""
        key = Key("thread_id").eq(store_id) & Key("message_id").begins_with(MEMBER_PREFIX)
        items = self._db.query_all(query(self._table, key))
        return (
            item
            for item in items
            if item["status"] == "completed" or (item["status"] == "in_progress" and "parts" in item)
        )

    # Changing

    def set_attributes(self, store_id: str, file_id: str, attributes: Json | None) -> Json:
        """Replace the file's attributes; the file afterwards.

        Raises:
            NotFound: the file is not in the store.
        """
        member = self.member(store_id, file_id)
        try:
            update = Update(self._table, key_of(member)).set(attributes=json.dumps(attributes))
            item = self._db.update(update.when(Attr("thread_id").exists()))
        except ConditionFailed:
            return self.set_attributes(store_id, file_id, attributes)
        return member_of(item)

    def note(self, member: Json, **progress: int) -> bool:
        """Write down how far a file's ingestion is; whether it was still in progress.

        Args:
            member: its item as the ingestion read it.
            progress: `chunks` and `parts` once words find the file, `embedded`: how many chunks have vectors.
        """
        update = Update(self._table, key_of(member)).set(progress)
        update.when(Attr("ingestion").eq(member["ingestion"]), Attr("status").eq("in_progress"))
        try:
            self._db.update(update)
        except ConditionFailed:
            return False
        return True

    def settle(self, member: Json, status: str, **outcome: Any) -> bool:
        """End a file's ingestion; whether it was still in progress.

        Args:
            member: its item as the ingestion read it.
            status: `completed`, `failed` or `cancelled`.
            outcome: `usage_bytes`, `chunks`, `parts` and `warnings` of a completed file, `last_error` of a failed one.
        """
        return self.settle_all([member], {"status": status, **outcome})

    def settle_all(self, members: Sequence[Json], settled: Json) -> bool:
        """Settle files of one batch, all or none; whether all were still in progress.

        Args:
            members: up to 50 items (DynamoDB limit for a transaction: 100 actions).
            settled: the `status` and the outcome of each.
        """
        store_id, batch_id = members[0]["thread_id"], members[0].get("batch_id")
        changes = {"in_progress": -len(members), settled["status"]: len(members)}
        actions = [self._actions.count(store_id, changes, settled.get("usage_bytes", 0))]
        actions += self._actions.count_in_batch(store_id, batch_id, changes)
        actions += [self._actions.settle(member, settled) for member in members]
        try:
            self._db.transact(actions)
        except ConditionFailed:
            return False
        return True


def unique(entries: Iterable[Json]) -> list[Json]:
    """Return the entries, but of several for one file only the first."""
    return list({entry["file_id"]: entry for entry in reversed(list(entries))}.values())[::-1]
