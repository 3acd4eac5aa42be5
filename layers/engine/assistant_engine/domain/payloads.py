"""The payloads that cross a boundary: what the state machine, the queues and the functions tell each other.

`cdk/run.asl.json` is the other side. All of them together stay below 256 KiB (Step Functions limit); none carries the
conversation.
"""

from typing import Any, Literal, NotRequired, TypedDict, final

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status, TerminalStatus
from assistant_engine.domain.thread import ThreadId


class Execution(TypedDict):
    """The execution that a function works for.

    Attributes:
        start_time: ISO 8601.
    """

    name: str
    arn: str
    start_time: str


class QueuedEvent(TypedDict):
    """The event of `queued`.

    Attributes:
        request: the execution's input: the ids of a run of the HTTP API, or a run request, valid or not.
        token: of the state `wait_for_thread`: ends the wait.
    """

    request: Any
    execution: Execution
    token: NotRequired[str]


class QueuedResult(TypedDict):
    """The result of `queued`.

    Attributes:
        expires_at: seconds since 1970.
    """

    thread_id: ThreadId
    run_id: str
    expires_at: int
    turn: int


class ToolEvent(TypedDict):
    """The event of a tool's function, for one call.

    Attributes:
        turn: the turn that made the call.
        arguments: JSON text, as the model wrote it.
        inline_bytes: a larger output goes into the bucket.
        most_bytes: a larger output is cut.
    """

    thread_id: ThreadId
    run_id: str
    turn: int
    tool_call_id: str
    function_name: str
    arguments: str
    inline_bytes: int
    most_bytes: int


class ToolCall(TypedDict):
    """A call that `call_tools` makes.

    Attributes:
        function: the ARN of the alias that serves it.
    """

    tool_call_id: str
    function: str
    payload: ToolEvent


class ToolResult(TypedDict):
    """The result of a tool's function; of one that died, the state machine makes it.

    Attributes:
        output: the output itself, or else
        output_key: where the bucket has it.
        began_ms, ended_ms: milliseconds since 1970; a tool that died told none.
    """

    tool_call_id: str
    output: NotRequired[str]
    output_key: NotRequired[str]
    began_ms: NotRequired[int]
    ended_ms: NotRequired[int]


class CodeInterpreterInput(TypedDict):
    """The input of a call of `code_interpreter`, in addition to its `ToolEvent`.

    Attributes:
        seconds: how much time its run has left.
    """

    file_ids: list[str]
    project: str
    seconds: int


class FileSearchInput(TypedDict):
    """The input of a call of `file_search`, in addition to its `ToolEvent`."""

    vector_store_ids: list[str]
    project: str
    max_num_results: int
    ranking_options: Json


class ToolInputs(TypedDict, total=False):
    """The inputs of the calls of built-in tools, by the tool's name: once a turn, however many calls there are."""

    code_interpreter: CodeInterpreterInput
    file_search: FileSearchInput


class InProgressEvent(TypedDict):
    """The event of `in_progress`.

    Attributes:
        turn: the turn that it is to take.
        execution: the execution's name.
        outputs: of the tools that `call_tools` called for the turn before.
    """

    thread_id: ThreadId
    run_id: str
    turn: int
    execution: str
    outputs: list[ToolResult]


class FinishedRun(TypedDict):
    """A run that has an answer, as the output of its execution.

    Attributes:
        messages: `{"message_id"}` each and, for a run that another AWS service asked for, `text` (`truncated` if cut).
    """

    thread_id: ThreadId
    run_id: str
    assistant_id: str
    status: TerminalStatus
    usage: Json
    incomplete_details: Json | None
    messages: list[Json]


