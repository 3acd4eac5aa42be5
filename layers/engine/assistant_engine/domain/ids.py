"""Ids: a prefix, the time in milliseconds as 9 base-36 digits, and 15 more letters and digits.

As text they sort by time, so listing is a DynamoDB query and "the newest N" is one page. Nine base-36 digits last until
the year 5188. Clock and entropy are passed in, so that tests choose them.
"""

import hashlib
import re
import secrets

from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds, seconds_of

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TIME_LENGTH = 9
_ENTROPY_LENGTH = 15


def _base36(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def time_part(milliseconds: Milliseconds) -> str:
    """The part of an id that sorts: `milliseconds` since 1970 in nine base-36 digits."""
    return _base36(milliseconds, TIME_LENGTH)


def new_id(prefix: str, milliseconds: Milliseconds, seed: str | None = None) -> str:
    """An id such as `run_0mci2x4k8f3v9q0a7m2c5x1z`.

    Args:
        prefix: the object's prefix with its separator: `asst_`, `thread_`, `msg_`, `run_`, `file-`.
        milliseconds: time since 1970.
        seed: makes the rest of the id a hash of this text, so that the same cause gets the same id; random without it.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:12]) if seed else secrets.randbits(96)
    return prefix + time_part(milliseconds) + _base36(number, _ENTROPY_LENGTH)


def milliseconds_of(identifier: str) -> Milliseconds:
    """The time in an id made by `new_id`, in milliseconds since 1970."""
    start = max(identifier.find("_"), identifier.find("-")) + 1
    return Milliseconds(int(identifier[start : start + TIME_LENGTH], 36))


def time_of(identifier: str) -> Milliseconds:
    """The time in an id; the start of 1970 of one that was brought along, which is older than all that is made here."""
    return milliseconds_of(identifier) if _is_own(identifier) else EPOCH


def _is_own(identifier: str) -> bool:
    return re.fullmatch(rf"[a-z]+[_-][0-9a-z]{{{TIME_LENGTH + _ENTROPY_LENGTH}}}", identifier) is not None


def listed_as(prefix: str, identifier: str, created_at: Seconds) -> str:
    """Return an object's place in lists: its id, or for an id of another form what puts it where its time belongs."""
    if identifier.startswith(prefix) and seconds_of(time_of(identifier)) == created_at:
        return identifier
    return prefix + time_part(Milliseconds(created_at * 1000)) + identifier


def step_id(run_id: str, turn: int, index: int) -> str:
    """The id of the step `index` (0-99) of a run's turn (0-9999).

    It is derived from the run's id, so that recording a turn twice writes the same steps, and a run's steps share a
    prefix.
    """
    return f"{step_prefix(run_id)}{turn:04d}{index:02d}"


def step_prefix(run_id: str) -> str:
    """Return what the ids of all steps of a run start with."""
    return "step_" + run_id.removeprefix("run_")


def is_id(text: str) -> bool:
    """Return whether the text can be an id at all: what cannot is not found, and never becomes a key."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is not None


def is_place(text: str) -> bool:
    """Return whether the text can be a place in a list: an id, or what `listed_as` made of one."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text) is not None


def shown(text: str) -> str:
    """An id as an error repeats it: what can't be one may be anything that somebody said, and is left out.

    The error of a step stands in its function's log.
    """
    return text if is_id(text) else "..."


def is_run_id(text: str) -> bool:
    """Return whether the text has the form of a run's id."""
    return re.fullmatch(rf"run_[0-9a-z]{{{TIME_LENGTH + _ENTROPY_LENGTH}}}", text) is not None
