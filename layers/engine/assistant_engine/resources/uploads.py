"""Uploads: files that come in parts."""

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.resources.files import lifetime_of
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.uploads import LIFETIME_SECONDS


def create(store: Store, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None) -> Json:
    """Begin an upload from a valid `CreateUploadRequest`.

    Returns:
        `Upload`.

    Raises:
        Replayed, Conflict: the idempotency key was used.
    """
    now = seconds_of(now_ms)
    upload = {
        "id": ids.new_id("upload_", now_ms),
        "object": "upload",
        "bytes": request["bytes"],
        "created_at": now,
        "expires_at": now + LIFETIME_SECONDS,
        "filename": request["filename"],
        "purpose": request["purpose"],
        "status": "pending",
        "file": None,
    }
    store.uploads.create(upload, request["mime_type"], lifetime_of(request), idempotency)
    return upload
