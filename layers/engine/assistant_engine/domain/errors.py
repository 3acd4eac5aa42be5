"""Every error that reaches a caller, and the one place that gives it the API's shape.

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

    status: ClassVar[int]
    type: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, *, status: int, type: str = "invalid_request_error") -> None:
        cls.status, cls.type = status, type

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> dict[str, dict[str, str | None]]:
        """Return the response body: `{"error": {"message", "type", "param", "code"}}`."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class InvalidRequest(ApiError, status=400):
    """The request itself is wrong."""


class Unauthorized(ApiError, status=401):
    """There is no key, or none of ours."""


class NotFound(ApiError, status=404):
    """No object has that id."""


class MethodNotAllowed(ApiError, status=405):
    """The path is there, but not for this method."""


class Conflict(ApiError, status=409):
    """An idempotency key is used again with another body, or one thread has too many writers at once."""


class TooLarge(ApiError, status=413):
    """A request carries more bytes than it may."""


class RateLimited(ApiError, status=429, type="requests"):
    """There are too many requests at once."""


class QuotaExceeded(RateLimited, status=429, type="insufficient_quota"):
    """A budget is used up; trying again soon does not help."""

    headers: ClassVar[dict[str, str]] = {"x-should-retry": "false"}  # Else the `openai` package tries a 429 again.


class TooManyStreams(RateLimited, status=429, type="requests"):
    """As many streams are open as this deployment allows."""

    headers: ClassVar[dict[str, str]] = {"retry-after": "5"}


class ServerError(ApiError, status=500, type="server_error"):
    """It is our fault."""


class Unavailable(ApiError, status=503, type="server_error"):
    """Something that we need does not answer for the moment."""


class NotInTime(Unavailable, status=503, type="server_error"):
    """A service that the request needs takes longer than the request may."""

    headers: ClassVar[dict[str, str]] = {"retry-after": "5"}
