"""The HTTP API: leads requests to routes, checks who calls, and gives every error the API's shape."""

from collections.abc import Callable, Iterator
from typing import Any

from aws_lambda_powertools.event_handler import ApiGatewayResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ProxyEventType
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

import documentation
import runs
from answers import MAX_BODY_BYTES, StreamedAnswer, to_json
from assistant_engine.domain import ids
from assistant_engine.domain.errors import (
    ApiError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    ServerError,
    TooLarge,
    Unavailable,
)
from assistant_engine.domain.json_data import Json
from assistant_engine.resources.references import HOSTED_SEARCH
from assistant_engine.runtime import cors, metrics, startup
from assistant_engine.runtime.api_keys import caller_project, keys
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.incoming import BASE, Incoming, incoming_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import HostedTools, configured
from assistant_engine.store import Replayed, Store, shared
from route_table import MODULES, every_route, routes_below
from routes import Route

AT_THE_START = ("assistants", "threads")
"""The parts of `MODULES` that are imported when the function starts: each conversation asks for them."""

app = ApiGatewayResolver(ProxyEventType.APIGatewayProxyEvent, serializer=to_json)
app.include_router(documentation.router)
_served: set[str] = set()


def handler(event: Json, context: Any) -> Json:
    """Answer an event of the REST API.

    Returns:
        The proxy answer. Its `body` is an iterator of bytes where a route streams: only the runtime of the function
        `stream` can send that.
    """
    request = incoming_of(event)
    preflight = cors.preflight_headers(request.headers) if request.method == "OPTIONS" else None
    if preflight:
        answer: Json = {"statusCode": 204, "headers": preflight, "body": ""}
    else:
        answer = _resolved(request, event, context)
    answer["headers"] = {**cors.answer_headers(request.headers), **answer["headers"]}
    answer["headers"]["x-request-id"] = request.request_id
    return answer


def _resolved(request: Incoming, event: Json, context: Any) -> Json:
    part = request.path.removeprefix(BASE).split("/")[1]
    if part in MODULES and part not in _served:
        _serve(part)
    app.append_context(request=request)
    answer: Json = app.resolve({**event, "path": request.path}, context)
    headers = {name: values[0] for name, values in answer.pop("multiValueHeaders").items()}
    return {**answer, "headers": headers}


def incoming() -> Incoming:
    """The request that is being answered, as it came."""
    request: Incoming = app.context["request"]
    return request


def store() -> Store:
    """The store as the caller's project sees it."""
    return shared.store(app.context["project"])


def _answering(route: Route) -> Callable[..., Json | Response[Any]]:
    def answer(**parameters: str) -> Json | Response[Any]:
        request = incoming()
        if ":path}" in route.path:  # Powertools' parameters hold no slashes.
            parameters = {route.parameters[0]: request.path.removeprefix(BASE + route.path.partition("{")[0])}
        answered = route.answer_to(request, store(), parameters)
        if isinstance(answered, StreamedAnswer):  # Powertools hands a body on that is neither JSON nor bytes.
            body = _begun(answered.chunks, request.request_id)
            return Response(answered.status, body=body, headers=dict(answered.headers))
        return answered

    return answer


def _begun(chunks: Iterator[bytes], request_id: str) -> Iterator[bytes]:
    """Return chunks whose first one is made, so that an error up to there is still answered as an error."""
    first = next(chunks, b"")

    def go_on() -> Iterator[bytes]:
        try:
            yield first
            yield from chunks
        except Exception as error:
            where = fault_of(error).where
            logger.error("request %s was cut off: %s", request_id, where)
            raise ServerError(where) from None  # Its own message may hold what people said.

    return go_on()


def _serve(part: str) -> None:
    """Let the app know the routes below a part of `MODULES`."""
    for route in routes_below(part):
        app.route(route.rule, method=route.method)(_answering(route))
    _served.add(part)


