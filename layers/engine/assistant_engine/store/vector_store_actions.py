"""The items of the files in a vector store, and the actions that change them.

In the store's partition each file has its item under `vsf_<time of attachment><file id>`, so that lists are queries in
that order, and a pointer under the file's id. The file's own partition lists the stores that it is in.
"""

import json
import uuid

from boto3.dynamodb.conditions import Attr, ConditionBase

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.store.expressions import Update, delete, put
from assistant_engine.store.vector_stores import DUE, head_key

MEMBER_PREFIX = "vsf_"

LOOK_AGAIN_SECONDS = 1200
"""When a file that is still in progress is handed to the ingestion once more: its message may have been lost."""


def new_member(store_id: str, entry: Json, at_ms: Milliseconds, batch_id: str | None) -> Json:
    """Return the item of a file that is attached.

    Args:
        entry: `{"file_id", "filename", "attributes", "chunking"}`; with `asked_at`, the sweeper is to see to it.
        at_ms: the time of attachment, in milliseconds since 1970.
    """
    asked_at = entry.get("asked_at")
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
        "asked_at": asked_at,
        "due_at": asked_at or at_ms // 1000 + LOOK_AGAIN_SECONDS,
    }


def member_of(item: Json) -> Json:
    """Return `VectorStoreFileObject` from a file's item."""
    return {
        "id": item["file_id"],
        "object": "vector_store.file",
        "created_at": item["attached_ms"] // 1000,
        "usage_bytes": item["usage_bytes"],
        "vector_store_id": item["thread_id"],
        "status": item["status"],
        "last_error": item.get("last_error"),
        "warnings": item.get("warnings", []),
        "progress": _progress_of(item),
        "chunking_strategy": {"type": "static", "static": item["chunking"]},
        "attributes": attributes_of(item),
    }


def _progress_of(item: Json) -> float:
    """Return the share of a file's chunks that have vectors, from 0 to 1."""
    if item["status"] == "completed":
        return 1.0
    return round(int(item.get("embedded", 0)) / int(item.get("chunks", 1)), 2)


def attributes_of(item: Json) -> Json | None:
    """Return the attributes in a file's item."""
    attributes: Json | None = json.loads(item["attributes"])
    return attributes


def key_of(member: Json) -> Json:
    """Return the key of a file's item."""
    return {"thread_id": member["thread_id"], "message_id": member["message_id"]}


def pointer_key(store_id: str, file_id: str) -> Json:
    """Return the key of the pointer to a file's item."""
    return {"thread_id": store_id, "message_id": file_id}


def pointers(member: Json) -> tuple[Json, Json]:
    """Return the pointer to a file's item, and the item that lists the store in the file's own partition."""
    store_id, file_id = member["thread_id"], member["file_id"]
    return {**pointer_key(store_id, file_id), "points_to": member["message_id"]}, _holding_key(store_id, file_id)


def _holding_key(store_id: str, file_id: str) -> Json:
    return {"thread_id": file_id, "message_id": store_id}


class Actions:
    """Actions of the transactions that attach, detach and settle files."""

    def __init__(self, table: str) -> None:
        self._table = table

    def put(self, member: Json) -> Json:
        """Return the action that writes a file's item."""
        return put(self._table, member, Attr("thread_id").not_exists())

    def put_pointers(self, member: Json, when: ConditionBase) -> list[Json]:
        """Return the actions that write the pointer to a file's item, and the store into the file's own partition."""
        pointer, holding = pointers(member)
        return [put(self._table, pointer, when), put(self._table, holding)]

    def delete(self, member: Json) -> Json:
        """Return the action that deletes a file's item as it was seen."""
        unchanged = Attr("ingestion").eq(member["ingestion"]) & Attr("status").eq(member["status"])
        return delete(self._table, key_of(member), unchanged)

    def delete_pointers(self, member: Json) -> list[Json]:
        """Return the actions that delete what `put_pointers` wrote."""
        store_id, file_id = member["thread_id"], member["file_id"]
        return [delete(self._table, key) for key in (pointer_key(store_id, file_id), _holding_key(store_id, file_id))]

    def settle(self, member: Json, settled: Json) -> Json:
        """Return the action that ends a file's ingestion, if it is still in progress."""
        update = Update(self._table, key_of(member)).set(settled).remove("open_shard", "due_at", "asked_at")
        update.when(Attr("ingestion").eq(member["ingestion"]), Attr("status").eq("in_progress"))
        return update.action()

    def count(self, store_id: str, changes: Json, usage_bytes: int = 0, most: int | None = None) -> Json:
        """Return the action that changes the store's counts.

        It fails when the store was deleted, or would hold more than `most` files.

        Args:
            changes: by status, and the `total`.
        """
        update = _adding(Update(self._table, head_key(store_id)), changes, usage_bytes)
        update.when(Attr("project").exists())
        if most is not None:
            update.when(Attr("n_total").lte(most - changes["total"]))
        return update.action()

    def count_in_batch(
        self, store_id: str, batch_id: str | None, changes: Json, created_ms: Milliseconds | None = None
    ) -> list[Json]:
        """Return the action that changes a batch's counts and makes the batch, given its time; none without a batch."""
        if batch_id is None:
            return []
        update = _adding(Update(self._table, {"thread_id": store_id, "message_id": batch_id}), changes)
        if created_ms is None:
            update.when(Attr("thread_id").exists())
        else:
            update.set(created_at=created_ms // 1000)
        return [update.action()]

    def drop_from_batch(self, member: Json) -> list[Json]:
        """Return the action that counts a file which goes while it is in progress as cancelled in its batch."""
        if member["status"] != "in_progress":
            return []
        changes = {"in_progress": -1, "cancelled": 1}
        return self.count_in_batch(member["thread_id"], member.get("batch_id"), changes)


def _adding(update: Update, changes: Json, usage_bytes: int = 0) -> Update:
    amounts = {**{f"n_{name}": change for name, change in changes.items()}, "usage_bytes": usage_bytes}
    return update.add({name: amount for name, amount in amounts.items() if amount} or {"usage_bytes": 0})
