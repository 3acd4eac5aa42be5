"""The callers of the function: how each one asks, and the form in which it is answered.

W1 is a request of the REST API: `POST /graphql`, or SilvaEngine's `POST /<area>/{endpoint_id}/<function>`. W2 is the
event of a SilvaEngine worker, `{"MODULENAME", "CLASSNAME", "funct", "setting", "params", "body", "context"}`, the last
four of which are JSON texts. W3 is a SilvaEngine task, `{"endpoint_id", "funct", "params"}`. W2 and W3 come from
whoever IAM lets invoke the function.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from asked import Asked, Document
from assistant_engine.domain import ids
from assistant_engine.domain.errors import ApiError, InvalidRequest, MethodNotAllowed, NotFound, TooLarge, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.runtime import cors
from assistant_engine.runtime.api_keys import caller_project, keys
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.incoming import BASE, Incoming, incoming_of
from assistant_engine.runtime.log import logger
from assistant_engine.schemas.parsing import load_json
from assistant_engine.store import shared

Run = Callable[[Document, Asked], Json]

PLAIN = f"{BASE}/graphql"
FUNCTIONS = ("openai_assistant_graphql", "open_assistant_graphql")
"""What SilvaEngine's callers name the function; the second one is the name of its first version."""

TASK = "async_insert_update_fine_tuning_messages"
"""What SilvaEngine runs in the background: a mutation whose arguments are in `params`, as Python spells them."""

_TASK = """mutation (
  $assistantType: String, $assistantId: String, $toDate: DateTime, $days: Int, $retrain: Boolean,
  $trainedMessageUuids: [String], $weightupMessageUuids: [String], $weightdownMessageUuids: [String]
) {
  insertUpdateFineTuningMessages(
    assistantType: $assistantType, assistantId: $assistantId, toDate: $toDate, days: $days, retrain: $retrain,
    trainedMessageUuids: $trainedMessageUuids, weightupMessageUuids: $weightupMessageUuids,
    weightdownMessageUuids: $weightdownMessageUuids
  ) { asyncTask { functionName taskUuid } }
}"""

MAX_BODY_BYTES = 4_400_000
"""Bytes of a request's body: a file in it may have 3.3 MB, which base64 makes a third larger."""

INVALID: Json = {"errors": "Invalid operations.", "status_code": 400}
"""What SilvaEngine says where there is no query."""

_MAX_KEY = 256


# W1: requests of the REST API


def answer_request(event: Json, run: Run) -> Json:
    """Answer a request of the REST API with the proxy's answer (Lambda proxy integration, format 1.0)."""
    request = incoming_of(event)
    preflight = cors.preflight_headers(request.headers) if request.method == "OPTIONS" else None
    status, body, headers = (204, None, preflight) if preflight else _answer(request, run)
    text = "" if body is None else _text(body)
    told = {"content-type": "application/json"} if text else {}
    return {
        "statusCode": status,
        "headers": {**cors.answer_headers(request.headers), **told, **headers, "x-request-id": request.request_id},
        "body": text,
    }


def _answer(request: Incoming, run: Run) -> tuple[int, Json | None, dict[str, str]]:
    try:
        project = caller_project(request, keys(), "x-api-key")
        plain = _is_plain(request)
        document = _document(request, plain=plain)
        if document is None:
            return 200, INVALID, {}
        key = request.headers.get("idempotency-key", "")[:_MAX_KEY]
        result = run(document, Asked(shared.store(project), key))
        return 200, result if plain else _as_before(result), {}
    except ApiError as error:
        headers = {"allow": "POST"} if isinstance(error, MethodNotAllowed) else {}
        return error.status, _refusal(error), {**error.headers, **headers}
    except Exception as error:
        fault = fault_of(error)
        logger.error("request %s failed: %s", request.request_id, fault.where)
        return 503, _refusal(Unavailable("The service is busy. Please try again.", code="service_unavailable")), {}


def _is_plain(request: Incoming) -> bool:
    """Return whether a request is one of the plain address; else it is one of SilvaEngine's.

    Raises:
        NotFound, MethodNotAllowed: it is neither.
    """
    plain = request.path.rstrip("/") == PLAIN
    where = f"{request.method} {request.url[:256]}"
    parts = request.path.removeprefix(f"{BASE}/").split("/")
    if not plain and not (len(parts) == 3 and parts[2] in FUNCTIONS):
        raise NotFound(f"Invalid URL ({where})", code="unknown_url")
    if not plain:
        _log_endpoint(parts[0], parts[1])
    if request.method != "POST":
        raise MethodNotAllowed(f"Invalid method for URL ({where}). Allowed: POST.", code="method_not_supported")
    return plain


