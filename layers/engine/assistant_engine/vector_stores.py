"""Vector stores: what valid requests make of them, and what is handed to the ingestion.

The ingestion's queue carries

- `{"store", "file", "ingestion"}`: read a file, by the key of its item in the store;
- `{"store", "removed", "ingestion"}`: remove the chunks of a file that was detached;
- `{"store"}`: remove the chunks of a store that was deleted or has expired.

Each message may come twice, and a lost one is sent again by the sweeper.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from assistant_engine import ids
from assistant_engine.errors import NotFound
from assistant_engine.records import Json
from assistant_engine.step import fault_of, logger
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.vector_store_files import BATCH_PREFIX, LOOK_AGAIN_SECONDS, unique
from assistant_engine.store.vector_stores import HEAD, PREFIX

AUTO_CHUNKING = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
"""The sizes of chunks unless a request says otherwise, as the API has them."""

_GIVE_UP_SECONDS = 24 * 3600


def embedding_settings() -> Json:
    """`{"model", "dimensions"}` of new stores, as configured; dimensions 0 are the model's own."""
    return {"model": os.environ["EMBEDDING_MODEL"], "dimensions": int(os.environ.get("EMBEDDING_DIMENSIONS") or 0)}


def create(store: Store, sqs: Any, request: Json, now_ms: int, idempotency: Idempotency | None = None) -> Json:
    """A new vector store from a valid `CreateVectorStoreRequest`, its files handed to the ingestion.

    Raises:
        NotFound: a file does not exist.
        Replayed, Conflict: the idempotency key was used.
    """
    entries = [
        {"file_id": file_id, "chunking_strategy": request.get("chunking_strategy"), "attributes": None}
        for file_id in request.get("file_ids", [])
    ]
    named = _named(store, entries)
    seconds = now_ms // 1000
    made: Json = {
        "id": ids.new_id(PREFIX, now_ms),
        "object": "vector_store",
        "created_at": seconds,
        "name": request.get("name") or "",
        "description": request.get("description"),
        "usage_bytes": 0,
        "file_counts": {
            "in_progress": len(named),
            "completed": 0,
            "failed": 0,
            "cancelled": 0,
            "total": len(named),
        },
        "status": "in_progress" if named else "completed",
        "expires_at": None,
        "last_active_at": seconds,
        "metadata": request.get("metadata") or {},
    }
    if request.get("expires_after"):
        made["expires_after"] = request["expires_after"]
        made["expires_at"] = seconds + request["expires_after"]["days"] * 86_400
    store.vector_stores.create(made, embedding_settings(), idempotency)
    hand_over(sqs, store.vector_store_files.attach(made["id"], named, now_ms))
    return made


def attach(store: Store, sqs: Any, store_id: str, entries: Sequence[Json], now_ms: int, *, batch: bool) -> Json:
    """Attach files to a store and hand them to the ingestion.

    Args:
        entries: valid `CreateVectorStoreFileRequest`s.
        batch: whether they are a batch, which then is the answer; else the one file is.

    Raises:
        NotFound: the store or a file does not exist.
        InvalidRequest: the store has expired, or would hold too many files.
    """
    head = store.vector_stores.usable(store_id)
    named = _named(store, entries)
    batch_id = ids.new_id(BATCH_PREFIX, now_ms) if batch else None
    hand_over(sqs, store.vector_store_files.attach(store_id, named, now_ms, batch_id))
    store.vector_stores.touch(store_id, head)
    if batch_id:
        return store.vector_store_files.batch(store_id, batch_id)
    return store.vector_store_files.get(store_id, named[0]["file_id"])


def detach(store: Store, sqs: Any, store_id: str, file_id: str) -> None:
    """Take a file out of a store; its chunks go in the background.

    Raises:
        NotFound: there is no such store, or it does not hold the file.
    """
    store.vector_stores.head(store_id)
    member = store.vector_store_files.detach(store_id, file_id)
    _send(sqs, [{"store": store_id, "removed": file_id, "ingestion": member["ingestion"]}])


