"""The lifecycle of a run: its statuses, and one table of allowed transitions.

The statuses are those of the Assistants API (`RunObject.status`). The diagram in the documentation, the conditions of
the store's writes, the API's description and the tests come from here.
"""

from typing import Final, Literal, TypeGuard

ActiveStatus = Literal["queued", "in_progress", "requires_action", "cancelling"]
TerminalStatus = Literal["cancelled", "failed", "completed", "incomplete", "expired"]
Status = Literal[ActiveStatus, TerminalStatus]

TRANSITIONS: Final[dict[Status, tuple[Status, ...]]] = {
    "queued": ("in_progress", "cancelling", "failed", "expired"),
    "in_progress": ("requires_action", "completed", "incomplete", "cancelling", "failed", "expired"),
    "requires_action": ("queued", "cancelling", "failed", "expired"),
    "cancelling": ("cancelled",),
    "completed": (),
    "incomplete": (),
    "failed": (),
    "expired": (),
    "cancelled": (),
}

TERMINAL: Final = tuple(status for status, following in TRANSITIONS.items() if not following)
ACTIVE: Final = tuple(status for status, following in TRANSITIONS.items() if following)
WORKING: Final = tuple(status for status in ACTIVE if status != "requires_action")
"""The statuses that a run leaves without its client's help."""


def sources(status: Status) -> tuple[Status, ...]:
    """Return the statuses from which a run may go to `status`."""
    return tuple(source for source, following in TRANSITIONS.items() if status in following)


def is_terminal(status: str) -> TypeGuard[TerminalStatus]:
    """Return whether a run with this status has ended."""
    return status in TERMINAL