def _document(request: Incoming, *, plain: bool) -> Document | None:
    """Return what a request asks for; None where it has no query and SilvaEngine has its own words for that.

    Raises:
        InvalidRequest, TooLarge: its body can't be read.
    """
    if len(request.body) > MAX_BODY_BYTES:
        raise TooLarge(f"The request's body is larger than {MAX_BODY_BYTES:,} bytes.", code="request_too_large")
    body = load_json(request.body)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str) or not body["query"].strip():
        if plain:
            raise InvalidRequest(
                "Missing required parameter: 'query'.", param="query", code="missing_required_parameter"
            )
        return None
    return _read(body)


def _read(body: Json) -> Document:
    """Return the document of an object with `query`, `variables` and `operation_name` (or `operationName`).

    Raises:
        InvalidRequest: one of them has the wrong type.
    """
    # SilvaEngine's clients pass variables as an object or as the text of one.
    variables: Any = body.get("variables")
    name = body.get("operation_name") or body.get("operationName") or ""
    if isinstance(variables, str):
        variables = load_json(variables)
    for param, value, kind in (("variables", variables or {}, dict), ("operation_name", name, str)):
        if not isinstance(value, kind):
            expected = "an object" if kind is dict else "a string"
            raise InvalidRequest(f"Invalid '{param}': expected {expected}.", param=param, code="invalid_type")
    return Document(body["query"], variables or {}, name)


def _refusal(error: ApiError) -> Json:
    told = {name: value for name, value in error.body()["error"].items() if name != "message" and value is not None}
    return {"errors": [{"message": error.message, "extensions": told}]}


def _as_before(result: Json) -> Json:
    """Return a result as SilvaEngine answers: errors without data, or data with a status."""
    return {"errors": result["errors"]} if "errors" in result else {"data": result["data"], "status_code": 200}


# W2, W3: SilvaEngine's own functions


def answer_invocation(event: Any, invocation: str, run: Run) -> str:
    """Answer a SilvaEngine worker's or task's event with a JSON text.

    Args:
        invocation: the id of the invocation, which is the same when Lambda delivers an event again.
    """
    try:
        result = _invoked(event, invocation, run)
    except ApiError as error:
        result = _refusal(error)
    except Exception as error:
        logger.error("invocation failed: %s", fault_of(error).where)
        result = _refusal(Unavailable("The service is busy. Please try again.", code="service_unavailable"))
    return _text(result)


def _invoked(event: Any, invocation: str, run: Run) -> Json:
    if not isinstance(event, dict):
        raise InvalidRequest("Invalid event: expected an object.")
    if event.get("funct") not in (*FUNCTIONS, TASK):
        raise InvalidRequest(f"Invalid 'funct': expected one of {', '.join((*FUNCTIONS, TASK))}.", param="funct")
    parameters = {
        name: value
        for part in ("params", "body")
        for name, value in _object(event, part).items()
        if value not in (None, "")
    }
    setting = _object(event, "setting") if "MODULENAME" in event else {}
    project = setting.get("project") or DEFAULT_PROJECT
    if not isinstance(project, str):
        raise InvalidRequest("Invalid 'setting': its project is no string.", param="setting", code="invalid_type")
    named = {**event, **parameters}
    _log_endpoint(named.get("area"), named.get("endpoint_id"))
    asked = Asked(shared.store(project), f"invocation#{invocation}")
    if event["funct"] == TASK:
        given = _object(parameters, "arguments")
        variables = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): value for name, value in given.items()}
        return _as_before(run(Document(_TASK, variables), asked))
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        return INVALID
    return _as_before(run(_read(parameters), asked))


def _object(event: Json, name: str) -> Json:
    """Return a part of an event, which is an object, the JSON text of one, or missing.

    Raises:
        InvalidRequest: it is something else.
    """
    value = event.get(name)
    if isinstance(value, str) and value.strip():
        value = load_json(value)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"Invalid '{name}': expected an object.", param=name, code="invalid_type")
    return value


def _log_endpoint(area: Any, endpoint_id: Any) -> None:
    """Log what SilvaEngine's addresses and events name and nothing here depends on."""
    logger.info("asked for area %s, endpoint %s", ids.shown(str(area)), ids.shown(str(endpoint_id)))


def _text(answer: Json) -> str:
    """Return an answer as JSON text. An error may repeat half a character of the caller's, which is no text."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()
