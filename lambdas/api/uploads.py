"""`/v1/uploads`: files too large for one request, in parts of at most 4 MB."""

import hashlib

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import (
    AddUploadPartRequest,
    CompleteUploadRequest,
    CreateUploadRequest,
    NoParameters,
    parse_fields,
)
from assistant_engine.store.uploads import LIFETIME_SECONDS
from exchange import body, idempotency, query, store
from files import lifetime_of, only_file
from forms import read_form

router = APIGatewayHttpRouter()


@router.post("/v1/uploads")
def create() -> Json:
    fields = body(CreateUploadRequest)
    at = now_ms()
    upload = {
        "id": ids.new_id("upload_", at),
        "object": "upload",
        "bytes": fields["bytes"],
        "created_at": at // 1000,
        "expires_at": at // 1000 + LIFETIME_SECONDS,
        "filename": fields["filename"],
        "purpose": fields["purpose"],
        "status": "pending",
        "file": None,
    }
    store().uploads.create(upload, fields["mime_type"], lifetime_of(fields), idempotency("upload", fields))
    return upload


@router.post("/v1/uploads/<upload_id>/parts")
def add_part(upload_id: str) -> Json:
    query(NoParameters)
    form = read_form()
    parse_fields(AddUploadPartRequest, form.fields)
    data = only_file(form, "data").data
    digest = hashlib.sha256(data).hexdigest()
    return store().uploads.add_part(upload_id, data, now_ms(), idempotency("upload.part", {"data": digest}))


@router.post("/v1/uploads/<upload_id>/complete")
def complete(upload_id: str) -> Json:
    fields = body(CompleteUploadRequest)
    return store().uploads.complete(upload_id, fields["part_ids"], fields.get("md5"), now_ms())


@router.post("/v1/uploads/<upload_id>/cancel")
def cancel(upload_id: str) -> Json:
    body(NoParameters)
    return store().uploads.cancel(upload_id)
