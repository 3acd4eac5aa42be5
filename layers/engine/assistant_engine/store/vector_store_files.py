"""The files in a vector store, and the batches in which they are attached.

In the store's partition each file has its item under `vsf_<time of attachment><file id>`, so that lists are queries in
that order, and a pointer under the file's id. The file's own partition lists the stores that it is in. A file attached
anew replaces itself.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest, NotFound, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import ConditionFailed, Database, marshal, values
from assistant_engine.store.pages import Page, Window, cut, items_of
from assistant_engine.store.vector_stores import DUE, PREFIX, counts_of, head_key

MEMBER_PREFIX = "vsf_"
BATCH_PREFIX = "vsfb_"

MOST_FILES = 10_000
"""Files in one store, as the API has it."""

LOOK_AGAIN_SECONDS = 1200
"""When a file that is still in progress is handed to the ingestion once more: its message may have been lost."""

_GROUP = 32
"""Files attached in one transaction: three items each, and those of the store and the batch (DynamoDB limit: 100)."""

_SETTLED_AT_ONCE = 50
_ATTEMPTS = 5


class VectorStoreFiles:
    """Files of vector stores in the API's shapes (`VectorStoreFileObject`, `VectorStoreFileBatchObject`).

    The store itself is looked up by the caller first: here, whoever knows its id may do everything.
    """

    def __init__(self, database: Database, table: str, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._table = table
        self._clock = clock

    # Attaching and detaching

    def attach(
        self,
        store_id: str,
        entries: Sequence[Json],
        now_ms: int,
        batch_id: str | None = None,
        *,
        anew: bool = True,
    ) -> list[Json]:
        """Attach files, in status `in_progress`; the items of those that were attached.

        Args:
            entries: `{"file_id", "filename", "attributes", "chunking"}` of each, no file twice.
            batch_id: the batch that they are counted in; made when its first file is attached.
            anew: whether a file that the store holds already replaces itself; else it stays as it is.

        Raises:
            InvalidRequest: the store would hold too many files.
            NotFound: the store was deleted meanwhile.
            Unavailable: others attach the same files at the same moment.
        """
        attached: list[Json] = []
        for start in range(0, len(entries), _GROUP):
            attached += self._attach_group(store_id, entries[start : start + _GROUP], now_ms, batch_id, anew)
        return attached

    def _attach_group(
        self, store_id: str, entries: Sequence[Json], now_ms: int, batch_id: str | None, anew: bool
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
                f"A vector store holds at most {MOST_FILES:,} files.", param="file_ids", code="too_many_files"
            )
        raise NotFound(f"No vector store found with id '{store_id}'.", param="vector_store_id")

    def _add(self, store_id: str, entries: Sequence[Json], now_ms: int, batch_id: str | None) -> list[Json]:
        members = [self._member(store_id, entry, now_ms, batch_id) for entry in entries]
        actions = [self._count(store_id, {"in_progress": len(members), "total": len(members)}, most=MOST_FILES)]
        actions += self._count_in_batch(
            store_id, batch_id, {"in_progress": len(members), "total": len(members)}, now_ms
        )
        for member in members:
            actions += [self._put(member), *self._put_pointers(member, "attribute_not_exists(thread_id)")]
        self._db.transact(actions)
        return members

    def _replace(self, store_id: str, old: Json, entry: Json, now_ms: int, batch_id: str | None) -> Json:
        member = self._member(store_id, entry, max(now_ms, old["attached_ms"] + 1), batch_id)
        member["replaces"] = old["ingestion"]
        again = {"in_progress": 1, old["status"]: -1} if old["status"] != "in_progress" else {}
        actions = [self._count(store_id, again, -old["usage_bytes"]), self._delete(old), self._put(member)]
        actions += self._put_pointers(member, "points_to = :old", old["message_id"])
        if batch_id is not None and old.get("batch_id") == batch_id:
            actions += self._count_in_batch(store_id, batch_id, again)
        else:
            actions += self._count_in_batch(store_id, batch_id, {"in_progress": 1, "total": 1}, now_ms)
            actions += self._drop_from_batch(old)
        self._db.transact(actions)
        return member

    def _drop_from_batch(self, member: Json) -> list[Json]:
        """In its batch, a file that goes while it is in progress counts as cancelled."""
        if member["status"] != "in_progress":
            return []
        changes = {"in_progress": -1, "cancelled": 1}
        return self._count_in_batch(member["thread_id"], member.get("batch_id"), changes)

    def detach(self, store_id: str, file_id: str) -> Json:
        """Take a file out of a store; its item as it was.

        Raises:
            NotFound: the file is not in the store.
            Unavailable: others change the same file at the same moment.
        """
        for _ in range(_ATTEMPTS):
            member = self.member(store_id, file_id)
            actions = [
                self._count(store_id, {member["status"]: -1, "total": -1}, -member["usage_bytes"]),
                self._delete(member),
                *(
                    {"Delete": {"TableName": self._table, "Key": marshal(key)}}
                    for key in (_pointer_key(store_id, file_id), _holding_key(store_id, file_id))
                ),
                *self._drop_from_batch(member),
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
        items = self._db.query_all(
            TableName=self._table,
            KeyConditionExpression="thread_id = :file AND begins_with(message_id, :prefix)",
            ExpressionAttributeValues=values(file=file_id, prefix=PREFIX),
            ConsistentRead=True,
        )
        return [item["message_id"] for item in items]

    # Reading

    def get(self, store_id: str, file_id: str) -> Json:
        """The file as `VectorStoreFileObject`.

        Raises:
            NotFound: the file is not in the store.
        """
        return shown(self.member(store_id, file_id))

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
        pointers = self._db.get_all(self._table, [_pointer_key(store_id, file_id) for file_id in file_ids])
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
        window = replace(window, after=after, before=before)
        found, has_more = cut(self._listed(store_id, window, status, batch_id), window)
        return Page(map(shown, found), has_more, window.from_end)

    def _listed(self, store_id: str, window: Window, status: str | None, batch_id: str | None) -> Iterator[Json]:
        # All files of a batch are attached at its own time.
        prefix = MEMBER_PREFIX + (ids.time_part(ids.milliseconds_of(batch_id)) if batch_id else "")
        partition = ("thread_id", store_id)
        request = {"TableName": self._table, "ConsistentRead": True}
        return (
            item
            for item in items_of(self._db, window, prefix, partition, "message_id", **request)
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

    def completed(self, store_id: str) -> Iterator[Json]:
        """The items of the files that can be searched."""
        items = self._db.query_all(
            TableName=self._table,
            KeyConditionExpression="thread_id = :store AND begins_with(message_id, :prefix)",
            ExpressionAttributeValues=values(store=store_id, prefix=MEMBER_PREFIX),
            ConsistentRead=True,
        )
        return (item for item in items if item["status"] == "completed")

    # Changing

    def set_attributes(self, store_id: str, file_id: str, attributes: Json | None) -> Json:
        """Replace the file's attributes; the file afterwards.

        Raises:
            NotFound: the file is not in the store.
        """
        member = self.member(store_id, file_id)
        try:
            item = self._db.update(
                TableName=self._table,
                Key=marshal(_key(member)),
                UpdateExpression="SET attributes = :attributes",
                ConditionExpression="attribute_exists(thread_id)",
                ExpressionAttributeValues=values(attributes=json.dumps(attributes)),
            )
        except ConditionFailed:
            return self.set_attributes(store_id, file_id, attributes)
        return shown(item)

    def settle(self, member: Json, status: str, **outcome: Any) -> bool:
        """End a file's ingestion; whether it was still in progress.

        Args:
            member: its item as the ingestion read it.
            status: `completed`, `failed` or `cancelled`.
            outcome: `usage_bytes`, `chunks` and `parts` of a completed file, `last_error` of a failed one.
        """
        return self._settle([member], {"status": status, **outcome})

    def _settle(self, members: Sequence[Json], settled: Json) -> bool:
        """Settle files of one batch, all or none; whether all were still in progress."""
        store_id, batch_id = members[0]["thread_id"], members[0].get("batch_id")
        changes = {"in_progress": -len(members), settled["status"]: len(members)}
        actions = [self._count(store_id, changes, settled.get("usage_bytes", 0))]
        actions += self._count_in_batch(store_id, batch_id, changes)
        for member in members:
            update = {
                "TableName": self._table,
                "Key": marshal(_key(member)),
                "UpdateExpression": "SET "
                + ", ".join(f"#{name} = :{name}" for name in settled)
                + " REMOVE open_shard, due_at",
                "ConditionExpression": "ingestion = :ingestion AND #status = :in_progress",
                "ExpressionAttributeNames": {f"#{name}": name for name in settled},
                "ExpressionAttributeValues": values(
                    ingestion=member["ingestion"], in_progress="in_progress", **settled
                ),
            }
            actions.append({"Update": update})
        try:
            self._db.transact(actions)
        except ConditionFailed:
            return False
        return True

    # Batches

    def batch(self, store_id: str, batch_id: str) -> Json:
        """The batch as `VectorStoreFileBatchObject`.

        Raises:
            NotFound: the store has no such batch.
        """
        known = batch_id.startswith(BATCH_PREFIX) and ids.is_id(batch_id)
        item = self._db.get(self._table, {"thread_id": store_id, "message_id": batch_id}) if known else None
        if item is None:
            raise NotFound(
                f"No file batch found with id '{batch_id[:64]}' in vector store '{store_id}'.", param="batch_id"
            )
        counts = counts_of(item)
        ended = "cancelled" if item.get("cancelled") else "completed"
        return {
            "id": batch_id,
            "object": "vector_store.files_batch",
            "created_at": item["created_at"],
            "vector_store_id": store_id,
            "status": "in_progress" if counts["in_progress"] else ended,
            "file_counts": counts,
        }

    def cancel_batch(self, store_id: str, batch_id: str) -> Json:
        """Cancel what of a batch is still in progress; the batch afterwards.

        Raises:
            NotFound: the store has no such batch.
        """
        if self.batch(store_id, batch_id)["status"] != "in_progress":
            return self.batch(store_id, batch_id)
        self._db.update(
            TableName=self._table,
            Key=marshal({"thread_id": store_id, "message_id": batch_id}),
            UpdateExpression="SET cancelled = :true",
            ConditionExpression="attribute_exists(thread_id)",
            ExpressionAttributeValues=values(true=True),
        )
        window = Window(limit=MOST_FILES, order="asc")
        waiting = list(self._listed(store_id, window, "in_progress", batch_id))
        for start in range(0, len(waiting), _SETTLED_AT_ONCE):
            group = waiting[start : start + _SETTLED_AT_ONCE]
            if not self._settle(group, {"status": "cancelled"}):
                for member in group:
                    self.settle(member, "cancelled")
        return self.batch(store_id, batch_id)

    # Items and actions

    def _member(self, store_id: str, entry: Json, at_ms: int, batch_id: str | None) -> Json:
        return {
            "thread_id": store_id,
            "message_id": f"{MEMBER_PREFIX}{ids.time_part(at_ms)}{entry['file_id']}",
            "file_id": entry["file_id"],
            "filename": entry["filename"],
            "status": "in_progress",
            "attached_ms": at_ms,
            "usage_bytes": 0,
            # Numbers in a caller's attributes may be fractions, which DynamoDB's client takes as decimals only.
            "attributes": json.dumps(entry["attributes"]),
            "chunking": entry["chunking"],
            "batch_id": batch_id,
            # Names this attachment: an ingestion of an earlier one of the same file comes too late.
            "ingestion": uuid.uuid4().hex,
            "open_shard": DUE,
            "due_at": at_ms // 1000 + LOOK_AGAIN_SECONDS,
        }

    def _put(self, member: Json) -> Json:
        absent = "attribute_not_exists(thread_id)"
        return {"Put": {"TableName": self._table, "Item": marshal(member), "ConditionExpression": absent}}

    def _put_pointers(self, member: Json, condition: str, old: str | None = None) -> list[Json]:
        store_id, file_id = member["thread_id"], member["file_id"]
        pointer = {
            "TableName": self._table,
            "Item": marshal({**_pointer_key(store_id, file_id), "points_to": member["message_id"]}),
            "ConditionExpression": condition,
            **({"ExpressionAttributeValues": values(old=old)} if old else {}),
        }
        holding = {"TableName": self._table, "Item": marshal(_holding_key(store_id, file_id))}
        return [{"Put": pointer}, {"Put": holding}]

    def _delete(self, member: Json) -> Json:
        return {
            "Delete": {
                "TableName": self._table,
                "Key": marshal(_key(member)),
                "ConditionExpression": "ingestion = :ingestion AND #status = :status",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": values(ingestion=member["ingestion"], status=member["status"]),
            }
        }

    def _count(self, store_id: str, changes: Json, usage_bytes: int = 0, most: int | None = None) -> Json:
        """The action that changes the store's counts; it fails when the store was deleted, or would hold too many."""
        condition, limit = "attribute_exists(#project)", {}
        if most is not None:
            condition += " AND n_total <= :room"
            limit = {"room": most - changes["total"]}
        update = _adding({**changes, "usage_bytes": usage_bytes})
        update["ExpressionAttributeValues"] |= values(**limit)
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal(head_key(store_id)),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#project": "project"},
                **update,
            }
        }

    def _count_in_batch(
        self, store_id: str, batch_id: str | None, changes: Json, created_ms: int | None = None
    ) -> list[Json]:
        """The action that changes a batch's counts and makes the batch, given its time; none without a batch."""
        if batch_id is None:
            return []
        update = _adding(changes)
        if created_ms is None:
            update["ConditionExpression"] = "attribute_exists(thread_id)"
        else:
            update["UpdateExpression"] += " SET created_at = :created_at"
            update["ExpressionAttributeValues"] |= values(created_at=created_ms // 1000)
        key = marshal({"thread_id": store_id, "message_id": batch_id})
        return [{"Update": {"TableName": self._table, "Key": key, **update}}]


def shown(item: Json) -> Json:
    """`VectorStoreFileObject` from a file's item."""
    return {
        "id": item["file_id"],
        "object": "vector_store.file",
        "created_at": item["attached_ms"] // 1000,
        "usage_bytes": item["usage_bytes"],
        "vector_store_id": item["thread_id"],
        "status": item["status"],
        "last_error": item.get("last_error"),
        "chunking_strategy": {"type": "static", "static": item["chunking"]},
        "attributes": attributes_of(item),
    }


def attributes_of(item: Json) -> Json | None:
    """The attributes in a file's item."""
    attributes: Json | None = json.loads(item["attributes"])
    return attributes


def _adding(changes: Json) -> Json:
    names = {name if name == "usage_bytes" else f"n_{name}": change for name, change in changes.items() if change}
    names = names or {"usage_bytes": 0}
    return {
        "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in names),
        "ExpressionAttributeValues": values(**names),
    }


def _key(member: Json) -> Json:
    return {"thread_id": member["thread_id"], "message_id": member["message_id"]}


def _pointer_key(store_id: str, file_id: str) -> Json:
    return {"thread_id": store_id, "message_id": file_id}


def _holding_key(store_id: str, file_id: str) -> Json:
    return {"thread_id": file_id, "message_id": store_id}


def unique(entries: Iterable[Json]) -> list[Json]:
    """The entries without those whose file came before."""
    return list({entry["file_id"]: entry for entry in reversed(list(entries))}.values())[::-1]
