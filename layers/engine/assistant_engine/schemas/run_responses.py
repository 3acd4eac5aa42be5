"""Runs and run steps as we answer with them, by their names in the reference; extensions of our own say so."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.run import ErrorCode
from assistant_engine.domain.turn import StepStatus
from assistant_engine.schemas.common import (
    ABSENT,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantTool,
    Metadata,
    ReasoningEffort,
    Schema,
    TruncationObject,
    by_type,
)
from assistant_engine.schemas.response_parts import CompletionUsage, Page, Time


class CalledFunction(Schema):
    """A call that the client must answer."""

    name: str
    arguments: str = Field(description="JSON, as the model wrote it.")


class RunToolCallObject(Schema):
    """A tool call that waits for its output."""

    id: str
    type: Literal["function"]
    function: CalledFunction
    needs_approval: bool = Field(
        default=False, description="Extension: the output is `yes` or `no`; yes runs the tool."
    )


class SubmitToolOutputs(Schema):
    """The calls whose outputs the run waits for."""

    tool_calls: list[RunToolCallObject]


class RequiredAction(Schema):
    """What a run in `requires_action` waits for."""

    type: Literal["submit_tool_outputs"]
    submit_tool_outputs: SubmitToolOutputs


class RunError(Schema):
    """Why a run failed."""

    code: ErrorCode
    message: str


class RunIncompleteDetails(Schema):
    """Which budget a run used up."""

    reason: Literal["max_completion_tokens", "max_prompt_tokens"] = Field(default=ABSENT)


class RunObject(Schema):
    """A run of an assistant on a thread."""

    id: str
    object: Literal["thread.run"]
    created_at: Time
    thread_id: str
    assistant_id: str
    status: Status
    required_action: RequiredAction | None
    last_error: RunError | None
    expires_at: Time | None
    started_at: Time | None
    cancelled_at: Time | None
    failed_at: Time | None
    completed_at: Time | None
    incomplete_details: RunIncompleteDetails | None
    model: str
    instructions: str
    tools: list[AssistantTool] = Field(max_length=128)
    metadata: Metadata | None
    usage: CompletionUsage | None = Field(description="Null until the run has ended.")
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: Annotated[int, Field(ge=256)] | None
    max_completion_tokens: Annotated[int, Field(ge=256)] | None
    truncation_strategy: TruncationObject | None
    tool_choice: AssistantsApiToolChoiceOption | None
    parallel_tool_calls: bool
    response_format: AssistantsApiResponseFormatOption
    reasoning_effort: ReasoningEffort | None = Field(default=None, description="Extension.")


class MessageCreation(Schema):
    """The message that a step created."""

    message_id: str


class RunStepDetailsMessageCreationObject(Schema):
    """A step that created a message."""

    type: Literal["message_creation"]
    message_creation: MessageCreation


class RunStepDetailsToolCallsCodeOutputLogsObject(Schema):
    """What code printed."""

    type: Literal["logs"]
    logs: str


class CodeImage(Schema):
    """An image by the id of its file."""

    file_id: str


class RunStepDetailsToolCallsCodeOutputImageObject(Schema):
    """An image that code made."""

    type: Literal["image"]
    image: CodeImage


class CodeInterpreterCall(Schema):
    """Code and what came of it."""

    input: str
    outputs: list[
        Annotated[
            Annotated[RunStepDetailsToolCallsCodeOutputLogsObject, Tag("<logs>")]
            | Annotated[RunStepDetailsToolCallsCodeOutputImageObject, Tag("<image>")],
            by_type("logs", "image"),
        ]
    ]


class RunStepDetailsToolCallsCodeObject(Schema):
    """A call of code_interpreter."""

    id: str
    type: Literal["code_interpreter"]
    code_interpreter: CodeInterpreterCall


class RunStepDetailsToolCallsFileSearchRankingOptionsObject(Schema):
    """How the results were ranked."""

    ranker: Literal["auto", "default_2024_08_21"]
    score_threshold: float = Field(ge=0, le=1)


class FileSearchResultContent(Schema):
    """Text of a result."""

    type: Literal["text"] = Field(default=ABSENT)
    text: str = Field(default=ABSENT)


class RunStepDetailsToolCallsFileSearchResultObject(Schema):
    """One result of a file search."""

    file_id: str
    file_name: str
    score: float = Field(ge=0, le=1)
    content: list[FileSearchResultContent] = Field(default=ABSENT, description="Only when `include[]` asks for it.")


class FileSearchCall(Schema):
    """What was found."""

    ranking_options: RunStepDetailsToolCallsFileSearchRankingOptionsObject = Field(default=ABSENT)
    results: list[RunStepDetailsToolCallsFileSearchResultObject] = Field(default=ABSENT)


class RunStepDetailsToolCallsFileSearchObject(Schema):
    """A call of file_search."""

    id: str
    type: Literal["file_search"]
    file_search: FileSearchCall


class FunctionCall(Schema):
    """A function's call and its output."""

    name: str
    arguments: str = Field(description="JSON, as the model wrote it.")
    output: str | None = Field(description="Null until there is one.")


class RunStepDetailsToolCallsFunctionObject(Schema):
    """A call of a function."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class RunStepDetailsToolCallsObject(Schema):
    """A step that called tools."""

    type: Literal["tool_calls"]
    tool_calls: list[
        Annotated[
            Annotated[RunStepDetailsToolCallsCodeObject, Tag("<code_interpreter>")]
            | Annotated[RunStepDetailsToolCallsFileSearchObject, Tag("<file_search>")]
            | Annotated[RunStepDetailsToolCallsFunctionObject, Tag("<function>")],
            by_type("code_interpreter", "file_search", "function"),
        ]
    ]


class RunStepError(Schema):
    """Why a step failed."""

    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class RunStepObject(Schema):
    """A step of a run."""

    id: str
    object: Literal["thread.run.step"]
    created_at: Time
    assistant_id: str
    thread_id: str
    run_id: str
    type: Literal["message_creation", "tool_calls"]
    status: StepStatus
    step_details: Annotated[
        Annotated[RunStepDetailsMessageCreationObject, Tag("<message_creation>")]
        | Annotated[RunStepDetailsToolCallsObject, Tag("<tool_calls>")],
        by_type("message_creation", "tool_calls"),
    ]
    last_error: RunStepError | None
    expired_at: Time | None
    cancelled_at: Time | None
    failed_at: Time | None
    completed_at: Time | None
    metadata: Metadata | None
    usage: CompletionUsage | None = Field(description="Null while the step is in progress.")


class ListRunsResponse(Page):
    """A page of runs."""

    data: list[RunObject]


class ListRunStepsResponse(Page):
    """A page of run steps."""

    data: list[RunStepObject]
