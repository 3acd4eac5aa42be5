"""The one module that calls the model: `POST /responses` through the `openai` package.

OpenAI, Azure OpenAI (its `/openai/v1/` base URL), Amazon Bedrock (signed with the function's own credentials) and every
compatible server. Nothing is stored at the model's side. What may come back, and what becomes of it, is the table of
`docs/model-outcomes.md`.
"""

import json
import math
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import IO, TYPE_CHECKING, Any, TypeGuard

import boto3
import httpx2
import openai

from assistant_engine.domain import models
from assistant_engine.domain.json_data import Json, well_formed
from assistant_engine.domain.run import ErrorCode
from assistant_engine.model.exchange import Answer, BrokenOff, Hear, Late, exchange
from assistant_engine.runtime.settings import Lambda, ModelClient, configured

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

MAX_RESPONSE_BYTES = 2_000_000
"""A response larger than that is refused: what is made of it has to fit into one answer of the HTTP API."""

MAX_FILE_BYTES = 100_000_000
"""A file that the provider's code made is carried over up to this size, as one of our own code interpreter."""

SAMPLING = ("temperature", "top_p")
"""What a model that reasons may refuse. Clients of the Assistants API send it to every model."""

_GONE_CODES = {"model_not_found", "modelnotfound", "deploymentnotfound", "modeldeprecated", "deploymentretired"}
"""Codes of OpenAI, Azure OpenAI and their likes for a model that is not there, in lower case."""

_GONE_WORDS = re.compile(
    r"\b(model|deployment)\b.*("
    r"does not exist|not found|no longer (available|supported)|end of (its )?life|marked by provider as legacy|"
    r"(is|was|were|been) (deprecated|retired|shut ?down|switched off|decommissioned|discontinued|removed|sunset)|"
    r"identifier is invalid)",
    re.IGNORECASE | re.DOTALL,
)
"""How providers without such a code say it: Amazon Bedrock, vLLM, Ollama."""

_REFUSES: dict[tuple[str, str | None], set[str]] = {}
"""What of `SAMPLING`, and of streaming, a model refused at a reasoning effort, so that a warm function asks it in vain
once only."""

_CHUNK_BYTES = 1_000_000
_CONNECT_SECONDS = 10
_MAX_JITTER_SECONDS = 60
_MAX_MESSAGE_CHARACTERS = 1_000


class Refused(Exception):
    """The model will never answer this request. `code` and `message` become the run's `last_error`.

    Attributes:
        status: of the server's answer; None if it gave none.
    """

    status: int | None = None

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class TryAgain(Refused):
    """The model can't answer now: a 429, a 5xx, a lost connection or a timeout. In the end it counts as refused.

    Attributes:
        wait_seconds: full jitter over a doubling interval, and no less than `Retry-After` said.
    """

    def __init__(self, code: ErrorCode, message: str, wait_seconds: int) -> None:
        super().__init__(code, message)
        self.wait_seconds = wait_seconds


def respond(
    body: Json,
    request_id: str,
    timeout: float,
    retries: int,
    cancelled: Callable[[], bool],
    hear: Hear = lambda event: math.inf,
) -> Json:
    """One call of the model, and another one where that may help: with another key, or without what was refused.

    The key is read again, once: the secret may hold another one by now. `temperature` and `top_p` are left out if the
    model does not take them: a model that reasons has no use for them, as OpenAI's guide to its latest models says.
    `stream` is left out for a server that can't.

    Args:
        body: the body of `POST /responses`.
        request_id: sent as `X-Client-Request-Id`, so that the provider's log and ours can be matched.
        timeout: seconds that the answer may take, the second call's included.
        retries: how many calls of this run came to nothing before; spreads the waits.
        cancelled: asked every 2 s whether the run was cancelled.
        hear: is given the events of the response, if the body asks for a stream and the server gives one.

    Returns:
        The response, with status `completed` or `incomplete` and a list as `output`; all else of it is as the server
        sent it. It can be written as JSON: there are no lone surrogates in it, no NaN and no infinity.

    Raises:
        TryAgain, Refused, exchange.Cancelled
    """
    deadline = time.monotonic() + timeout
    kind = str(body.get("model")), (body.get("reasoning") or {}).get("effort")
    refuses = _REFUSES.get(kind, set())
    key_was_read = False
    while True:
        taken = {name: value for name, value in body.items() if name not in refuses}
        answer = _call(taken, request_id, deadline, retries, cancelled, hear)
        if isinstance(answer, bytes):
            return _checked(_parsed(answer), retries)
        if isinstance(answer, dict):
            return _checked(_parsed(json.dumps(answer).encode()), retries)
        if _is_gone(answer):
            raise _from(answer, Refused("invalid_prompt", _gone(kind[0], answer)))
        if isinstance(answer, openai.AuthenticationError | openai.PermissionDeniedError) and not key_was_read:
            if not _another_key():
                # The server's own words may repeat a part of the key.
                said = "The model's server does not accept the credentials of this deployment."
                raise _from(answer, Refused("server_error", said))
            key_was_read = True
        elif refused := _refused(answer, taken):
            refuses = _REFUSES[kind] = refuses | refused
        else:
            raise _from(answer, _classified(answer, retries)) from None


