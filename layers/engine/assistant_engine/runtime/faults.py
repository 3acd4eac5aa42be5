"""Tells of an unexpected exception without its message, which may hold what a person said."""

import traceback
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from assistant_engine.runtime.invocation import NEVER_RAN, NotRun

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


class Fault(NamedTuple):
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
    """Return what may be told of an exception."""
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
