"""Defines probes and their results."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from verify.account import Account


class Verdict(StrEnum):
    """The verdict of a probe, in the words of the report."""

    AS_DOCUMENTED = "as documented"
    DIFFERENT = "DIFFERENT"
    UNTRIED = "could not be tried"


class Untried(Exception):
    """The probe can't be tried here; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The observation of a probe.

    Attributes:
        text: one sentence for the report; it holds no account id and no text of a caller.
        as_documented: whether it is what the probe expects.
    """

    text: str
    as_documented: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Settles one line of docs/unproven.md.

    Attributes:
        id: that line's id.
        does: what is done in the account, and by whom: a deployed function, a function or role of the probe's own ...
        expected: what AWS documents, or the design relies on.
        look: does it. Raises Untried; an error of an AWS call that it doesn't expect counts as that, too.
    """

    id: str
    does: str
    expected: str
    look: Callable[[Account], Seen]


def probe(*, does: str, expected: str) -> Callable[[Callable[[Account], Seen]], Probe]:
    """Make a function that looks at an account a probe, with its name for an id."""
    return lambda look: Probe(look.__name__.replace("_", "-"), does, expected, look)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a probe; `observed` says why if it could not be tried."""

    probe: Probe
    verdict: Verdict
    observed: str
    seconds: float


def run(probe: Probe, account: Account) -> Result:
    """Run a probe, whatever becomes of it. What it made stays until `account.clean_up()`."""
    start = time.monotonic()
    try:
        seen = probe.look(account)
        verdict, observed = (Verdict.AS_DOCUMENTED if seen.as_documented else Verdict.DIFFERENT), seen.text
    except Untried as reason:
        verdict, observed = Verdict.UNTRIED, str(reason)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        verdict, observed = Verdict.UNTRIED, f"{error.operation_name} answered {code}"
    except BotoCoreError as error:
        verdict, observed = Verdict.UNTRIED, f"AWS could not be asked: {type(error).__name__}"
    except Exception as error:
        verdict, observed = Verdict.UNTRIED, f"the probe failed with {type(error).__name__}: {error}"
    return Result(probe, verdict, account.masked(observed), time.monotonic() - start)
