"""Every error that reaches a caller, and the one place that gives it the API's shape.

    ApiError
    ├── InvalidRequest   400
    ├── Unauthorized     401
    ├── NotFound         404
    ├── MethodNotAllowed 405
    ├── Conflict         409
    ├── TooLarge         413
    ├── RateLimited      429  (QuotaExceeded)
    ├── ServerError      500
    └── Unavailable      503

The classes match the exceptions of the `openai` package (`BadRequestError`, `NotFoundError`, ...), which chooses by
status.
"""

from typing import ClassVar


class ApiError(Exception):
    """An answer to the caller: HTTP status, and the four fields of the API's error object.

    Args:
        message: a sentence for the caller; names the parameter, never repeats long input.
        param: the parameter at fault, as a path (`tools[0].function.name`), or None.
        code: a word that programs match on, or None.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> dict[str, dict[str, str | None]]:
        """The response body: `{"error": {"message", "type", "param", "code"}}`."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class InvalidRequest(ApiError):
    """400: the request itself is wrong."""

    status = 400
    type = "invalid_request_error"


class Unauthorized(ApiError):
    """401: no key, or not one of ours."""

    status = 401
    type = "invalid_request_error"


class NotFound(ApiError):
    """404: no object with that id."""

    status = 404
    type = "invalid_request_error"


class MethodNotAllowed(ApiError):
    """405: the path is there, but not for this method."""

    status = 405
    type = "invalid_request_error"


class Conflict(ApiError):
    """409: an idempotency key used again with another body, or too many writers of one thread at once."""

    status = 409
    type = "invalid_request_error"


class TooLarge(ApiError):
    """413: more bytes than one request may carry."""

    status = 413
    type = "invalid_request_error"


class RateLimited(ApiError):
    """429: too many requests at once."""

    status = 429
    type = "requests"


class QuotaExceeded(RateLimited):
    """429: a budget is used up; trying again soon does not help."""

    status = 429
    type = "insufficient_quota"


class ServerError(ApiError):
    """500: our fault."""


class Unavailable(ApiError):
    """503: something we need does not answer for the moment."""

    status = 503
