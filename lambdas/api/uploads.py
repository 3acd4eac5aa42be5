"""`/v1/uploads`: files too large for one request, in parts of at most 4 MB."""

from assistant_engine.domain.json_data import Json
from assistant_engine.resources import uploads
from assistant_engine.schemas.requests import AddUploadPartRequest, CompleteUploadRequest, CreateUploadRequest
from routes import Request, Routes

routes = Routes("Uploads")


@routes.post(
    "/uploads",
    "createUpload",
    "Begin an upload; it can be completed within the hour",
    body=CreateUploadRequest,
    answer="Upload",
    creates="upload",
)
def create(request: Request) -> Json:
    return uploads.create(request.store, request.body, request.now_ms, request.idempotency)


@routes.post(
    "/uploads/{upload_id}/parts",
    "addUploadPart",
    "Add a part",
    body=AddUploadPartRequest,
    file="data",
    answer="UploadPart",
    creates="upload.part",
)
def add_part(request: Request, upload_id: str) -> Json:
    assert request.file
    return request.store.uploads.add_part(upload_id, request.file.data, request.now_ms, request.idempotency)


@routes.post(
    "/uploads/{upload_id}/complete",
    "completeUpload",
    "Make the file of its parts",
    body=CompleteUploadRequest,
    answer="Upload",
)
def complete(request: Request, upload_id: str) -> Json:
    part_ids, md5 = request.body["part_ids"], request.body.get("md5")
    return request.store.uploads.complete(upload_id, part_ids, md5, request.now_ms)


@routes.post("/uploads/{upload_id}/cancel", "cancelUpload", "Cancel an upload", answer="Upload")
def cancel(request: Request, upload_id: str) -> Json:
    return request.store.uploads.cancel(upload_id)
