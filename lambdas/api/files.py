"""`/v1/files`."""

from aws_lambda_powertools.event_handler import Response

from answers import listing
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import files
from assistant_engine.schemas import CreateFileRequest, ListFilesParameters
from assistant_engine.store import Window
from assistant_engine.store.files import disposition
from routes import Request, Routes

routes = Routes("Files")

MAX_INLINE_BYTES = 4_000_000
"""Content up to this size is the answer itself: base64 makes it a third larger, and an answer holds 6 MB."""

LINK_SECONDS = 300
"""How long the address holds that larger content is redirected to."""


@routes.post(
    "/files",
    "createFile",
    "Upload a file",
    body=CreateFileRequest,
    file="file",
    answer="OpenAIFile",
    creates="file",
)
def create(request: Request) -> Json:
    assert request.file
    return files.create(request.store, request.body, request.file, request.now_ms, request.idempotency)


@routes.get("/files", "listFiles", "List files", query=ListFilesParameters, answer="ListFilesResponse")
def list_(request: Request) -> Json:
    query = dict(request.query)
    purpose = query.pop("purpose", None)
    return listing(request.store.files.page(Window(**query), purpose))


@routes.get("/files/{file_id}", "retrieveFile", "Retrieve a file", answer="OpenAIFile")
def retrieve(request: Request, file_id: str) -> Json:
    return request.store.files.get(file_id)


@routes.get("/files/{file_id}/content", "downloadFile", "Retrieve the content of a file", answer=None)
def content(request: Request, file_id: str) -> Response[bytes]:
    """Answer with the bytes, or for a large file with the address where they are, for some minutes."""
    file = request.store.files.get(file_id)
    if file["bytes"] > MAX_INLINE_BYTES:
        location = request.store.files.url(file, LINK_SECONDS)
        return Response(status_code=302, headers={"Location": location, "Cache-Control": "no-store"}, body=b"")
    headers = {"Content-Disposition": disposition(file["filename"]), "X-Content-Type-Options": "nosniff"}
    data = request.store.files.read(file_id)
    return Response(status_code=200, content_type="application/octet-stream", headers=headers, body=data)


@routes.delete("/files/{file_id}", "deleteFile", "Delete a file", answer="DeleteFileResponse")
def delete(request: Request, file_id: str) -> Json:
    files.delete(request.store, file_id)
    return {"id": file_id, "object": "file", "deleted": True}
