"""Moments since 1970, in milliseconds and in seconds: two types, so that neither is taken for the other."""

from typing import NewType

Milliseconds = NewType("Milliseconds", int)
Seconds = NewType("Seconds", int)


def seconds_of(moment: Milliseconds) -> Seconds:
    """Return the second that a moment is in."""
    return Seconds(moment // 1000)
