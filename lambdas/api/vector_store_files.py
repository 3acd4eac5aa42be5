"""`/v1/vector_stores/{vector_store_id}/files` and `/file_batches`."""

from aws_lambda_powertools.event_handler import Response

from answers import MAX_BODY_BYTES, deleted, listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import vector_stores
from assistant_engine.schemas.vector_stores import (
    CreateVectorStoreFileBatchRequest,
    CreateVectorStoreFileRequest,
    FileContentParameters,
    ListVectorStoreFilesParameters,
    UpdateVectorStoreFileAttributesRequest,
)
from assistant_engine.search.parts import key_of, text_of
from assistant_engine.store.vector_stores import id_of
from routes import Request, Routes

routes = Routes("Vector store files")
batch_routes = Routes("Vector store file batches")

_POLL_AFTER_MS = "500"

_ALL, _ONE = "/vector_stores/{vector_store_id}/files", "/vector_stores/{vector_store_id}/files/{file_id}"
_BATCHES = "/vector_stores/{vector_store_id}/file_batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"


@routes.post(
    _ALL,
    "createVectorStoreFile",
    "Attach a file",
    body=CreateVectorStoreFileRequest,
    answer="VectorStoreFileObject",
    polled=True,
)
def create(request: Request, vector_store: Json) -> Response[Json]:
    return _polled(vector_stores.attach(request.store, vector_store, [request.body], request.now_ms, batch=False))


@routes.get(
    _ALL,
    "listVectorStoreFiles",
    "List the files of a vector store",
    query=ListVectorStoreFilesParameters,
    answer="ListVectorStoreFilesResponse",
)
def list_(request: Request, vector_store: Json) -> Json:
    files = request.store.vector_store_files
    return listing(files.page(id_of(vector_store), window(request.query), request.query.get("filter")))


@routes.get(
    _ONE, "getVectorStoreFile", "Retrieve a file of a vector store", answer="VectorStoreFileObject", polled=True
)
def retrieve(request: Request, vector_store: Json, file_id: str) -> Response[Json]:
    return _polled(request.store.vector_store_files.get(id_of(vector_store), file_id))


@routes.post(
    _ONE,
    "updateVectorStoreFileAttributes",
    "Replace a file's attributes",
    body=UpdateVectorStoreFileAttributesRequest,
    answer="VectorStoreFileObject",
)
def modify(request: Request, vector_store: Json, file_id: str) -> Json:
    return request.store.vector_store_files.set_attributes(id_of(vector_store), file_id, request.body["attributes"])


@routes.delete(
    _ONE, "deleteVectorStoreFile", "Take a file out of a vector store", answer="DeleteVectorStoreFileResponse"
)
def delete(request: Request, vector_store: Json, file_id: str) -> Json:
    vector_stores.detach(request.store, vector_store, file_id)
    return deleted("vector_store.file", file_id)


@routes.get(
    f"{_ONE}/content",
    "retrieveVectorStoreFileContent",
    "Retrieve the text of a file",
    query=FileContentParameters,
    answer="VectorStoreFileContentResponse",
)
def content(request: Request, vector_store: Json, file_id: str) -> Json:
    """Answer with the text that was read from a file, as many of its parts as an answer holds."""
    first = int(request.query.get("page", 0))
    member = request.store.vector_store_files.member(id_of(vector_store), file_id)
    count = member["parts"] if member["status"] == "completed" else 0
    data: list[Json] = []
    size = 0
    for part in range(first, count):
        text = text_of(request.store.blobs.read_bytes(key_of(member, part)))
        size += len(text.encode())
        if data and size > MAX_BODY_BYTES:
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


@batch_routes.post(
    _BATCHES,
    "createVectorStoreFileBatch",
    "Attach several files",
    body=CreateVectorStoreFileBatchRequest,
    answer="VectorStoreFileBatchObject",
    polled=True,
)
def create_batch(request: Request, vector_store: Json) -> Response[Json]:
    entries = vector_stores.batch_entries(request.body)
    return _polled(vector_stores.attach(request.store, vector_store, entries, request.now_ms, batch=True))


@batch_routes.get(
    _BATCH, "getVectorStoreFileBatch", "Retrieve a batch", answer="VectorStoreFileBatchObject", polled=True
)
def retrieve_batch(request: Request, vector_store: Json, batch_id: str) -> Response[Json]:
    return _polled(request.store.vector_store_batches.get(id_of(vector_store), batch_id))


@batch_routes.post(
    f"{_BATCH}/cancel",
    "cancelVectorStoreFileBatch",
    "Cancel what is still in progress",
    answer="VectorStoreFileBatchObject",
    polled=True,
)
def cancel_batch(request: Request, vector_store: Json, batch_id: str) -> Response[Json]:
    return _polled(request.store.vector_store_batches.cancel(id_of(vector_store), batch_id))


@batch_routes.get(
    f"{_BATCH}/files",
    "listFilesInVectorStoreBatch",
    "List the files of a batch",
    query=ListVectorStoreFilesParameters,
    answer="ListVectorStoreFilesResponse",
)
def list_batch(request: Request, vector_store: Json, batch_id: str) -> Json:
    files = request.store.vector_store_files
    request.store.vector_store_batches.get(id_of(vector_store), batch_id)
    return listing(files.page(id_of(vector_store), window(request.query), request.query.get("filter"), batch_id))


def _polled(answer: Json) -> Response[Json]:
    headers = {"openai-poll-after-ms": _POLL_AFTER_MS} if answer["status"] == "in_progress" else {}
    return Response(200, "application/json", answer, headers=headers)
