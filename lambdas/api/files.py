"""`/v1/files`."""

from answers import StreamedAnswer, listing
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import files
from assistant_engine.schemas.parameters import ListFilesParameters
from assistant_engine.schemas.requests import CreateFileRequest
from assistant_engine.store import Window
from assistant_engine.store.files import disposition
from routes import Request, Routes

routes = Routes("Files")


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
def content(request: Request, file_id: str) -> StreamedAnswer:
    """Answer with the bytes, however many there are."""
    file = request.store.files.get(file_id)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition(file["filename"]),
        "X-Content-Type-Options": "nosniff",
    }
    return StreamedAnswer(200, headers, request.store.files.chunks(file_id))


@routes.delete("/files/{file_id}", "deleteFile", "Delete a file", answer="DeleteFileResponse")
def delete(request: Request, file_id: str) -> Json:
    files.delete(request.store, file_id)
    return {"id": file_id, "object": "file", "deleted": True}
