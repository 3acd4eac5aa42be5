"""What every lifecycle step shares: one store for each warm function, and errors without anybody's text in them.

An uncaught exception's message would reach the log and the execution's history, and may hold what a person said. So a
step ends with one of two errors of ours, or with the caller's mistake.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from assistant_engine import metrics
from assistant_engine.domain.errors import ApiError, InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.invocation import NEVER_RAN, NotRun
from assistant_engine.store import Store

logger = logging.getLogger("assistant_engine")
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
# At DEBUG these write whole requests, with what people said in them, whatever level the function is set to.
for library in ("boto3", "botocore", "httpcore2", "httpx2", "openai", "urllib3"):
    logging.getLogger(library).setLevel(logging.WARNING)

_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "ThrottlingException",
    "TooManyRequestsException",
}
_BUSY = {
    *_THROTTLED,
    *NEVER_RAN,
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


class ServiceBusy(Exception):
    """An AWS service throttled or failed for the moment; the state machine tries the step again."""


class StepFailed(Exception):
    """The step can't go on; its message says where, in the code, and no more."""


class NothingToWaitFor(Exception):
    """The run went on while it was about to wait; the state machine goes on with it."""


@cache
def _store() -> Store:
    return Store(project="")


def store(project: str = "") -> Store:
    """The store of this function, its clients made once.

    Args:
        project: the one that it sees. Without it, it is for what has its project in the record, a run and what lies
            below its thread, and finds nothing by an id alone.
    """
    return _store().of(project)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class Fault:
    """An unexpected exception, told without its message, which may hold what a person said.

    Attributes:
        where: its class (an AWS error's code) and the place in the code.
        throttled: an AWS service takes no more requests for the moment.
        busy: that, or a service failed for the moment: trying again may help.
    """

    where: str
    throttled: bool
    busy: bool


def fault_of(error: Exception) -> Fault:
    """What may be told of an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    # An error of AWS is raised deep in its client; what matters is who called it.
    frame = next((frame for frame in reversed(frames) if "botocore" not in frame.filename), frames[-1])
    match error:
        case ClientError():
            cause = error.response["Error"]["Code"]
        case NotRun():
            cause = str(error)
        case _:
            cause = type(error).__name__
    where = f"{cause} at {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
    return Fault(where, cause in _THROTTLED, cause in _BUSY or isinstance(error, BotoCoreError))


def step(work: Callable[[Json], Json]) -> Callable[[Json, Any], Json]:
    """Makes the Lambda handler of a lifecycle step.

    Raises:
        InvalidRequest: the caller's mistake (404s and conflicts too); its message names the parameter.
        ServiceBusy: try again.
        StepFailed: don't.
        NothingToWaitFor: as the step says.
    """

    def handler(event: Json, context: Any) -> Json:
        try:
            return work(event)
        except NothingToWaitFor:
            raise
        except ApiError as error:
            raise InvalidRequest(error.message, param=error.param, code=error.code) from None
        except Exception as error:
            fault = fault_of(error)
            about = event.get("run_id") or event.get("execution", {}).get("name", "")
            logger.error("step failed: %s (%s)", fault.where, about)
            if fault.throttled:
                metrics.emit({"Throttled": 1}, about=about)
            raise (ServiceBusy if fault.busy else StepFailed)(fault.where) from None

    return handler
