"""Vector stores and their files."""

from collections.abc import Sequence
from contextlib import suppress

from assistant_engine.domain import ids
from assistant_engine.domain.builtin_tools import offered
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import NotFound, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import ingestion
from assistant_engine.runtime.settings import EmbeddingModel, HostedTools, configured
from assistant_engine.store import Idempotency, Replayed, Store
from assistant_engine.store.vector_store_batches import BATCH_PREFIX
from assistant_engine.store.vector_store_files import unique
from assistant_engine.store.vector_stores import PREFIX, counts_of, id_of

AUTO_CHUNKING = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
"""The sizes of chunks unless a request says otherwise, as the API has them."""

THREAD_DAYS = 7
"""How long after its last use a vector store that was made with a thread, or for it, expires, as the API has it."""

READING_SECONDS = 60
"""How long a run waits at most for files of its thread's vector store, as the API has it."""

_ATTEMPTS = 10


def embedding_settings() -> Json:
    """`{"model", "dimensions"}` of new stores, as configured; dimensions 0 are the model's own."""
    chosen = configured(EmbeddingModel)
    return {"model": chosen.embedding_model, "dimensions": chosen.embedding_dimensions}


def create(store: Store, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None) -> Json:
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
    seconds = seconds_of(now_ms)
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
    ingestion.enqueue(store.vector_store_files.attach(made["id"], named, now_ms))
    return made


def attach(store: Store, head: Json, entries: Sequence[Json], now_ms: Milliseconds, *, batch: bool) -> Json:
    """Attach files to a store and hand them to the ingestion.

    Args:
        head: the store's item, as it was read.
        entries: valid `CreateVectorStoreFileRequest`s.
        batch: whether they are a batch, which then is the answer; else the one file is.

    Raises:
        NotFound: a file does not exist.
        InvalidRequest: the store has expired, or would hold too many files.
    """
    store.vector_stores.require_usable(head)
    store_id = id_of(head)
    named = _named(store, entries)
    batch_id = ids.new_id(BATCH_PREFIX, now_ms) if batch else None
    ingestion.enqueue(store.vector_store_files.attach(store_id, named, now_ms, batch_id))
    store.vector_stores.touch(store_id, head)
    if batch_id:
        return store.vector_store_batches.get(store_id, batch_id)
    return store.vector_store_files.get(store_id, named[0]["file_id"])


def made_with(
    store: Store,
    requested: Json | None,
    resources: Json,
    messages: Sequence[Json],
    now_ms: Milliseconds,
    idempotency: Idempotency | None = None,
    *,
    days: int | None = None,
) -> Json:
    """The tool resources of an assistant or a thread that is about to be made, with the vector store that its request
    asks for or its messages' attachments need.

    The store is made before what names it is written. Who dies between the two leaves a store that nothing names: one
    of a thread expires, one of an assistant is listed and can be deleted. The same request, repeated under its
    idempotency key, finds the store that it made, and attaches what it had not attached.

    Args:
        requested: the request's `CreateToolResources`.
        resources: `ToolResources` as they are to be stored without that store.
        messages: the thread's first messages, as `MessageObject`.
        days: after which the store expires, counted from its last use.

    Raises:
        NotFound, InvalidRequest: a file does not exist, or there are too many; the store that is named has expired.
        Replayed, Conflict: the idempotency key was used.
    """
    asked = ((requested or {}).get("file_search") or {}).get("vector_stores") or []
    attached = attached_files(messages)
    if not asked and not attached:
        return resources
    if idempotency:
        store.check(idempotency)
    if named := store_ids(resources):
        _add(store, named[0], attached, now_ms)
        return resources
    request = {**(asked[0] if asked else {}), **({"expires_after": {"days": days}} if days else {})}
    request["file_ids"] = [*request.get("file_ids", []), *attached]
    made = _made_once(store, request, now_ms, idempotency)
    return {**resources, "file_search": {"vector_store_ids": [made]}}


