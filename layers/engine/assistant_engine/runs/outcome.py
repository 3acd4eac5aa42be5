"""The outcomes of a step: one type for each way that the state machine can go on, and its payload."""

import json
from typing import NamedTuple

from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.payloads import FinishedRun, StepResult, ToolCall, ToolInputs
from assistant_engine.domain.run import Run


class CallTools(NamedTuple):
    """Tools of the stack are to serve the turn's calls."""

    turn: int
    calls: list[ToolCall]
    inputs: ToolInputs

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        return {"status": "call_tools", "turn": self.turn, "calls": self.calls, "inputs": self.inputs}


class WaitForClient(NamedTuple):
    """The run waits for outputs, or for a yes, of its client."""

    turn: int

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        return {"status": "requires_action", "turn": self.turn}


class WaitForThread(NamedTuple):
    """Another run holds the thread."""

    turn: int

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        return {"status": "wait_for_thread", "turn": self.turn}


class Wait(NamedTuple):
    """The run can't go on now."""

    turn: int
    seconds: int

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        return {"status": "backoff", "turn": self.turn, "wait_seconds": max(1, self.seconds)}


class TakeNextTurn(NamedTuple):
    """The next turn can be taken at once: the model called nothing that anybody serves."""

    turn: int

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        return {"status": "in_progress", "turn": self.turn}


class Ended(NamedTuple):
    """The run has ended.

    Attributes:
        finished: the output of the execution, if the run has an answer.
    """

    run: Run
    finished: FinishedRun | None

    def payload(self) -> StepResult:
        """Return what the state machine is told."""
        run = self.run
        assert is_terminal(run.status)
        if self.finished:
            return {"status": run.status, "turn": run.turn, "run": self.finished}
        code: str = run.last_error["code"] if run.last_error else run.status
        cause = json.dumps({"thread_id": run.thread_id, "run_id": run.id})
        return {"status": run.status, "turn": run.turn, "error": code, "cause": cause}


class Moved:
    """Another writer changed the run first: its record is to be read again."""


Outcome = CallTools | WaitForClient | WaitForThread | Wait | TakeNextTurn | Ended
"""All that a step can come to."""

MOVED = Moved()

MAX_LOOKS = 3
"""How often a record is read again, after other writers came first. A run that moves needs no help."""
