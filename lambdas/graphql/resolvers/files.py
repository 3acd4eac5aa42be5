"""Files."""

import base64
import binascii
from dataclasses import dataclass
from functools import partial

from asked import Asked
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import files as use_cases
from assistant_engine.schemas.parameters import ListFilesParameters
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import CreateFileRequest
from assistant_engine.store import Replayed, Window
from resolvers.values import Listed, every

MAX_INLINE_BYTES = 3_300_000
"""Bytes of a file whose content an answer may carry: base64 makes them a third more, and Lambda carries 6 MB."""


@dataclass(frozen=True, slots=True)
class _Content:
    filename: str
    data: bytes
    media_type: str | None = None


def file(asked: Asked, file_id: str) -> Json:
    """Answer with a file, and with its content if that is asked for."""
    return shown(asked, asked.store.files.get(file_id))


def files(asked: Asked, purpose: str | None = None) -> list[Json]:
    """Answer with all files, newest first, or those of a purpose."""
    if purpose:
        parse(ListFilesParameters, {"purpose": purpose})

    def page(window: Window) -> object:
        return asked.store.files.page(window, purpose or None)

    found = Listed(every(asked, page), "Name their purpose.")  # type: ignore[arg-type]
    return [shown(asked, each) for each in found.part(0, found.total())]


def insert_file(asked: Asked, filename: str, encoded_content: str, purpose: str) -> Json:
    """Store a file whose content is base64."""
    request = parse(CreateFileRequest, {"purpose": purpose})
    try:
        data = base64.b64decode(encoded_content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            "Invalid 'encodedContent': it is not base64.", param="encodedContent", code="invalid_value"
        ) from None
    key = asked.idempotency("file", [request, filename, encoded_content])
    try:
        made = use_cases.create(asked.store, request, _Content(filename, data), asked.now_ms, key)
    except Replayed as before:
        made = asked.store.files.get(before.made["id"])
    return {"file": shown(asked, made)}


def delete_file(asked: Asked, file_id: str) -> Json:
    """Delete a file."""
    use_cases.delete(asked.store, file_id)
    return {"ok": True}


def shown(asked: Asked, found: Json) -> Json:
    """Return a file as the schema has it."""
    members = {name: found[name] for name in ("id", "object", "bytes", "created_at", "filename", "purpose")}
    return {**members, "encoded_content": partial(_encoded, asked, found)}


def _encoded(asked: Asked, found: Json) -> str:
    instead = f"Fetch a large file from /v1/files/{found['id']}/content."
    if found["bytes"] > MAX_INLINE_BYTES:
        raise InvalidRequest(f"The file has more than {MAX_INLINE_BYTES:,} bytes. {instead}", code="answer_too_large")
    asked.carry((found["bytes"] + 2) // 3 * 4, instead)
    return base64.b64encode(b"".join(asked.store.files.chunks(found["id"]))).decode()