def container_file(container_id: str, file_id: str, deadline: float, to: IO[bytes]) -> int | None:
    """Write a file in a container of the provider's code interpreter to another one.

    Args:
        deadline: by `time.monotonic`.

    Returns:
        Its bytes; None if it can't be had whole by then.
    """
    size = 0
    client = _client().with_options(timeout=max(0.05, deadline - time.monotonic()))
    content = client.containers.files.content.with_streaming_response
    try:
        with content.retrieve(file_id, container_id=container_id) as answer:
            for part in answer.iter_bytes(_CHUNK_BYTES):
                to.write(part)
                size += len(part)
                if size > MAX_FILE_BYTES or time.monotonic() >= deadline:
                    return None
    except (openai.APIError, httpx2.HTTPError):
        return None
    return size


def _call(
    body: Json, request_id: str, deadline: float, retries: int, cancelled: Callable[[], bool], hear: Hear
) -> Answer:
    """The answer, or what came instead; at the deadline, and when the run is cancelled, it is dropped."""
    timeout = openai.Timeout(max(0.05, deadline - time.monotonic()), connect=_CONNECT_SECONDS)
    client = _client().with_options(timeout=timeout, default_headers={"X-Client-Request-Id": request_id})
    try:
        return exchange(client, body, deadline, cancelled, hear)
    except BaseException as error:
        _client.cache_clear()
        connections.cache_clear()
        client.close()
        if isinstance(error, Late):
            raise _late(retries) from None
        raise


def _parsed(body: bytes) -> Any:
    """The JSON value, without what neither JSON nor UTF-8 can express; None if it is none, or too large."""
    if len(body) > MAX_RESPONSE_BYTES:
        return None
    try:
        # A number such as 1e999 is infinite only once it is read.
        text = well_formed(json.dumps(json.loads(body), ensure_ascii=False))
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _checked(response: Any, retries: int) -> Json:
    if not isinstance(response, dict):
        raise Refused("server_error", "The model's server answered with something that is not a response.")
    if response.get("status") in ("completed", "incomplete") and isinstance(response.get("output"), list):
        return response
    error = response.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if response.get("status") != "failed" or not isinstance(code, str):
        raise Refused("server_error", "The model's server answered with something that is not a response.")
    message = _shown(error, "The model could not answer.")
    if _passes(code):
        raise TryAgain(code, message, _jitter(retries))
    raise Refused("invalid_prompt", message)


def _passes(code: str) -> TypeGuard[ErrorCode]:
    """Return whether the model may answer when it is asked again."""
    return code in ("rate_limit_exceeded", "server_error")


def _classified(error: Exception, retries: int) -> Exception:
    """Return what an exception of the client means; one that the client doesn't know is a bug, and stays what it is."""
    if isinstance(error, openai.APITimeoutError):
        return _late(retries)
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        message = _shown(error.body, f"The model's server answered with status {status}.", _key_of(error))
        if status == 429 and error.code == "insufficient_quota":
            return Refused("rate_limit_exceeded", message)
        if status == 429 or status >= 500 or status in (408, 409):
            wait = max(_jitter(retries), _retry_after(error.response.headers))
            return TryAgain("rate_limit_exceeded" if status == 429 else "server_error", message, wait)
        if status < 400 or status in (401, 403):
            return Refused("server_error", f"The model's server answered with status {status}.")
        return Refused("invalid_prompt", message)
    if isinstance(error, openai.APIConnectionError):
        return TryAgain("server_error", "The model's server could not be reached.", _jitter(retries))
    if isinstance(error, BrokenOff | httpx2.TransportError | ValueError):
        return TryAgain("server_error", "The model's server broke off its answer.", _jitter(retries))
    if isinstance(error, openai.APIError):  # An event of a stream told of it.
        told = error.body if isinstance(error.body, dict) else {}
        message = _shown(told, "The model could not answer.")
        code = told.get("code")
        if isinstance(code, str) and not _passes(code):
            return Refused("invalid_prompt", message)
        return TryAgain(
            "rate_limit_exceeded" if code == "rate_limit_exceeded" else "server_error", message, _jitter(retries)
        )
    return error