class StepResult(TypedDict):
    """The result of `in_progress` and `record_failure`, for `route`: the state that follows, and its input.

    Attributes:
        turn: the turn that is next.
        calls, inputs: of `call_tools`.
        wait_seconds: of `backoff`.
        run: of `completed` and `incomplete`.
        error, cause: of `expired`, `cancelled` and `failed`.
    """

    status: Literal["in_progress", "call_tools", "requires_action", "wait_for_thread", "backoff", TerminalStatus]
    turn: int
    calls: NotRequired[list[ToolCall]]
    inputs: NotRequired[ToolInputs]
    wait_seconds: NotRequired[int]
    run: NotRequired[FinishedRun]
    error: NotRequired[str]
    cause: NotRequired[str]


class RequiresActionEvent(TypedDict):
    """The event of `requires_action`.

    Attributes:
        token: ends the wait.
    """

    thread_id: ThreadId
    run_id: str
    turn: int
    token: str


class RecordFailureEvent(TypedDict):
    """The event of `record_failure`.

    Attributes:
        request: the execution's input, valid or not.
        error: the name of the error that the step died of.
    """

    request: Any
    execution: Execution
    error: str


class SweepEvent(TypedDict, total=False):
    """The event of the sweeper: empty by its schedule, else name and status of an execution that ended badly."""

    name: str
    status: str


class SweepResult(TypedDict):
    """The result of the sweeper: how many runs it looked at."""

    swept: int


class ExportEvent(TypedDict):
    """The event of the export.

    Attributes:
        shard: of the index of ended runs.
        day: `YYYY-MM-DD` (UTC); the day before today unless it is given.
    """

    shard: int
    day: NotRequired[str]


class ExportResult(TypedDict):
    """The result of the export.

    Attributes:
        runs, messages: how many lines were written.
    """

    day: str
    shard: int
    runs: int
    messages: int


class FineTuningEvent(TypedDict):
    """The event of `fine_tuning`: the export that it is to write."""

    project: str
    export_id: str


class FineTuningResult(TypedDict):
    """The result of `fine_tuning`.

    Attributes:
        status: `succeeded` or `failed`; all else is in the export.
    """

    export_id: str
    status: str


class ErrorSummary(TypedDict):
    """The code of a run's `last_error`, without its message."""

    code: str


class IncompleteSummary(TypedDict):
    """The reason of a run's `incomplete_details`."""

    reason: str


class StatusChange(TypedDict):
    """A change of a run's status, as the event bus and the webhook tell it: none of anybody's words.

    Attributes:
        previous_status: None of a new run.
        sequence: counts the statuses of the run from 1.
        created_at: seconds since 1970.
        usage: None before the end.
        cost: US dollars; None before the end, and of a model without a price.
    """

    project: str
    thread_id: str
    run_id: str
    assistant_id: str
    status: Status
    previous_status: Status | None
    sequence: int
    created_at: int
    usage: Json | None
    cost: float | None
    last_error: ErrorSummary | None
    incomplete_details: IncompleteSummary | None


class WebhookEvent(TypedDict):
    """The body of a request to the webhook (https://www.standardwebhooks.com).

    Attributes:
        type: `thread.run.<status>`.
        timestamp: of the change, ISO 8601.
    """

    type: str
    timestamp: str
    data: StatusChange


class FailedItem(TypedDict):
    """A record or a message that is not taken, by its sequence number or its id."""

    itemIdentifier: str


class BatchResult(TypedDict):
    """The result of a function that a stream or a queue calls: what is to be delivered again."""

    batchItemFailures: list[FailedItem]


@final
class ReadFile(TypedDict):
    """Asks the ingestion to read a file.

    Attributes:
        store: the vector store.
        file: the key of the file's item in the store.
        ingestion: the attachment that asks for it; a later one has another.
    """

    store: str
    file: str
    ingestion: str


@final
class RemoveFile(TypedDict):
    """Asks the ingestion to remove the chunks of a file that was detached.

    Attributes:
        removed: the file's id.
    """

    store: str
    removed: str
    ingestion: str


@final
class RemoveStore(TypedDict):
    """Asks the ingestion to remove the chunks of a store that was deleted or has expired."""

    store: str


IngestionMessage = ReadFile | RemoveFile | RemoveStore
"""A message of the ingestion's queue. Each may come twice, and a lost one is sent again by the sweeper."""
