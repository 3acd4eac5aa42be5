"""Files."""

from typing import Protocol

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import vector_stores
from assistant_engine.schemas.parsing import text_fault
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.files import PREFIX, media_type_of

MAX_NAME_LENGTH = 255

BATCH_LIFETIME_SECONDS = 30 * 24 * 3600
"""Files for a batch expire after 30 days unless told otherwise, as the reference says."""


class Content(Protocol):
    """A file as a client sends it: its name and media type, and its bytes."""

    @property
    def filename(self) -> str: ...
    @property
    def media_type(self) -> str | None: ...
    @property
    def data(self) -> bytes: ...


def create(
    store: Store, request: Json, content: Content, now_ms: Milliseconds, idempotency: Idempotency | None = None
) -> Json:
    """Store a file from a valid `CreateFileRequest` and its content.

    Returns:
        `OpenAIFile`.

    Raises:
        InvalidRequest: its name is empty, too long or no text.
        Replayed, Conflict: the idempotency key was used.
    """
    fault = text_fault(content.filename)
    if not 0 < len(content.filename) <= MAX_NAME_LENGTH:
        fault = f"it must have 1 to {MAX_NAME_LENGTH} characters"
    if fault:
        raise InvalidRequest(f"Invalid name of 'file': {fault}.", param="file", code="invalid_value")
    file_id = ids.new_id(PREFIX, now_ms)
    file = new_file(file_id, content.filename, len(content.data), request["purpose"], seconds_of(now_ms))
    if lifetime := lifetime_of(request):
        file["expires_at"] = file["created_at"] + lifetime
    store.files.create(file, media_type_of(content.filename, content.media_type), content.data, idempotency)
    return file


def lifetime_of(request: Json) -> int | None:
    """Seconds from a file's creation to its expiry; None for a file that stays."""
    if "expires_after" in request:
        seconds: int = request["expires_after"]["seconds"]
        return seconds
    return BATCH_LIFETIME_SECONDS if request["purpose"] == "batch" else None


def delete(store: Store, file_id: str) -> None:
    """Delete a file, and take it out of all vector stores.

    Raises:
        NotFound: there is no such file.
    """
    vector_stores.detach_everywhere(store, file_id)
    store.files.delete(file_id)
    store.sounds.forget_transcript(file_id)
