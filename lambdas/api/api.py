"""The HTTP API: routes to handlers, checks who calls, and gives every error the API's shape."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

import assistants
import cors
import description
import exchange
import files
import messages
import models
import runs
import steps
import threads
import uploads
import usage
import vector_store_files
import vector_stores
from assistant_engine.domain import builtin_tools, ids
from assistant_engine.domain.errors import (
    ApiError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ServerError,
    TooLarge,
    Unavailable,
)
from assistant_engine.domain.json_data import Json
from assistant_engine.files import HOSTED_SEARCH
from assistant_engine.runtime import metrics
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.store import Replayed, Store
from authorization import keys

# Powertools sends bytes as base64, though it says that a serializer gives text.
app = APIGatewayHttpResolver(serializer=exchange.to_json)  # type: ignore[arg-type]
_MODULES = (
    *(assistants, threads, messages, runs, steps, models, files, uploads),
    *(vector_stores, vector_store_files, usage),
)
for module in (exchange, *_MODULES, description):
    app.include_router(module.router)


def handler(event: Json, context: Any) -> Json:
    """Answer an HTTP API event (payload format 2.0)."""
    request = APIGatewayProxyEventV2(event)
    preflight = cors.preflight_headers(request.headers) if request.http_method == "OPTIONS" else None
    answer: Json = {"statusCode": 204, "headers": preflight} if preflight else app.resolve(event, context)
    answer["headers"] = {**cors.answer_headers(request.headers), **answer["headers"]}
    answer["headers"]["x-request-id"] = event["requestContext"]["requestId"]
    return answer


def _check(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """What every route of the API asks for: a key, and a body that is not too large."""
    event = exchange.event()
    if event.path.startswith("/v1/"):
        # Azure's clients send the key in a header of its own.
        azure = event.headers.get("api-key")
        project = keys().check(event.headers.get("authorization") or (f"Bearer {azure}" if azure else None))
        app.append_context(project=project)
    if event.path.startswith("/v1/vector_stores") and "file_search" in builtin_tools.hosted():
        raise InvalidRequest(f"Invalid URL ({event.path[:256]}): {HOSTED_SEARCH}", code="unsupported_value")
    if len(exchange.body_bytes()) > exchange.BODY_BYTES:
        raise TooLarge(
            f"The request's body is larger than {exchange.BODY_BYTES:,} bytes. A larger file goes to /v1/uploads, in "
            "parts of at most 4 MB: client.uploads.upload_file_chunked(..., part_size=4_000_000).",
            code="request_too_large",
        )
    return next_middleware(app)


def unknown_url(_: NotFoundError) -> Response[Json]:
    event = exchange.event()
    where = f"{event.http_method} {event.path[:256]}"
    routes = [*app._static_routes, *app._dynamic_routes]
    if methods := sorted({route.method for route in routes if route.rule.match(event.path)}):
        allowed = ", ".join(methods)
        answer = api_error(
            MethodNotAllowed(f"Invalid method for URL ({where}). Allowed: {allowed}.", code="method_not_supported")
        )
        answer.headers["Allow"] = allowed
        return answer
    return api_error(NotFound(f"Invalid URL ({where})", code="unknown_url"))


def api_error(error: ApiError) -> Response[Json]:
    # The `openai` package tries a 429 again unless it is told not to.
    headers = {"x-should-retry": "false"} if isinstance(error, QuotaExceeded) else {}
    return Response(error.status, "application/json", error.body(), headers=headers)


def replayed(before: Replayed) -> Response[Json]:
    """What the same request has created before, as it is now; a 404 where it was deleted."""
    try:
        return _created_before(exchange.store(), before.made)
    except ApiError as error:
        return api_error(error)


def _created_before(store: Store, made: Json) -> Response[Json]:
    answer: Json
    match made:
        case {"object": "thread.run", "thread_id": thread_id, "id": run_id}:
            return runs.again(thread_id, run_id)
        case {"object": "assistant", "id": assistant_id}:
            answer = store.assistants.get(assistant_id)
        case {"object": "thread", "id": thread_id}:
            answer = store.threads.get(thread_id).api()
        case {"object": "thread.message", "thread_id": thread_id, "id": message_id}:
            store.threads.get(thread_id)
            answer = store.messages.get(thread_id, message_id)
        case {"object": "file", "id": file_id}:
            answer = store.files.get(file_id)
        case {"object": "upload", "id": upload_id}:
            answer = store.uploads.get(upload_id)
        case {"object": "upload.part", "upload_id": upload_id, "id": part_id}:
            answer = store.uploads.part(upload_id, part_id)
        case {"object": "vector_store", "id": vector_store_id}:
            answer = store.vector_stores.get(vector_store_id)
        case _:
            raise AssertionError(made["object"])
    return Response(200, "application/json", answer)


def unexpected(error: Exception) -> Response[Json]:
    request_id = exchange.event().request_context.request_id
    fault = fault_of(error)
    run_id = next(filter(ids.is_run_id, exchange.event().path.split("/")), "")
    logger.error("request %s failed: %s (%s)", request_id, fault.where, run_id or "no run")
    if fault.throttled:
        metrics.emit({"Throttled": 1}, about=run_id)
        return api_error(RateLimited("Too many requests at once. Please try again.", code="rate_limit_exceeded"))
    if fault.busy:
        return api_error(Unavailable("The service is busy. Please try again.", code="service_unavailable"))
    return api_error(
        ServerError(f"The server had an error processing your request. Please try again. (Request id {request_id}.)")
    )


app.use([_check])
app.not_found(unknown_url)
app.exception_handler(ApiError)(api_error)
app.exception_handler(Replayed)(replayed)
app.exception_handler(Exception)(unexpected)
