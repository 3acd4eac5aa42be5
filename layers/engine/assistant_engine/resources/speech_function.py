"""Asks the function `speech`, which alone reaches the provider of speech and has the packages that this takes."""

import json
import threading
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from assistant_engine.domain.errors import InvalidRequest, NotInTime, Unavailable
from assistant_engine.domain.speech_payloads import SpeakEvent, SpeechResult, TranscribeEvent
from assistant_engine.runtime.invocation import NotRun, invoke
from assistant_engine.runtime.settings import SpeechFunction, configured

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import InvocationResponseTypeDef

_REFUSED_SECONDS = 3


def require_on(param: str | None) -> None:
    """Check that this deployment hears and speaks.

    Raises:
        InvalidRequest: its setting `speech_provider` is `off`.
    """
    if not configured(SpeechFunction).speech_function_arn:
        raise InvalidRequest(
            "This deployment neither hears nor speaks: its setting speech_provider is off.",
            param=param,
            code="unsupported_value",
        )


def ask(event: TranscribeEvent | SpeakEvent, seconds: int, param: str | None = None) -> SpeechResult:
    """Have a sound transcribed, or a text spoken.

    Args:
        seconds: how long it may take. What the function does goes on after that, and is of no use to this caller.
        param: of the client's request, that errors name.

    Raises:
        InvalidRequest: nobody will ever serve this, or speech is off.
        NotInTime: it takes longer.
        Unavailable: it can't be served now.
    """
    require_on(param)
    return result_of(begin(event, seconds), seconds, param)


def begin(event: TranscribeEvent | SpeakEvent, seconds: int) -> Future["InvocationResponseTypeDef"]:
    """Invoke the function in a thread of its own: the client's timeout is for each read, and `seconds` are for all."""
    answer: Future[InvocationResponseTypeDef] = Future()
    function = configured(SpeechFunction).speech_function_arn

    def work() -> None:
        try:
            answer.set_result(invoke(_lambda(seconds), function, dict(event), _REFUSED_SECONDS))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer


def result_of(begun: Future["InvocationResponseTypeDef"], seconds: float, param: str | None = None) -> SpeechResult:
    """Return what became of a request that has begun; see `ask`."""
    try:
        answer = begun.result(seconds)
    except (TimeoutError, ReadTimeoutError, ConnectTimeoutError):
        raise NotInTime("Speech takes longer than this request may. Please try again.", code="speech_timeout") from None
    except NotRun:
        raise NotInTime("Speech is busy for the moment. Please try again.", code="speech_unavailable") from None
    result: SpeechResult = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Unavailable("Speech did not come to an end. Please try again.", code="speech_unavailable")
    if error := result.get("error"):
        if error["kind"] == "unfit":
            raise InvalidRequest(error["message"], param=param, code=error["code"])
        raise NotInTime(f"{error['message']} Please try again.", code=error["code"])
    return result


@cache
def _lambda(seconds: int) -> "LambdaClient":
    # Asked a second time, it would work, and be paid for, twice.
    config = Config(retries={"mode": "standard", "max_attempts": 1}, connect_timeout=2, read_timeout=seconds)
    client: LambdaClient = boto3.client("lambda", config=config)
    return client
