"""`/v1/vector_stores/{vector_store_id}/files` and `/file_batches`."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine import vector_stores
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import (
    CreateVectorStoreFileBatchRequest,
    CreateVectorStoreFileRequest,
    FileContentParameters,
    ListVectorStoreFilesParameters,
    NoParameters,
    UpdateVectorStoreFileAttributesRequest,
)
from assistant_engine.search.parts import key_of, text_of
from exchange import BODY_BYTES, body, deleted, listing, query, store, window

router = APIGatewayHttpRouter()

_POLL_AFTER_MS = "500"


@router.post("/v1/vector_stores/<vector_store_id>/files")
def create(vector_store_id: str) -> Response[Json]:
    entry = body(CreateVectorStoreFileRequest)
    return _polled(
        vector_stores.attach(store(), vector_stores.queue(), vector_store_id, [entry], now_ms(), batch=False)
    )


@router.get("/v1/vector_stores/<vector_store_id>/files")
def page(vector_store_id: str) -> Json:
    parameters = query(ListVectorStoreFilesParameters)
    store().vector_stores.head(vector_store_id)
    found = store().vector_store_files.page(vector_store_id, window(parameters), parameters.get("filter"))
    return listing(found)


@router.get("/v1/vector_stores/<vector_store_id>/files/<file_id>")
def retrieve(vector_store_id: str, file_id: str) -> Response[Json]:
    query(NoParameters)
    store().vector_stores.head(vector_store_id)
    return _polled(store().vector_store_files.get(vector_store_id, file_id))


@router.post("/v1/vector_stores/<vector_store_id>/files/<file_id>")
def modify(vector_store_id: str, file_id: str) -> Json:
    request = body(UpdateVectorStoreFileAttributesRequest)
    store().vector_stores.head(vector_store_id)
    return store().vector_store_files.set_attributes(vector_store_id, file_id, request["attributes"])


@router.delete("/v1/vector_stores/<vector_store_id>/files/<file_id>")
def delete(vector_store_id: str, file_id: str) -> Json:
    query(NoParameters)
    vector_stores.detach(store(), vector_stores.queue(), vector_store_id, file_id)
    return deleted("vector_store.file", file_id)


@router.get("/v1/vector_stores/<vector_store_id>/files/<file_id>/content")
def content(vector_store_id: str, file_id: str) -> Json:
    """The text that was read from a file, as many of its parts as an answer holds."""
    first = int(query(FileContentParameters).get("page", 0))
    store().vector_stores.head(vector_store_id)
    member = store().vector_store_files.member(vector_store_id, file_id)
    count = member.get("parts", 0)
    data: list[Json] = []
    size = 0
    for part in range(first, count):
        text = text_of(store().blobs.read_bytes(key_of(member, part)))
        size += len(text.encode())
        if data and size > BODY_BYTES:
            break
        data.append({"type": "text", "text": text})
    following = first + len(data)
    has_more = following < count
    return {
        "object": "vector_store.file_content.page",
        "data": data,
        "has_more": has_more,
        "next_page": str(following) if has_more else None,
    }


@router.post("/v1/vector_stores/<vector_store_id>/file_batches")
def create_batch(vector_store_id: str) -> Response[Json]:
    entries = vector_stores.batch_entries(body(CreateVectorStoreFileBatchRequest))
    return _polled(vector_stores.attach(store(), vector_stores.queue(), vector_store_id, entries, now_ms(), batch=True))


@router.get("/v1/vector_stores/<vector_store_id>/file_batches/<batch_id>")
def retrieve_batch(vector_store_id: str, batch_id: str) -> Response[Json]:
    query(NoParameters)
    store().vector_stores.head(vector_store_id)
    return _polled(store().vector_store_batches.get(vector_store_id, batch_id))


@router.post("/v1/vector_stores/<vector_store_id>/file_batches/<batch_id>/cancel")
def cancel_batch(vector_store_id: str, batch_id: str) -> Response[Json]:
    body(NoParameters)
    store().vector_stores.head(vector_store_id)
    return _polled(store().vector_store_batches.cancel(vector_store_id, batch_id))


@router.get("/v1/vector_stores/<vector_store_id>/file_batches/<batch_id>/files")
def batch_page(vector_store_id: str, batch_id: str) -> Json:
    parameters = query(ListVectorStoreFilesParameters)
    store().vector_stores.head(vector_store_id)
    store().vector_store_batches.get(vector_store_id, batch_id)
    files = store().vector_store_files
    return listing(files.page(vector_store_id, window(parameters), parameters.get("filter"), batch_id))


def _polled(answer: Json) -> Response[Json]:
    headers = {"openai-poll-after-ms": _POLL_AFTER_MS} if answer["status"] == "in_progress" else {}
    return Response(200, "application/json", answer, headers=headers)
