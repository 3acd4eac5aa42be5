"""The decision that is taken from the record of a run alone: what its execution does next."""

from typing import Literal

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.lifecycle import TerminalStatus, is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep

Action = Literal["call_model", "call_tools", "requires_action", "wait_for_thread", "late", TerminalStatus]
"""What an execution does next with a run. A terminal status is to be settled, or is there already."""


def next_action(run: Run, turn: int, tools: ToolStep | None, now: Seconds) -> Action:
    """Decide from the record what the execution does next with the run.

    Args:
        run: the record as stored.
        turn: the turn that the caller was sent to take; a late caller is behind `run.turn`.
        tools: the tool step of the newest stored turn, None if that turn called no tool.
        now: seconds since 1970.

    Returns:
        A terminal status (the run has it already); `expired` or `cancelled` to be settled; `wait_for_thread`,
        `call_tools`, `requires_action`; `late` when another delivery took this turn already and nothing is known to
        wait for; or `call_model`.
    """
    if is_terminal(run.status):
        return run.status
    if run.status == "cancelling":
        return "cancelled"
    if now >= run.expires_at:
        return "expired"
    if run.line == "waiting":
        return "wait_for_thread"
    if tools and tools.unanswered(server=True):
        return "call_tools"
    if tools and tools.unanswered(server=False):
        return "requires_action"
    return "call_model" if turn >= run.turn else "late"
