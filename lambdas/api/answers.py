"""The shapes of answers.

Lambda carries 6 MB each way as JSON, in which a body is a string, or base64: a request may have 4.4 MB, a page of a
list ends early. An answer that is streamed may have any size.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Page, Window

MAX_BODY_BYTES = 4_400_000
"""Bytes that a request's body may have, once decoded."""

MAX_PAGE_BYTES = 6_000_000
"""Bytes that a page's objects may have in Lambda's answer, which holds 6,291,556."""


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer that is sent piece by piece, as its chunks are made; only routes that stream may give one.

    Attributes:
        status: of HTTP, fixed before the first chunk.
        headers: `content-type` among them.
        chunks: the body, each chunk sent at once. It is closed when the client is gone. An exception after the first
            chunk cuts the answer off; one before it is answered like any other error.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


def window(query: Json) -> Window:
    """The part of a list that valid `ListParameters`, or those of a list with a time, ask for."""
    since, until = (
        Milliseconds(1000 * query[name]) if name in query else None for name in ("created_after", "created_before")
    )
    return Window(query["limit"], query.get("order", "desc"), query.get("after"), query.get("before"), since, until)


def listing(page: Page) -> Json:
    """A page in the API's shape. It ends early, `has_more` then being true, before it outgrows an answer.

    Of a page whose reading was given up, the cursor to go on from is where it stopped.
    """
    data: list[Json] = []
    has_more, stopped_at = page.has_more, page.stopped_at
    size = 0
    for shown in page.objects:
        size += _carried_bytes(shown)
        if data and size > MAX_PAGE_BYTES:
            has_more, stopped_at = True, None
            break
        data.append(shown)
    if page.from_end:
        data.reverse()
    first_id, last_id = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    if stopped_at:
        first_id, last_id = (stopped_at, last_id) if page.from_end else (first_id, stopped_at)
    return {"object": "list", "data": data, "first_id": first_id, "last_id": last_id, "has_more": has_more}


def deleted(kind: str, identifier: str) -> Json:
    """The answer to a deletion."""
    return {"id": identifier, "object": f"{kind}.deleted", "deleted": True}


def to_json(answer: Any) -> str:
    """An answer as JSON text."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _carried_bytes(shown: Json) -> int:
    """Return how many bytes an object takes as text in Lambda's own JSON, which escapes its quotes once more."""
    return len(json.dumps(to_json(shown), ensure_ascii=False).encode())
