"""The plain records that the domain works on.

An assistant, a message and a run step are kept in the API's own shape (a dict with the fields of `AssistantObject`,
`MessageObject`, `RunStepObject`), so showing one is giving it away. A thread and a run have more to them than the API
shows, so they are classes with an `api()` view.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

Json = dict[str, Any]

NANODOLLARS = 1_000_000_000

FIRST_LOOK_SECONDS = 60
"""How long after a step the sweeper looks for the first time whether its run still has an execution."""

DEFAULT_PROJECT = "default"
"""The project of a key that names none, and of what was made before there were projects."""


def well_formed(text: str) -> str:
    """Text that UTF-8 can express: pairs of surrogates are joined, and a lone one becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_size(text: str) -> int:
    """The bytes that text takes in JSON at most: quotes and what is not ASCII are escaped there."""
    return len(json.dumps(text))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the model reported. Adding two gives the usage of both.

    Attributes:
        cached_tokens: those of the prompt that the provider had at hand.
        cache_write_tokens: those of the prompt that the provider put into its cache; none of them is a cached one.
        reasoning_tokens: those of the completion that nobody sees.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def total_tokens(self) -> int:
        """Tokens of the prompt and of the completion; the others are among them."""
        return self.prompt_tokens + self.completion_tokens

    def api(self) -> Json:
        """`RunCompletionUsage`."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }


@dataclass(frozen=True, slots=True)
class Account:
    """What a run has taken: so far, or, once it has ended, in all.

    The four times together are the time from the run's creation to its end, in milliseconds.

    Attributes:
        model_calls: those whose answer was stored; `usage` is theirs.
        tool_calls: those that the model made, of the stack's tools and of the client's.
        model_ms: until the model had answered, the waits that a busy one asked for included.
        tool_ms: while tools of the stack worked; of calls side by side each moment counts once.
        client_ms: while the run waited for its client.
        engine_ms: the rest; 0 until the run has ended.
        cost: of the model calls, in billionths of a US dollar; None for a model without a price.

    Adding two gives the account of both; one without a cost adds none.
    """

    usage: Usage = field(default_factory=Usage)
    model_calls: int = 0
    tool_calls: int = 0
    model_ms: int = 0
    tool_ms: int = 0
    client_ms: int = 0
    engine_ms: int = 0
    cost: int | None = None

    def __add__(self, other: "Account") -> "Account":
        mine, others = self.figures(), other.figures()
        return Account.of({name: mine.get(name, 0) + others.get(name, 0) for name in mine | others})

    def figures(self) -> dict[str, int]:
        """All of it as attributes of an item; no `cost` where there is none."""
        figures = {**asdict(self.usage), **{name: getattr(self, name) for name in _COUNTED}}
        return figures if self.cost is None else {**figures, "cost": self.cost}

    @staticmethod
    def of(figures: Json) -> "Account":
        """The account that an item's attributes tell; what is missing is 0."""
        usage = Usage(**{each.name: figures.get(each.name, 0) for each in fields(Usage)})
        return Account(usage, **{name: figures.get(name, 0) for name in _COUNTED}, cost=figures.get("cost"))


_COUNTED = ("model_calls", "tool_calls", "model_ms", "tool_ms", "client_ms", "engine_ms")


@dataclass(frozen=True, slots=True)
class Thread:
    """The head of a thread: what the API shows of it, the lock, and the clock of its ids.

    Attributes:
        last_ms: the time part of the newest id in the thread, in milliseconds.
        active_run: the run that holds the lock, or None.
        runs, usage, cost: totals of all ended runs; cost in billionths of a US dollar.
        unpriced_runs: ended runs whose model has no price, so that `cost` is without them.
        read_ms: the time part of the newest id when the newest run was created.
    """

    id: str
    created_at: int
    metadata: dict[str, str]
    tool_resources: Json
    last_ms: int
    active_run: str | None = None
    runs: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    unpriced_runs: int = 0
    read_ms: int = 0

    def api(self) -> Json:
        """`ThreadObject`, with the extensions `usage` and `cost` (US dollars)."""
        return {
            "id": self.id,
            "object": "thread",
            "created_at": self.created_at,
            "metadata": self.metadata,
            "tool_resources": self.tool_resources,
            "usage": self.usage.api(),
            "cost": None if self.unpriced_runs else self.cost / NANODOLLARS,
        }


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
        account: what it has taken so far.
        user: whose usage it is: `user_id` of its own or its thread's metadata, as they were when it was created.
        reads: the time parts of ids (after, up to) between which the messages lie that no run had read before it.
        created_ms, ended_ms: milliseconds since 1970.
        asked_ms: since when the model is asked for the next turn; None while it is not.
        waiting_ms: since when the run waits for its client; None while it does not.
        due_at: when the sweeper is to look at the run, seconds since 1970.
        project: what the run belongs to, as its thread and its assistant do.
    """

    id: str
    thread_id: str
    assistant_id: str
    status: str
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
    sequence: int = 1
    turn: int = 0
    attempts: int = 0
    account: Account = field(default_factory=Account)
    user: str | None = None
    reads: tuple[int, int] = (0, 0)
    created_ms: int = 0
    ended_ms: int | None = None
    asked_ms: int | None = None
    waiting_ms: int | None = None
    task_token: str | None = None
    started_at: int | None = None
    completed_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    incomplete_details: Json | None = None
    last_error: Json | None = None

    @property
    def usage(self) -> Usage:
        """Tokens over all turns so far."""
        return self.account.usage

    def next_look(self, now: int) -> int:
        """When the sweeper is to look again at a run that moves, seconds since 1970.

        A run whose execution was lost without an event is found by then. The older it is, the rarer the looks.
        """
        return min(now + max(FIRST_LOOK_SECONDS, (now - self.created_at) // 4), max(now, self.expires_at) + 5)

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


@dataclass(frozen=True, slots=True)
class ToolStep:
    """The tool calls of one turn and what came back.

    Attributes:
        step: `RunStepObject` of type `tool_calls`, the outputs not yet filled in.
        server_calls: ids of the calls that a tool Lambda runs; the others are the client's.
        to_approve: ids of those server calls that the client has yet to say yes or no to.
        outputs: by tool call id, `{"text": ...}` or `{"key": ...}` of an object in the bucket, and of a tool that told
            it `began_ms` and `ended_ms`; absent while the call is unanswered.
    """

    step: Json
    server_calls: list[str]
    to_approve: list[str]
    outputs: dict[str, Json]

    @property
    def calls(self) -> list[Json]:
        """The calls as the model made them, `RunStepDetailsToolCallsFunctionObject`."""
        calls: list[Json] = self.step["step_details"]["tool_calls"]
        return calls

    def unanswered(self, *, server: bool) -> list[Json]:
        """The calls without output that a tool Lambda is to run (`server`), or that wait for the client's word."""
        ready = set(self.server_calls) - set(self.to_approve)
        return [c for c in self.calls if c["id"] not in self.outputs and (c["id"] in ready) == server]


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
    status: str
    message: Json | None = None
    calls: list[Json] = field(default_factory=list)
    incomplete_details: Json | None = None
    last_error: Json | None = None
    outputs: dict[str, str] = field(default_factory=dict)