def _check(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Check what every route asks for: a key, and a body that is not too large."""
    request = incoming()
    if request.path not in documentation.PATHS:
        # Azure's clients send the key in a header of its own.
        app.append_context(project=caller_project(request, keys(), "api-key"))
    if request.path.startswith(f"{BASE}/vector_stores") and "file_search" in configured(HostedTools).hosted_tools:
        raise InvalidRequest(f"Invalid URL ({request.url[:256]}): {HOSTED_SEARCH}", code="unsupported_value")
    if len(request.body) > MAX_BODY_BYTES:
        raise TooLarge(
            f"The request's body is larger than {MAX_BODY_BYTES:,} bytes. A larger file goes to /v1/uploads, in "
            "parts of at most 4 MB: client.uploads.upload_file_chunked(..., part_size=4_000_000).",
            code="request_too_large",
        )
    return next_middleware(app)


def unknown_url(_: NotFoundError) -> Response[Json]:
    """Answer a request to no route: 405 where the path has other methods, else 404."""
    request = incoming()
    where = f"{request.method} {request.url[:256]}"
    path = request.path.removeprefix(BASE)
    methods = sorted({route.method for route in every_route() if route.pattern.fullmatch(path)})
    if methods and request.method not in methods:  # It may be right, and the path hold what no id has.
        allowed = ", ".join(methods)
        answer = api_error(
            MethodNotAllowed(f"Invalid method for URL ({where}). Allowed: {allowed}.", code="method_not_supported")
        )
        answer.headers["Allow"] = allowed
        return answer
    return api_error(NotFound(f"Invalid URL ({where})", code="unknown_url"))


def api_error(error: ApiError) -> Response[Json]:
    """Answer with an error in the API's shape."""
    return Response(error.status, "application/json", error.body(), headers=dict(error.headers))


def replayed(before: Replayed) -> Response[Json]:
    """Answer with what the same request created before, as it is now; with a 404 where it was deleted."""
    try:
        return _created_before(store(), before.made)
    except ApiError as error:
        return api_error(error)


def _created_before(store: Store, made: Json) -> Response[Json]:
    answer: Json
    match made:
        case {"object": "thread.run", "thread_id": thread_id, "id": run_id}:
            return runs.answer(store, store.runs.get(store.threads.get(thread_id).id, run_id))
        case {"object": "assistant", "id": assistant_id}:
            answer = store.assistants.get(assistant_id)
        case {"object": "thread", "id": thread_id}:
            answer = store.threads.get(thread_id).api()
        case {"object": "thread.message", "thread_id": thread_id, "id": message_id}:
            answer = store.messages.get(store.threads.get(thread_id).id, message_id)
        case {"object": "file", "id": file_id}:
            answer = store.files.get(file_id)
        case {"object": "upload", "id": upload_id}:
            answer = store.uploads.get(upload_id)
        case {"object": "upload.part", "upload_id": upload_id, "id": part_id}:
            answer = store.uploads.part(upload_id, part_id)
        case {"object": "fine_tuning.export", "id": export_id}:
            answer = store.fine_tuning.get(export_id)
        case {"object": "vector_store", "id": vector_store_id}:
            answer = store.vector_stores.get(vector_store_id)
        case _:
            raise AssertionError(made["object"])
    return Response(200, "application/json", answer)


def unexpected(error: Exception) -> Response[Json]:
    """Answer an error that no route expects, and log where it came from without its text."""
    request, fault = incoming(), fault_of(error)
    request_id = request.request_id
    run_id = next(filter(ids.is_run_id, request.path.split("/")), "")
    logger.error("request %s failed: %s (%s)", request_id, fault.where, run_id or "no run")
    if fault.throttled:
        metrics.emit({"Throttled": 1}, about=run_id)
        return api_error(RateLimited("Too many requests at once. Please try again.", code="rate_limit_exceeded"))
    if fault.busy:
        return api_error(Unavailable("The service is busy. Please try again.", code="service_unavailable"))
    return api_error(
        ServerError(f"The server had an error processing your request. Please try again. (Request id {request_id}.)")
    )


for part in AT_THE_START:
    _serve(part)
app.use([_check])
app.not_found(unknown_url)
app.exception_handler(ApiError)(api_error)
app.exception_handler(Replayed)(replayed)
app.exception_handler(Exception)(unexpected)
startup.end(shared.store, keys)
