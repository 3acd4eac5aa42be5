"""What handlers read of a request and give back, in the API's shapes.

Lambda carries 6 MB each way, binary data as base64 among it: a request may have 4.4 MB, a page of a list ends early.
"""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from assistant_engine import files
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.schemas import NoParameters, load_json, parse, parse_fields
from assistant_engine.schemas.common import Schema
from assistant_engine.store import Idempotency, Page, Store, Window, shared

BODY_BYTES = 4_400_000
"""Most bytes that a request's body, once decoded, and the objects of a page may have."""

_PLAIN_BYTES = 1_000_000
"""A longer answer travels as base64, which grows by a third; as text in Lambda's own JSON it could grow by more."""

router = APIGatewayHttpRouter()
"""Without routes of its own: it knows the request that is being answered, and its `project`, the caller's."""


def event() -> APIGatewayProxyEventV2:
    """The request that is being answered."""
    return router.current_event


def store() -> Store:
    """The store as the caller's project sees it."""
    project: str = router.context["project"]
    return shared.store(project)


def body_bytes() -> bytes:
    """The request's body, decoded."""
    text = event().raw_event.get("body") or ""
    # JSON may spell half a character, and so may Lambda's event: the schemas refuse it with a message of their own.
    return base64.b64decode(text) if event().is_base64_encoded else text.encode(errors="surrogatepass")


def body(schema: type[Schema], parameters: type[Schema] = NoParameters) -> Json:
    """The request's JSON body, valid by the schema; its query string must be valid, too.

    Raises:
        InvalidRequest: one of them is not, or the body names a file that is not there.
    """
    query(parameters)
    request = parse(schema, load_json(body_bytes()))
    files.check(store(), request)
    return request


def query(parameters: type[Schema]) -> Json:
    """The query string, with the schema's defaults.

    Raises:
        InvalidRequest: it is not valid by the schema.
    """
    try:
        fields = parse_qsl(event().raw_query_string or "", keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest("We could not parse the query string of your request: it is not UTF-8.") from None
    # Azure's clients add their API's version to every request.
    return parse_fields(parameters, [(name, text) for name, text in fields if name != "api-version"])


def window(parameters: Json) -> Window:
    """The part of a list that valid `ListParameters` ask for."""
    return Window(parameters["limit"], parameters["order"], parameters.get("after"), parameters.get("before"))


def idempotency(creates: str, request: Json) -> Idempotency | None:
    """What the header `Idempotency-Key` asks for.

    Args:
        creates: the kind of object that the request creates; each kind has keys of its own.
        request: the valid body.
    """
    key = event().headers.get("idempotency-key")
    if not key:
        return None
    return Idempotency(f"{creates}#{store().project}#{key}", [event().http_method, event().path, request])


def listing(page: Page) -> Json:
    """A page in the API's shape. It ends early, `has_more` then being true, before it outgrows an answer."""
    data: list[Json] = []
    has_more = page.has_more
    size = 0
    for shown in page.objects:
        size += len(_text(shown).encode())
        if data and size > BODY_BYTES:
            has_more = True
            break
        data.append(shown)
    if page.from_end:
        data.reverse()
    first_id, last_id = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first_id, "last_id": last_id, "has_more": has_more}


def deleted(kind: str, identifier: str) -> Json:
    """The answer to a deletion."""
    return {"id": identifier, "object": f"{kind}.deleted", "deleted": True}


def to_json(answer: Any) -> str | bytes:
    """An answer as JSON text, or as bytes, which Powertools sends as base64, when it is long."""
    text = _text(answer)
    encoded = text.encode()
    return text if len(encoded) <= _PLAIN_BYTES else encoded


def _text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
