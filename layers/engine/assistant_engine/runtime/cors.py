"""Which pages in a browser may use the API: cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol).

The function answers this itself, so what is in front of it need not know. `CORS_ORIGINS` lists origins, separated by
commas: `https://app.example`, or with any port `http://localhost:*`, or `*` for every page. A page sends its key in a
header of its own; there are no cookies, and nothing is allowed that needs credentials.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from assistant_engine.runtime.settings import Cors, configured

METHODS = "GET, POST, DELETE"
REQUEST_HEADERS = ("authorization", "content-type", "idempotency-key", "last-event-id", "openai-beta", "x-stainless-*")
"""What a page may send; the `openai` package adds several headers of its own whose names begin with `x-stainless-`."""
RESPONSE_HEADERS = "openai-poll-after-ms, retry-after, x-request-id"
"""What a page may read, in addition to the headers that every page may read."""

_MAX_AGE_SECONDS = "7200"  # what browsers keep at most


def answer_headers(request: Mapping[str, str]) -> dict[str, str]:
    """The headers that let the page read an answer; none where its origin is not allowed.

    Args:
        request: the request's headers, by their names in lower case.
    """
    if not (origins := _origins()):
        return {}
    varies = {"vary": "Origin"}  # Caches must not give one page's answer to another.
    origin = request.get("origin", "")
    if not any(_is(origin, allowed) for allowed in origins):
        return varies
    return {**varies, "access-control-allow-origin": origin, "access-control-expose-headers": RESPONSE_HEADERS}


def preflight_headers(request: Mapping[str, str]) -> dict[str, str] | None:
    """The headers that answer the question which a browser asks before a request; None where it asks in vain.

    Args:
        request: the headers of an OPTIONS request, by their names in lower case.
    """
    headers = answer_headers(request)
    if "access-control-request-method" not in request or "access-control-allow-origin" not in headers:
        return None
    asked = re.findall(r"[^\s,]+", request.get("access-control-request-headers", "").lower())
    named = [name for name in REQUEST_HEADERS if "*" not in name]
    # A header can't be allowed by the beginning of its name, so those that are asked for are named.
    known = [name for name in asked if any(fnmatchcase(name, allowed) for allowed in REQUEST_HEADERS)]
    return {
        **headers,
        "vary": "Origin, Access-Control-Request-Headers",
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": ", ".join(dict.fromkeys([*named, *known])),
        "access-control-max-age": _MAX_AGE_SECONDS,
    }


def _origins() -> list[str]:
    return [origin.lower() for origin in configured(Cors).cors_origins]


def _is(origin: str, allowed: str) -> bool:
    if allowed == "*":
        return bool(origin)
    host, _, port = allowed.rpartition(":")
    return bool(re.fullmatch(re.escape(host) + r"(:\d+)?", origin)) if port == "*" else origin == allowed
