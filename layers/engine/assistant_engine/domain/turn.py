"""A turn of a run: the outcome of one model call, and the tool calls in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import Usage

TurnStatus = Literal["in_progress", "completed", "incomplete", "failed"]
"""The statuses that a run may have after a model call."""

StepStatus = Literal["in_progress", "cancelled", "failed", "completed", "expired"]
"""As `RunStepObject.status` has them. A step in progress becomes one of the others, and stays that."""


class ToolStep(NamedTuple):
    """The tool calls of one turn and what came back.

    Attributes:
        step: `RunStepObject` of type `tool_calls`, the outputs not yet filled in.
        server_calls: ids of the calls that a tool Lambda runs; the others are the client's.
        to_approve: ids of those server calls that the client has yet to say yes or no to.
        outputs: by tool call id, `{"text": ...}` or `{"key": ...}` of an object in the bucket, and of a tool that told
            it `began_ms` and `ended_ms`; absent while the call is unanswered.
        waited: from when to when the run waited for its client's word on them, milliseconds since 1970; None if it did
            not, or still does.
    """

    step: Json
    server_calls: list[str]
    to_approve: list[str]
    outputs: dict[str, Json]
    waited: tuple[int, int] | None = None

    @property
    def calls(self) -> list[Json]:
        """The calls as the model made them, `RunStepDetailsToolCallsFunctionObject`."""
        calls: list[Json] = self.step["step_details"]["tool_calls"]
        return calls

    def unanswered(self, *, server: bool) -> list[Json]:
        """The calls without output that a tool Lambda is to run (`server`), or that wait for the client's word."""
        ready = set(self.server_calls) - set(self.to_approve)
        return [c for c in self.calls if c["id"] not in self.outputs and (c["id"] in ready) == server]

    def required(self, waiting: Iterable[str], to_approve: Iterable[str]) -> list[Json]:
        """Return calls that a run waits for, as `RunObject.required_action` shows them.

        Args:
            waiting: their ids.
            to_approve: the ids of those among them that wait for a yes; the extension `needs_approval` says so.
        """
        awaited, asking = set(waiting), set(to_approve)
        shown = []
        for call in self.calls:
            if call["id"] in awaited:
                function = {name: call["function"][name] for name in ("name", "arguments")}
                more = {"needs_approval": True} if call["id"] in asking else {}
                shown.append({**call, "function": function, **more})
        return shown


class Asked(NamedTuple):
    """When the model was asked for a turn.

    Attributes:
        began_ms: earlier attempts that came to nothing included.
        first_ms: when the first of what it said was told, of a run that streams.
        answered_ms: when the answer was there.
    """

    began_ms: int
    first_ms: int | None
    answered_ms: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The outcome of one model call, all that is written of it in one transaction.

    Attributes:
        output: the output items of the response, word for word: they are sent again in the next turn.
        status: what the run's status becomes: unchanged `in_progress` when tools are called, or a terminal one.
        message: the assistant's message as `MessageObject` without its id, or None.
        calls: the calls as `RunStepDetailsToolCallsFunctionObject` without output.
        incomplete_details, last_error: the run's, with the status `incomplete` or `failed`.
        outputs: by id, of those calls that the model's provider carried out itself.
    """

    output: list[Json]
    usage: Usage
    status: TurnStatus
    message: Json | None = None
    calls: list[Json] = field(default_factory=list)
    incomplete_details: Json | None = None
    last_error: Json | None = None
    outputs: dict[str, str] = field(default_factory=dict)
