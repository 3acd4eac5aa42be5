"""The objects we answer with, by their names in the reference; extensions of our own say so.

The API description is made from these, and the tests hold every response against them. Times are Unix seconds.
"""

from typing import Annotated, Literal

from pydantic import Field, Tag

from assistant_engine.domain.run import ErrorCode, Status
from assistant_engine.domain.turn import StepStatus
from assistant_engine.domain.upload import UploadStatus
from assistant_engine.schemas.common import (
    ABSENT,
    AssistantFunction,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantTool,
    AssistantType,
    AttachmentTool,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    Metadata,
    ReasoningEffort,
    Schema,
    ToolResources,
    TruncationObject,
    by_type,
)
from assistant_engine.schemas.usage import Day

Time = Annotated[int, Field(ge=0)]


class Error(Schema):
    """What went wrong."""

    message: str
    type: str
    param: str | None = Field(description="The parameter at fault, as a path such as `tools[0].type`.")
    code: str | None


class ErrorResponse(Schema):
    """The body of every response with a status of 400 or more."""

    error: Error


class AssistantObject(Schema):
    """An assistant."""

    id: str
    object: Literal["assistant"]
    created_at: Time
    name: str | None
    description: str | None
    model: str
    instructions: str | None
    tools: list[AssistantTool] = Field(max_length=128)
    tool_resources: ToolResources | None = None
    metadata: Metadata | None
    temperature: float | None = None
    top_p: float | None = None
    response_format: AssistantsApiResponseFormatOption | None = None
    # The reference takes it in requests and leaves it out here; a caller would not see what it set.
    reasoning_effort: ReasoningEffort | None = Field(default=None, description="Extension.")
    assistant_type: AssistantType = Field(default="chat", description="Extension.")
    functions: list[AssistantFunction] = Field(
        default=[], description="Extension: functions of deployed tools that the assistant may call."
    )


class CompletionUsage(Schema):
    """Tokens, as the model reported them."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)


class ThreadObject(Schema):
    """A thread of messages."""

    id: str
    object: Literal["thread"]
    created_at: Time
    tool_resources: ToolResources | None
    metadata: Metadata | None
    usage: CompletionUsage | None = Field(default=None, description="Extension: of all runs of the thread.")
    cost: float | None = Field(
        default=None, description="Extension: US dollars for that usage; null when a price is unknown."
    )


class FileCitation(Schema):
    """The file that is cited."""

    file_id: str


class MessageContentTextAnnotationsFileCitationObject(Schema):
    """A place in the text that cites a file."""

    type: Literal["file_citation"]
    text: str
    file_citation: FileCitation
    start_index: int = Field(ge=0)
    end_index: int = Field(ge=0)


class FilePath(Schema):
    """The file that was made."""

    file_id: str


class MessageContentTextAnnotationsFilePathObject(Schema):
    """A place in the text that names a file which code_interpreter made."""

    type: Literal["file_path"]
    text: str
    file_path: FilePath
    start_index: int = Field(ge=0)
    end_index: int = Field(ge=0)


class Text(Schema):
    """Text and its annotations."""

    value: str
    annotations: list[
        Annotated[
            Annotated[MessageContentTextAnnotationsFileCitationObject, Tag("<file_citation>")]
            | Annotated[MessageContentTextAnnotationsFilePathObject, Tag("<file_path>")],
            by_type("file_citation", "file_path"),
        ]
    ]


class MessageContentTextObject(Schema):
    """Text in a message."""

    type: Literal["text"]
    text: Text


class MessageContentRefusalObject(Schema):
    """The model's refusal."""

    type: Literal["refusal"]
    refusal: str


class MessageAttachment(Schema):
    """A file attached to a message."""

    file_id: str = Field(default=ABSENT)
    tools: list[AttachmentTool] = Field(default=ABSENT)


class MessageIncompleteDetails(Schema):
    """Why a message is incomplete."""

    reason: Literal["content_filter", "max_tokens", "run_cancelled", "run_expired", "run_failed"]


class MessageObject(Schema):
    """A message in a thread."""

    id: str
    object: Literal["thread.message"]
    created_at: Time
    thread_id: str
    status: Literal["in_progress", "incomplete", "completed"]
    incomplete_details: MessageIncompleteDetails | None
    completed_at: Time | None
    incomplete_at: Time | None
    role: Literal["user", "assistant"]
    content: list[
        Annotated[
            Annotated[MessageContentImageFileObject, Tag("<image_file>")]
            | Annotated[MessageContentImageUrlObject, Tag("<image_url>")]
            | Annotated[MessageContentTextObject, Tag("<text>")]
            | Annotated[MessageContentRefusalObject, Tag("<refusal>")],
            by_type("image_file", "image_url", "text", "refusal"),
        ]
    ]
    assistant_id: str | None
    run_id: str | None
    attachments: list[MessageAttachment] | None
    metadata: Metadata | None


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


class OpenAIFile(Schema):
    """A file."""

    id: str
    object: Literal["file"]
    bytes: int = Field(ge=0)
    created_at: Time
    expires_at: Time = Field(default=ABSENT)
    filename: str
    purpose: Literal[
        "assistants",
        "assistants_output",
        "batch",
        "batch_output",
        "fine-tune",
        "fine-tune-results",
        "vision",
        "user_data",
        "evals",
    ]
    status: Literal["uploaded", "processed", "error"]
    status_details: str = Field(default=ABSENT)


class Upload(Schema):
    """A file that is uploaded in parts."""

    id: str
    object: Literal["upload"]
    bytes: int = Field(ge=0, description="The size that was announced.")
    created_at: Time
    expires_at: Time
    filename: str
    purpose: str
    status: UploadStatus
    file: OpenAIFile | None = Field(default=None, description="Null until the upload is completed.")


class UploadPart(Schema):
    """A part of an upload."""

    id: str
    object: Literal["upload.part"]
    created_at: Time
    upload_id: str


class Model(Schema):
    """A model that is configured."""

    id: str
    object: Literal["model"]
    created: Time
    owned_by: str
    shutdown_date: Day | None = Field(
        description="The day on which its provider switches the model off; null if none is known."
    )


class _List(Schema):
    """One page of a list."""

    object: Literal["list"]
    first_id: str | None = Field(description="Null on an empty page.")
    last_id: str | None = Field(description="Null on an empty page.")
    has_more: bool


class ListAssistantsResponse(_List):
    """A page of assistants."""

    data: list[AssistantObject]


class ListThreadsResponse(_List):
    """Extension: a page of threads."""

    data: list[ThreadObject]


class ListMessagesResponse(_List):
    """A page of messages."""

    data: list[MessageObject]


class ListRunsResponse(_List):
    """A page of runs."""

    data: list[RunObject]


class ListRunStepsResponse(_List):
    """A page of run steps."""

    data: list[RunStepObject]


class ListFilesResponse(_List):
    """A page of files."""

    data: list[OpenAIFile]


class ListModelsResponse(Schema):
    """The models."""

    object: Literal["list"]
    data: list[Model]


class _Deleted(Schema):
    """What was deleted."""

    id: str
    deleted: bool


class DeleteAssistantResponse(_Deleted):
    """An assistant that was deleted."""

    object: Literal["assistant.deleted"]


class DeleteThreadResponse(_Deleted):
    """A thread that was deleted."""

    object: Literal["thread.deleted"]


class DeleteMessageResponse(_Deleted):
    """A message that was deleted."""

    object: Literal["thread.message.deleted"]


class DeleteFileResponse(_Deleted):
    """A file that was deleted."""

    object: Literal["file"]
