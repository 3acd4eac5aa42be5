"""Moments since 1970, in milliseconds and in seconds: two types, so that neither is taken for the other."""

from datetime import UTC, datetime
from typing import Any, Final, NewType

Milliseconds = NewType("Milliseconds", int)
Seconds = NewType("Seconds", int)

EPOCH: Final = Milliseconds(0)
"""The start of 1970: before everything that is recorded."""


def seconds_of(moment: Milliseconds) -> Seconds:
    """Return the second that a moment is in."""
    return Seconds(moment // 1000)


def moment(value: Any) -> Milliseconds | None:
    """Return a time in milliseconds: of seconds, milliseconds or ISO 8601; None if it is none of them."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            try:
                read = datetime.fromisoformat(value.strip())
            except ValueError:
                return None
            value = read.replace(tzinfo=read.tzinfo or UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 10**14:
        return None
    return Milliseconds(round(value if value > 10**11 else value * 1000))