def detach_everywhere(store: Store, sqs: Any, file_id: str) -> None:
    """Take a file that is deleted out of all vector stores."""
    for store_id in store.vector_store_files.stores_of(file_id):
        with suppress(NotFound):
            detach(store, sqs, store_id, file_id)


def delete(store: Store, sqs: Any, store_id: str) -> None:
    """Delete a store; its chunks go in the background.

    Raises:
        NotFound: there is no such store.
    """
    store.vector_stores.delete(store_id)
    _send(sqs, [{"store": store_id}])


def batch_entries(request: Json) -> list[Json]:
    """The files of a valid `CreateVectorStoreFileBatchRequest` as `CreateVectorStoreFileRequest`s."""
    if "files" in request and request["files"] is not None:
        files: list[Json] = request["files"]
        return files
    shared = {name: request.get(name) for name in ("chunking_strategy", "attributes")}
    return [{"file_id": file_id, **shared} for file_id in request["file_ids"]]


def _named(store: Store, entries: Sequence[Json]) -> list[Json]:
    """What `VectorStoreFiles.attach` takes of the files.

    Raises:
        NotFound: one does not exist.
    """
    wanted = unique(entries)
    names: dict[str, str] = {}
    for start in range(0, len(wanted), 100):
        names |= store.files.names([entry["file_id"] for entry in wanted[start : start + 100]])
    for entry in wanted:
        if entry["file_id"] not in names:
            raise NotFound(f"No such File object: {entry['file_id'][:64]}", param="file_id")
    return [
        {
            "file_id": entry["file_id"],
            "filename": names[entry["file_id"]],
            "attributes": entry.get("attributes"),
            "chunking": chunking_of(entry.get("chunking_strategy")),
        }
        for entry in wanted
    ]


def chunking_of(strategy: Json | None) -> Json:
    """`StaticChunkingStrategy` of a valid chunking strategy."""
    return strategy["static"] if strategy and strategy["type"] == "static" else AUTO_CHUNKING


def hand_over(sqs: Any, members: Sequence[Json]) -> None:
    """Hand files to the ingestion. What does not get there now, the sweeper hands over later."""
    messages = [
        {"store": member["thread_id"], "file": member["message_id"], "ingestion": member["ingestion"]}
        for member in members
    ]
    _send(sqs, messages)


def _send(sqs: Any, messages: Sequence[Json]) -> None:
    for start in range(0, len(messages), 10):
        entries = [
            {"Id": str(index), "MessageBody": json.dumps(message)}
            for index, message in enumerate(messages[start : start + 10])
        ]
        try:
            answer = sqs.send_message_batch(QueueUrl=os.environ["INGESTION_QUEUE_URL"], Entries=entries)
        except Exception as error:
            # What is asked for is in the records, so the caller's request is carried out; the sweeper looks again.
            logger.warning("the ingestion is not told yet: %s", fault_of(error).where)
        else:
            for failed in answer.get("Failed", []):
                logger.warning("the ingestion is not told yet: %s", failed["Code"])


def sweep(store: Store, sqs: Any, now: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Work for the sweeper: what of vector stores is due, as (what it is, how to see to it)."""
    for store_id, sort_key in store.vector_stores.due(now):
        yield f"{sort_key} of {store_id}", partial(_see_to, store, sqs, store_id, sort_key, now)


def _see_to(store: Store, sqs: Any, store_id: str, sort_key: str, now: int) -> None:
    if sort_key == HEAD:
        _send(sqs, [{"store": store_id}])
        store.vector_stores.postpone(store_id, sort_key, now + LOOK_AGAIN_SECONDS)
        return
    member = store.vector_store_files.at(store_id, sort_key)
    if member is None or member["status"] != "in_progress":
        return
    if now - member["attached_ms"] // 1000 > _GIVE_UP_SECONDS:
        error = {"code": "server_error", "message": "The file could not be processed."}
        store.vector_store_files.settle(member, "failed", last_error=error)
        return
    hand_over(sqs, [member])
    store.vector_stores.postpone(store_id, sort_key, now + LOOK_AGAIN_SECONDS)
