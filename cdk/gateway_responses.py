"""Gives what API Gateway itself answers the shape of the API's errors.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html lists the types. One
that is not here has the answer of DEFAULT_4XX or DEFAULT_5XX with its own status.
"""

import json
from dataclasses import dataclass, field

from aws_cdk.aws_apigateway import ResponseType, RestApi

from cdk.configuration import Configuration

_TRY_AGAIN = "The server had an error processing your request. Please try again."


@dataclass(frozen=True, slots=True)
class _Response:
    """An error in the API's terms.

    Attributes:
        status: of HTTP; None for the type's own.
        kind: `error.type`.
    """

    status: int | None
    message: str
    kind: str
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def _invalid(status: int | None, message: str, code: str | None = None) -> _Response:
    return _Response(status, message, "invalid_request_error", code)


def _refused(message: str) -> _Response:
    return _Response(401, message, "invalid_request_error", "invalid_api_key")


_UNSIGNED = _refused("You didn't sign your request with AWS's Signature Version 4 (service `execute-api`).")
_WRONG = _refused("The request's signature is not valid: check the credentials, the region and the clock.")

RESPONSES = {
    "BAD_REQUEST_BODY": _invalid(400, "We could not parse the body of your request."),
    "BAD_REQUEST_PARAMETERS": _invalid(400, "We could not parse the parameters of your request."),
    "DEFAULT_4XX": _invalid(None, "The request is not valid."),
    "DEFAULT_5XX": _Response(None, _TRY_AGAIN, "server_error"),
    "INTEGRATION_FAILURE": _Response(503, _TRY_AGAIN, "server_error", "service_unavailable"),
    "INTEGRATION_TIMEOUT": _Response(504, "The request took too long. Please try again.", "server_error"),
    "MISSING_AUTHENTICATION_TOKEN": _invalid(404, "Invalid URL or method.", "unknown_url"),
    "RESOURCE_NOT_FOUND": _invalid(404, "Invalid URL or method.", "unknown_url"),
    "REQUEST_TOO_LARGE": _invalid(
        413,
        "The request's body is too large. A larger file goes to /v1/uploads, in parts of at most 4 MB: "
        "client.uploads.upload_file_chunked(..., part_size=4_000_000).",
        "request_too_large",
    ),
    "THROTTLED": _Response(
        429, "Too many requests at once. Please try again.", "requests", "rate_limit_exceeded", {"Retry-After": "1"}
    ),
    "UNSUPPORTED_MEDIA_TYPE": _invalid(415, "The request's content type is not supported."),
    "WAF_FILTERED": _invalid(403, "A firewall of this API's owner refused the request.", "request_blocked"),
}

SIGNED = {
    "ACCESS_DENIED": _invalid(403, "You may not call this API: see `execute-api:Invoke`.", "access_denied"),
    "EXPIRED_TOKEN": _refused("The request's security token has expired."),
    "INVALID_SIGNATURE": _WRONG,
    "MISSING_AUTHENTICATION_TOKEN": _UNSIGNED,
}
"""With `auth=iam`, what differs or is more."""


def add_to(api: RestApi, configuration: Configuration) -> None:
    """Add them all. Where pages in a browser may use the API, every page may read them: they tell of no data."""
    pages = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "retry-after, x-request-id"}
    shared = pages if configuration.cors_origins else {}
    responses = {**RESPONSES, **(SIGNED if configuration.auth == "iam" else {})}
    for kind, response in responses.items():
        headers = {**shared, **response.headers}
        api.add_gateway_response(
            kind,
            type=ResponseType.of(kind),
            status_code=str(response.status) if response.status else None,
            response_headers={
                "x-request-id": "context.requestId",
                **{name: f"'{value}'" for name, value in headers.items()},
            },
            templates={"application/json": json.dumps({"error": _error(response)})},
        )


def _error(response: _Response) -> dict[str, str | None]:
    return {"message": response.message, "type": response.kind, "param": None, "code": response.code}