def take_in(
    store: Store, thread: Thread, messages: Sequence[Json], now_ms: Milliseconds, idempotency: Idempotency | None = None
) -> None:
    """Put the files that new messages bring for file search into their thread's vector store; the thread gets one if it
    has none that can be added to.

    Done before the messages are written. A process that dies between the two leaves files that can be searched in the
    thread, and no message that tells of them; repeated, the request finds them there. If somebody else gives the thread
    a store at the same moment, the one made here expires.

    Args:
        thread: as it was read.
        messages: as `MessageObject`. There is nothing to do while a run of the thread is active: they are refused.

    Raises:
        NotFound: the thread or a file does not exist.
        InvalidRequest: the store would hold too many files.
        Replayed, Conflict: the idempotency key was used.
        Unavailable: others write to the thread all the time.
    """
    attached = attached_files(messages)
    if not attached:
        return
    if idempotency:
        store.check(idempotency)
    made = None
    for _ in range(_ATTEMPTS):
        if thread.active_run:
            return
        named = store_ids(thread.tool_resources)
        if named and store.vector_stores.searchable(named[0]):
            _add(store, named[0], attached, now_ms)
            return
        request = {"file_ids": attached, "expires_after": {"days": THREAD_DAYS}}
        made = made or _made_once(store, request, now_ms, idempotency)
        resources = {**thread.tool_resources, "file_search": {"vector_store_ids": [made]}}
        if store.threads.replace_resources(thread, resources):
            return
        thread = store.threads.get(thread.id)
    raise Unavailable(f"Too many writers on {thread.id} at once. Please try again.")


def _searches(run: Run) -> bool:
    return "file_search" in offered(run.settings["tools"], configured(HostedTools).hosted_tools)


def still_reading(store: Store, run: Run, now: Seconds) -> bool:
    """Return whether a run that searches files should wait before it first asks the model.

    It should while files of its thread's vector store are being read, and the run is not a minute old.
    """
    if run.turn or now - run.created_at >= READING_SECONDS or not _searches(run):
        return False
    named = store_ids(store.threads.get_head(run.thread_id).tool_resources)
    head = store.of(run.project).vector_stores.searchable(named[0]) if named else None
    return head is not None and counts_of(head)["in_progress"] > 0


def store_ids(resources: Json) -> list[str]:
    """The vector stores that `ToolResources` name: at most one."""
    return (resources.get("file_search") or {}).get("vector_store_ids") or []


def attached_files(messages: Sequence[Json]) -> list[str]:
    """The files that messages (`MessageObject`) bring for file search, each once."""
    attachments = (attachment for message in messages for attachment in message["attachments"])
    wanted = (
        attachment["file_id"]
        for attachment in attachments
        if any(tool["type"] == "file_search" for tool in attachment.get("tools") or [])
    )
    return list(dict.fromkeys(wanted))


def _made_once(store: Store, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None) -> str:
    """The id of a store made from a `CreateVectorStoreRequest`, or of the one that the same key made before."""
    own = Idempotency(f"vector_store of {idempotency.key}", request) if idempotency else None
    try:
        return str(create(store, request, now_ms, own)["id"])
    except Replayed as before:
        store_id: str = before.made["id"]
        _add(store, store_id, request["file_ids"], now_ms, request.get("chunking_strategy"))
        return store_id


def _add(
    store: Store, store_id: str, file_ids: Sequence[str], now_ms: Milliseconds, chunking: Json | None = None
) -> None:
    """Attach those of the files that the store does not hold yet."""
    head = store.vector_stores.usable(store_id)
    named = _named(store, [{"file_id": file_id, "chunking_strategy": chunking} for file_id in file_ids])
    ingestion.enqueue(store.vector_store_files.attach(store_id, named, now_ms, anew=False))
    store.vector_stores.touch(store_id, head)


def detach(store: Store, head: Json, file_id: str) -> None:
    """Take a file out of a store (its item, as it was read); its chunks go in the background.

    Raises:
        NotFound: the store does not hold the file.
    """
    member = store.vector_store_files.detach(id_of(head), file_id)
    ingestion.enqueue_removal(member)


def detach_everywhere(store: Store, file_id: str) -> None:
    """Take a file that is deleted out of all vector stores."""
    for store_id in store.vector_store_files.stores_of(file_id):
        with suppress(NotFound):
            detach(store, store.vector_stores.head(store_id), file_id)


def delete(store: Store, store_id: str) -> None:
    """Delete a store; its chunks go in the background.

    Raises:
        NotFound: there is no such store.
    """
    store.vector_stores.delete(store_id)
    ingestion.enqueue_deletion(store_id)


def batch_entries(request: Json) -> list[Json]:
    """The files of a valid `CreateVectorStoreFileBatchRequest` as `CreateVectorStoreFileRequest`s."""
    if "files" in request and request["files"] is not None:
        files: list[Json] = request["files"]
        return files
    shared = {name: request.get(name) for name in ("chunking_strategy", "attributes")}
    return [{"file_id": file_id, **shared} for file_id in request["file_ids"]]


def _named(store: Store, entries: Sequence[Json]) -> list[Json]:
    """Return what `VectorStoreFiles.attach` takes of the files.

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
