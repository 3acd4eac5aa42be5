"""`/v1/files`."""

import hashlib

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine import vector_stores
from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import CreateFileRequest, ListFilesParameters, NoParameters, parse_fields, text_fault
from assistant_engine.store import Window
from assistant_engine.store.files import PREFIX, disposition, media_type_of
from exchange import idempotency, listing, query, store
from forms import Form, FormFile, read_form

router = APIGatewayHttpRouter()

INLINE_BYTES = 4_000_000
"""Content up to this size is the answer itself: base64 makes it a third larger, and an answer holds 6 MB."""

LINK_SECONDS = 300
"""How long the address holds that larger content is redirected to."""

NAME_LENGTH = 255

BATCH_LIFETIME = 30 * 24 * 3600
"""Files for a batch expire after 30 days unless told otherwise, as the reference says."""


@router.post("/v1/files")
def create() -> Json:
    query(NoParameters)
    form = read_form()
    fields = parse_fields(CreateFileRequest, form.fields)
    upload = only_file(form, "file")
    fault = text_fault(upload.filename)
    if not 0 < len(upload.filename) <= NAME_LENGTH:
        fault = f"it must have 1 to {NAME_LENGTH} characters"
    if fault:
        raise InvalidRequest(f"Invalid name of 'file': {fault}.", param="file", code="invalid_value")
    at = now_ms()
    file = {
        "id": ids.new_id(PREFIX, at),
        "object": "file",
        "bytes": len(upload.data),
        "created_at": at // 1000,
        "filename": upload.filename,
        "purpose": fields["purpose"],
        "status": "processed",
    }
    lifetime = lifetime_of(fields)
    if lifetime:
        file["expires_at"] = file["created_at"] + lifetime
    digest = hashlib.sha256(upload.data).hexdigest()
    store().files.create(
        file,
        media_type_of(upload.filename, upload.media_type),
        upload.data,
        idempotency("file", {**fields, "file": [upload.filename, digest]}),
    )
    return file


@router.get("/v1/files")
def page() -> Json:
    window = query(ListFilesParameters)
    purpose = window.pop("purpose", None)
    return listing(store().files.page(Window(**window), purpose))


@router.get("/v1/files/<file_id>")
def retrieve(file_id: str) -> Json:
    query(NoParameters)
    return store().files.get(file_id)


@router.delete("/v1/files/<file_id>")
def delete(file_id: str) -> Json:
    query(NoParameters)
    vector_stores.detach_everywhere(store(), vector_stores.queue(), file_id)
    store().files.delete(file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/v1/files/<file_id>/content")
def content(file_id: str) -> Response[bytes]:
    """The bytes, or for a large file the address where they are, for some minutes."""
    query(NoParameters)
    file = store().files.get(file_id)
    if file["bytes"] > INLINE_BYTES:
        location = store().files.url(file, LINK_SECONDS)
        return Response(status_code=302, headers={"Location": location, "Cache-Control": "no-store"}, body=b"")
    headers = {"Content-Disposition": disposition(file["filename"]), "X-Content-Type-Options": "nosniff"}
    data = store().files.read(file_id)
    return Response(status_code=200, content_type="application/octet-stream", headers=headers, body=data)


def only_file(form: Form, name: str) -> FormFile:
    """The one file of a form.

    Raises:
        InvalidRequest: it is missing, or the form has others.
    """
    for other in form.files:
        if other != name:
            raise InvalidRequest(f"Unknown parameter: '{other[:64]}'.", param=other[:64], code="unknown_parameter")
    if name not in form.files:
        raise InvalidRequest(
            f"Missing required parameter: '{name}', a file.", param=name, code="missing_required_parameter"
        )
    return form.files[name]


def lifetime_of(fields: Json) -> int | None:
    """Seconds from a file's creation to its expiry; None for a file that stays."""
    if "expires_after" in fields:
        seconds: int = fields["expires_after"]["seconds"]
        return seconds
    return BATCH_LIFETIME if fields["purpose"] == "batch" else None
