"""The one module that calls the model: `POST /responses` through the `openai` package.

OpenAI, Azure OpenAI (its `/openai/v1/` base URL), Amazon Bedrock (signed with the function's own credentials) and every
compatible server. Nothing is stored at the model's side.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import openai

from assistant_engine.records import Json

CANCEL_CHECK_SECONDS = 2.0
"""How often the run's record is looked at while the model works."""

_MOST_WAIT_SECONDS = 60


class Cancelled(Exception):
    """The run was cancelled while the model worked; the call was dropped."""


class Refused(Exception):
    """The model will never answer this request. `code` and `message` become the run's `last_error`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class TryAgain(Refused):
    """The model can't answer now: a 429, a 5xx, or a lost connection. In the end it counts as refused.

    Attributes:
        wait_seconds: what `Retry-After` said, or full jitter over a doubling interval.
    """

    def __init__(self, wait_seconds: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.wait_seconds = wait_seconds


def respond(body: Json, request_id: str, timeout: float, attempt: int, cancelled: Callable[[], bool]) -> Json:
    """One call of the model.

    Args:
        body: the body of `POST /responses`.
        request_id: sent as `X-Client-Request-Id`, so that the provider's log and ours can be matched.
        timeout: seconds that the answer may take.
        attempt: how many attempts came before in this run; spreads the waits.
        cancelled: asked every 2 s whether the run was cancelled.

    Returns:
        The response, with status `completed` or `incomplete`.

    Raises:
        TryAgain, Refused, Cancelled
    """
    client = _client().with_options(timeout=timeout, default_headers={"X-Client-Request-Id": request_id})
    answer: list[Any] = []

    def call() -> None:
        try:
            answer.append(client.post("/responses", body=body, cast_to=object))
        except Exception as error:
            answer.append(error)

    deadline = time.monotonic() + timeout
    worker = threading.Thread(target=call, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(min(CANCEL_CHECK_SECONDS, max(0.05, deadline - time.monotonic())))
        # The client's own timeout is for each read: an answer that trickles in could take for ever.
        late = time.monotonic() >= deadline
        if worker.is_alive() and (late or cancelled()):
            _client.cache_clear()
            client.close()
            raise TryAgain(1, "server_error", "The model did not answer in time.") if late else Cancelled
    [result] = answer
    if isinstance(result, Exception):
        raise _classify(result, attempt) from None
    return _checked(result, attempt)


def _checked(response: Any, attempt: int) -> Json:
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        raise Refused("server_error", "The model's server answered with something that is not a response.")
    if response.get("status") in ("completed", "incomplete"):
        return response
    error = response.get("error") or {}
    message = error.get("message") or "The model could not answer."
    if error.get("code") == "rate_limit_exceeded":
        raise TryAgain(_jitter(attempt), "rate_limit_exceeded", message)
    if error.get("code") == "server_error":
        raise TryAgain(_jitter(attempt), "server_error", message)
    raise Refused("invalid_prompt", message)


def _classify(error: Exception, attempt: int) -> Exception:
    if isinstance(error, openai.APITimeoutError):
        return TryAgain(_jitter(attempt), "server_error", "The model did not answer in time.")
    if isinstance(error, openai.APIStatusError):
        message = _message(error)
        if error.status_code == 429 and error.code == "insufficient_quota":
            return Refused("rate_limit_exceeded", message)
        if error.status_code == 429:
            return TryAgain(_retry_after(error) or _jitter(attempt), "rate_limit_exceeded", message)
        if error.status_code >= 500 or error.status_code in (408, 409):
            return TryAgain(_retry_after(error) or _jitter(attempt), "server_error", message)
        if error.status_code in (401, 403):
            # The server's own words may repeat a part of the key. A new key in the secret is read by the next call.
            _client.cache_clear()
            return Refused("server_error", "The model's server does not accept the key of this deployment.")
        return Refused("invalid_prompt", message)
    if isinstance(error, openai.APIConnectionError):
        return TryAgain(_jitter(attempt), "server_error", "The model's server could not be reached.")
    return error


def _message(error: openai.APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    message = body.get("message")
    return message if isinstance(message, str) else f"The model's server answered with status {error.status_code}."


def _retry_after(error: openai.APIStatusError) -> int | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(1, min(round(seconds + 0.5), _MOST_WAIT_SECONDS))


def _jitter(attempt: int) -> int:
    return max(1, round(random.uniform(0, min(_MOST_WAIT_SECONDS, 2**attempt))))


@cache
def _client() -> openai.OpenAI:
    # The engine counts and spaces attempts itself: `max_retries=0` keeps the package from adding its own.
    if os.environ["MODEL_PROVIDER"] == "bedrock":
        from openai.providers import bedrock

        return openai.OpenAI(
            provider=bedrock(endpoint="runtime", region=os.environ["AWS_REGION"], api_key=None), max_retries=0
        )
    return openai.OpenAI(api_key=_key(), base_url=os.environ.get("MODEL_BASE_URL") or None, max_retries=0)


def _key() -> str:
    secrets = boto3.client("secretsmanager")
    try:
        key: str = secrets.get_secret_value(SecretId=os.environ["MODEL_SECRET_ARN"]).get("SecretString", "")
    except secrets.exceptions.ResourceNotFoundException:
        key = ""  # So AWS answers for a secret that was never given a value.
    if not key:
        raise Refused(
            "server_error", "This deployment has no model key yet: put it into the secret that the stack names."
        )
    return key
