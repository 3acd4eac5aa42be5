"""The lifecycle of a run: one table of allowed transitions, and the decisions taken from the record alone.

The statuses are those of the Assistants API (`RunObject.status`). The diagram in the documentation, the conditions of
the store's writes and the tests come from `TRANSITIONS`.
"""

from typing import Final, Literal, TypeGuard

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.run import Run, Status, TerminalStatus
from assistant_engine.domain.turn import ToolStep

Action = Literal["call_model", "call_tools", "requires_action", "late", TerminalStatus]
"""What an execution does next with a run. A terminal status is to be settled, or is there already."""

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


def next_action(run: Run, turn: int, tools: ToolStep | None, now: Seconds) -> Action:
    """Decide from the record what the execution does next with the run.

    Args:
        run: the record as stored.
        turn: the turn that the caller was sent to take; a late caller is behind `run.turn`.
        tools: the tool step of the newest stored turn, None if that turn called no tool.
        now: seconds since 1970.

    Returns:
        A terminal status (the run has it already); `expired` or `cancelled` to be settled; `call_tools`,
        `requires_action`; `late` when another delivery took this turn already and nothing is known to wait for; or
        `call_model`.
    """
    if is_terminal(run.status):
        return run.status
    if run.status == "cancelling":
        return "cancelled"
    if now >= run.expires_at:
        return "expired"
    if tools and tools.unanswered(server=True):
        return "call_tools"
    if tools and tools.unanswered(server=False):
        return "requires_action"
    return "call_model" if turn >= run.turn else "late"
