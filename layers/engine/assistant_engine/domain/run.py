"""A run, as the domain works on it.

Assistants, messages and run steps are kept in the API's own shape (a dict with the fields of `AssistantObject`,
`MessageObject`, `RunStepObject`). Threads and runs have more to them than the API shows, so they are classes with an
`api()` view.
"""

from dataclasses import dataclass, field
from typing import Literal

from assistant_engine.domain.clock import EPOCH, Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.usage import RunUsage, Usage

ErrorCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
"""Why a run failed, as `RunObject.last_error.code` has it."""

ThreadBusy = Literal["reject", "queue"]
"""What becomes of a run on a thread that has an active one: it is refused, or waits for its turn."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its snapshot of the assistant and the request, and where it stands.

    Attributes:
        settings: the fields of `RunObject` that never change: model, instructions, tools, tool_choice,
            parallel_tool_calls, response_format, temperature, top_p, reasoning_effort, max_prompt_tokens,
            max_completion_tokens, truncation_strategy.
        functions: the assistant's `functions` whose calls are run by a tool Lambda.
        tool_resources: the assistant's; the thread's own come beside them.
        sequence: how many statuses the run has had; written with each, so events that tell of them can be put in order.
        turn: how many model calls have their outcome stored.
        attempts: how many model calls were begun, retried ones included.
        execution: the name of the execution that drives this run; another one only waits for its end.
        answers_in_output: whether the execution's output carries the answer (another AWS service asked for the run) or
            ids alone (the HTTP API did).
        task_token: wakes the execution that waits in `requires_action`; None while none waits.
        answering: the model that answers, where the deployment maps the settings' one to another (`model_aliases`).
        failed_attempts: the newest model calls that came to nothing, oldest first: `{"attempt", "turn", "failed_ms",
            "status", "reason", "next_ms"}`. `status` is that of an error, else None; `next_ms` is when the next call
            comes, None if none does.
        account: what it has taken so far.
        user: whose usage it is: `user_id` of its own or its thread's metadata, as they were when it was created.
        reads: the time parts of ids (after, up to) between which the messages lie that no run had read before it.
        created_ms, ended_ms: milliseconds since 1970.
        asked_ms: since when the model is asked for the next turn; None while it is not.
        waiting_ms: since when the run waits for its client; None while it does not.
        due_at: when the sweeper is to look at the run, seconds since 1970.
        project: what the run belongs to, as its thread and its assistant do.
        streams: whether it writes a log of its events.
        line: `waiting` while it waits for its thread, which another run holds; `called` once it has the thread, until
            it goes in; None otherwise.
        speaks: `voice`, its messages are to be heard; `hybrid`, those that answer speech are; None, none is.
        calls_step: the id of the newest stored turn's step that calls tools, if the log told of it before; else it
            follows from the turn.
    """

    id: str
    thread_id: ThreadId
    assistant_id: str
    status: Status
    created_at: int
    expires_at: int
    settings: Json
    functions: list[Json]
    tool_resources: Json
    metadata: dict[str, str]
    execution: str
    answers_in_output: bool
    due_at: int
    project: str
    streams: bool = False
    line: Literal["waiting", "called"] | None = None
    speaks: Literal["voice", "hybrid"] | None = None
    calls_step: str | None = None
    sequence: int = 1
    turn: int = 0
    attempts: int = 0
    answering: str | None = None
    failed_attempts: list[Json] = field(default_factory=list)
    account: RunUsage = field(default_factory=RunUsage)
    user: str | None = None
    reads: tuple[Milliseconds, Milliseconds] = (EPOCH, EPOCH)
    created_ms: Milliseconds = EPOCH
    ended_ms: Milliseconds | None = None
    asked_ms: Milliseconds | None = None
    waiting_ms: Milliseconds | None = None
    task_token: str | None = None
    started_at: int | None = None
    completed_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    incomplete_details: Json | None = None
    last_error: Json | None = None

    @property
    def model(self) -> str:
        """Return the name of the model that answers."""
        return self.answering or str(self.settings["model"])

    @property
    def usage(self) -> Usage:
        """Tokens over all turns so far."""
        return self.account.usage

    def api(self, required_calls: list[Json], *, ended: bool) -> Json:
        """`RunObject`.

        Args:
            required_calls: the calls that wait for the client, as `RunToolCallObject`; shown in `requires_action`.
            ended: whether the status is terminal: `expires_at` is shown before, `usage` after.
        """
        required_action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": required_calls}}
        return {
            "id": self.id,
            "object": "thread.run",
            "created_at": self.created_at,
            "thread_id": self.thread_id,
            "assistant_id": self.assistant_id,
            "status": self.status,
            "required_action": required_action if self.status == "requires_action" else None,
            "last_error": self.last_error,
            "expires_at": None if ended else self.expires_at,
            "started_at": self.started_at,
            "cancelled_at": self.cancelled_at,
            "failed_at": self.failed_at,
            "completed_at": self.completed_at,
            "incomplete_details": self.incomplete_details,
            **self.settings,
            "metadata": self.metadata,
            "usage": self.usage.api() if ended else None,
        }