def _from(answer: Exception, made: Exception) -> Exception:
    """Return the exception that is made of another one, with the status of the server's answer."""
    if isinstance(made, Refused) and isinstance(answer, openai.APIStatusError):
        made.status = answer.status_code
    return made


def _refused(error: Exception, body: Json) -> set[str]:
    """Return which parameters that it can do without the model does not take, if that is what it says."""
    if not isinstance(error, openai.BadRequestError):
        return set()
    message = _message(error.body) or ""
    if body.get("stream") and (error.param == "stream" or re.search(r"\bstream(ing)?\b", message, re.IGNORECASE)):
        return {"stream"}
    if not re.search(r"support|deprecated", f"{error.code} {message}", re.IGNORECASE):
        return set()
    return {name for name in SAMPLING if name in body and (error.param == name or re.search(rf"\b{name}\b", message))}


def _is_gone(error: Exception) -> bool:
    """Return whether the server says that there is no such model, or no longer, or not for this key."""
    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 403, 404, 410):
        return False
    if error.status_code == 410 or str(error.code).lower() in _GONE_CODES:
        return True
    return error.param in (None, "", "model") and bool(_GONE_WORDS.search(_message(error.body) or ""))


def _gone(name: str, error: Exception) -> str:
    """Say that a model is gone, since when if that is known, and what to do."""
    entry = models.known(name)
    if entry and entry.gone(datetime.now(UTC).date()):
        said = f"was switched off by its provider on {entry.shutdown_date}"
    else:
        said = "does not exist at the model's provider, or this deployment may not use it"
    advice = "Name another model in the assistant or the run; GET /v1/models lists those that this deployment knows."
    body = error.body if isinstance(error, openai.APIStatusError) else None
    key = _key_of(error) if isinstance(error, openai.APIStatusError) else ""
    words = _shown(body, "", key)
    return f"The model '{name[:256]}' {said}. {advice}" + (f" The provider says: {words}" if words else "")


def _late(retries: int) -> TryAgain:
    return TryAgain("server_error", "The model did not answer in time.", _jitter(retries))


def _shown(error: Any, default: str, key: str = "") -> str:
    """The server's own words, cut, if it has any and does not repeat the key in them."""
    message = _message(error)
    if not message or (key and key in message):
        return default
    return well_formed(message[:_MAX_MESSAGE_CHARACTERS])


def _message(error: Any) -> str | None:
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None


def _key_of(error: openai.APIStatusError) -> str:
    return str(error.request.headers.get("authorization", "")).removeprefix("Bearer ")


def _retry_after(headers: Any) -> int:
    """Return the seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0, math.ceil(seconds))
    try:
        return max(0, math.ceil(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()))
    except ValueError:
        return 0


def _jitter(retries: int) -> int:
    return max(1, round(random.uniform(0, min(_MAX_JITTER_SECONDS, 2 ** (retries + 1)))))


def _another_key() -> bool:
    """Read the secret again; whether it holds another key than the one that was refused."""
    if configured(ModelClient).model_provider == "bedrock":
        return False
    refused = _client().api_key
    _client.cache_clear()
    return _client().api_key != refused


@cache
def _client() -> openai.OpenAI:
    # The engine counts and spaces attempts itself: the package makes no further ones.
    own: Any = {"max_retries": 0, "http_client": connections()}
    if configured(ModelClient).model_provider == "bedrock":
        from openai.providers import bedrock

        provider = bedrock(endpoint="runtime", region=configured(Lambda).aws_region, api_key=None)
        return openai.OpenAI(provider=provider, **own)
    return openai.OpenAI(api_key=_key(), base_url=configured(ModelClient).model_base_url or None, **own)


@cache
def connections() -> httpx2.Client:
    """The connections of this function; none is open yet. To read the authorities' certificates takes 40 ms."""
    return openai.DefaultHttpxClient()


def _key() -> str:
    secrets: SecretsManagerClient = boto3.client("secretsmanager")
    try:
        secret = secrets.get_secret_value(SecretId=configured(ModelClient).model_secret_arn)
        key: str = secret.get("SecretString", "").strip()  # A newline at its end could stand in no header.
    except secrets.exceptions.ResourceNotFoundException:
        key = ""  # So AWS answers for a secret that was never given a value.
    if not key:
        raise Refused(
            "server_error", "This deployment has no model key yet: put it into the secret that the stack names."
        )
    return key
