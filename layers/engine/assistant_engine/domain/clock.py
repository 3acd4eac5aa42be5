"""Moments since 1970, in milliseconds and in seconds: two types, so that neither is taken for the other."""

from typing import Final, NewType

Milliseconds = NewType("Milliseconds", int)
Seconds = NewType("Seconds", int)

EPOCH: Final = Milliseconds(0)
"""The start of 1970: before everything that is recorded."""


def seconds_of(moment: Milliseconds) -> Seconds:
    """Return the second that a moment is in."""
    return Seconds(moment // 1000)
