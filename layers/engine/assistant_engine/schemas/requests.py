"""The requests, by their names in the reference; extensions of our own say so.

Limits that the reference leaves open are set here where storage needs one: ids and model names of 256 characters, and
256,000 characters for any instructions or message text.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Tag, model_validator

from assistant_engine.schemas.common import (
    ABSENT,
    AssistantFunction,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantTool,
    AssistantToolsFunction,
    AssistantType,
    Attachment,
    CodeInterpreterResources,
    FileExpirationAfter,
    Id,
    Instructions,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentInputAudioObject,
    Metadata,
    OwnId,
    ReasoningEffort,
    Schema,
    Temperature,
    TokenBudget,
    ToolResources,
    TopP,
    TruncationObject,
    Voice,
    by_shape,
    by_type,
    problem,
)

TEXT_LENGTH = 256_000

TOOLS_BYTES = 1_000_000
"""All functions of an assistant or a run: with the instructions they must fit into an answer (Lambda limit: 6 MB)."""


def _require_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise problem(f"Invalid '{{param}}': function names must be unique, '{name}' is not.", code="invalid_value")
        seen.add(name)


def _unique_tools(tools: list[AssistantTool]) -> list[AssistantTool]:
    functions = [tool.function for tool in tools if isinstance(tool, AssistantToolsFunction)]
    _require_unique(function.name for function in functions)
    _require_size([function.model_dump() for function in functions], TOOLS_BYTES)
    return tools


def _require_size(value: object, most: int) -> None:
    size = len(json.dumps(value))
    if size > most:
        raise problem(
            f"Invalid '{{param}}': too large. Expected at most {most} bytes of JSON, but got {size} instead.",
            code="value_too_large",
        )


def _unique_functions(functions: list[AssistantFunction]) -> list[AssistantFunction]:
    _require_unique(function.function_name for function in functions)
    return functions


AssistantTools = Annotated[list[AssistantTool], Field(max_length=128), AfterValidator(_unique_tools)]
RunTools = Annotated[list[AssistantTool], Field(max_length=20), AfterValidator(_unique_tools)]
AssistantFunctions = Annotated[
    list[AssistantFunction],
    Field(max_length=128, description="Extension: functions of deployed tools that the assistant may call."),
    AfterValidator(_unique_functions),
]


_READ_ONLY = "Extension: ignored, so that a thread can be sent back as it was read."

STREAM = "Answer with the events of the run as server-sent events, as they happen."


class AutoChunking(Schema):
    """The usual chunks: 800 tokens, of which 400 overlap."""

    type: Literal["auto"]


class StaticChunkingSizes(Schema):
    """Chunks of a given size."""

    max_chunk_size_tokens: int = Field(ge=100, le=4096)
    chunk_overlap_tokens: int = Field(ge=0, description="At most half of `max_chunk_size_tokens`.")

    @model_validator(mode="after")
    def _overlaps_by_half_at_most(self) -> "StaticChunkingSizes":
        if self.chunk_overlap_tokens > self.max_chunk_size_tokens / 2:
            raise problem(
                "Invalid '{param}': must not exceed half of max_chunk_size_tokens.",
                code="invalid_value",
                at="chunk_overlap_tokens",
            )
        return self


class StaticChunking(Schema):
    """Chunks of a given size."""

    type: Literal["static"]
    static: StaticChunkingSizes


class NewVectorStore(Schema):
    """A vector store to create and attach."""

    file_ids: list[Id] = Field(default=[], max_length=10_000)
    chunking_strategy: Annotated[
        Annotated[AutoChunking, Tag("<auto>")] | Annotated[StaticChunking, Tag("<static>")], by_type("auto", "static")
    ] = Field(default=ABSENT)
    metadata: Metadata | None = None


class CreateFileSearchResources(Schema):
    """The vector store that file_search looks in: one that exists, or one to create."""

    vector_store_ids: list[Id] = Field(default=[], max_length=1)
    vector_stores: list[NewVectorStore] = Field(default=[], max_length=1)

    @model_validator(mode="after")
    def _exists_or_is_created(self) -> "CreateFileSearchResources":
        if self.vector_store_ids and self.vector_stores:
            raise problem(
                "Invalid '{param}': give either vector_store_ids or vector_stores, not both.",
                code="invalid_value",
                at="vector_stores",
            )
        return self


class CreateToolResources(Schema):
    """What the tools work on."""

    code_interpreter: CodeInterpreterResources = Field(default=ABSENT)
    file_search: CreateFileSearchResources = Field(default=ABSENT)


class _AssistantFields(Schema):
    """What create and modify have in common."""

    name: Annotated[str, Field(max_length=256)] | None = None
    description: Annotated[str, Field(max_length=512)] | None = None
    instructions: Instructions | None = None
    reasoning_effort: ReasoningEffort | None = "medium"
    tools: AssistantTools = Field(default=[])
    metadata: Metadata | None = None
    temperature: Temperature | None = 1
    top_p: TopP | None = 1
    response_format: AssistantsApiResponseFormatOption | None = "auto"
    functions: AssistantFunctions = Field(default=[])
    configuration: dict[str, Any] | None = Field(
        default=None, description="Extension: lies under the configuration of each of `functions`."
    )
    voice: Voice | None = Field(default=None, description="Extension: how its messages sound.")


class CreateAssistantRequest(_AssistantFields):
    """POST /assistants."""

    model: Id
    tool_resources: CreateToolResources | None = None
    id: OwnId = Field(default=ABSENT, description="Extension: an id of your own, where the project allows it.")
    assistant_type: AssistantType = Field(
        default="chat",
        description="Extension: a word such as chat, voice, hybrid or agent, fixed when the assistant is created. "
        "Messages of runs of a voice assistant have a `speech_url`, those of a hybrid one after spoken questions.",
    )


class ModifyAssistantRequest(_AssistantFields):
    """POST /assistants/{assistant_id}: what is given replaces what was there."""

    model: Id = Field(default=ABSENT)
    tool_resources: ToolResources | None = None
    assistant_type: AssistantType = Field(
        default=ABSENT,
        description="Extension: what it is already, so that an assistant can be sent back as it was read.",
    )


class MessageRequestContentTextObject(Schema):
    """Text in a message."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=TEXT_LENGTH)


MessageRequestContentPart = Annotated[
    Annotated[MessageRequestContentTextObject, Tag("<text>")]
    | Annotated[MessageContentImageUrlObject, Tag("<image_url>")]
    | Annotated[MessageContentImageFileObject, Tag("<image_file>")]
    | Annotated[MessageContentInputAudioObject, Tag("<input_audio>")],
    by_type("text", "image_url", "image_file", "input_audio"),
]


def _readable_length(parts: list[MessageRequestContentPart]) -> list[MessageRequestContentPart]:
    total = sum(len(part.text) for part in parts if isinstance(part, MessageRequestContentTextObject))
    if total > TEXT_LENGTH:
        raise problem(
            f"Invalid '{{param}}': string too long. Expected texts with a total maximum length {TEXT_LENGTH}, "
            f"but got a total length {total} instead.",
            code="string_above_max_length",
        )
    if sum(isinstance(part, MessageContentInputAudioObject) for part in parts) > 1:
        raise problem("Invalid '{param}': a message takes one part of the type input_audio.", code="invalid_value")
    return parts


class CreateMessageRequest(Schema):
    """POST /threads/{thread_id}/messages, and each message given with a thread or run."""

    role: Literal["user", "assistant"]
    content: Annotated[
        Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH), Tag("<string>")]
        | Annotated[
            list[MessageRequestContentPart], Field(min_length=1), AfterValidator(_readable_length), Tag("<array>")
        ],
        by_shape(string=str, array=list),
    ]
    attachments: Annotated[list[Attachment], Field(max_length=10)] | None = None
    metadata: Metadata | None = None


class ModifyMessageRequest(Schema):
    """POST /threads/{thread_id}/messages/{message_id}."""

    metadata: Metadata | None = None


class CreateThreadRequest(Schema):
    """POST /threads, and the thread of a run that makes its own."""

    messages: list[CreateMessageRequest] = Field(default=[])
    tool_resources: CreateToolResources | None = None
    metadata: Metadata | None = None


class ModifyThreadRequest(Schema):
    """POST /threads/{thread_id}."""

    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
    usage: dict[str, int] | None = Field(default=None, description=_READ_ONLY)
    cost: float | None = Field(default=None, description=_READ_ONLY)


class _RunFields(Schema):
    """What every way to start a run has in common. What is null or not given comes from the assistant."""

    assistant_id: Id
    model: Id | None = None
    instructions: Instructions | None = Field(default=None, description="Instead of the assistant's.")
    tools: RunTools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = 1
    top_p: TopP | None = 1
    stream: bool | None = Field(default=None, description=STREAM)
    max_prompt_tokens: TokenBudget | None = Field(default=None, description="For the whole run.")
    max_completion_tokens: TokenBudget | None = Field(default=None, description="For the whole run.")
    truncation_strategy: TruncationObject | None = None
    tool_choice: AssistantsApiToolChoiceOption | None = "auto"
    parallel_tool_calls: bool = True
    response_format: AssistantsApiResponseFormatOption | None = "auto"
    expires_after: int = Field(
        default=ABSENT, ge=1, le=86_400, description="Extension: seconds until the run expires; else the environment's."
    )
    thread_busy: Literal["reject", "queue"] = Field(
        default=ABSENT,
        description="Extension: whether the run is refused (400) on a thread that has an active run, or waits for its"
        " turn; else as the project says. While it waits it is `queued`, and its `additional_messages` wait with it.",
    )


class CreateRunRequest(_RunFields):
    """POST /threads/{thread_id}/runs."""

    reasoning_effort: ReasoningEffort | None = "medium"
    additional_instructions: Instructions | None = Field(default=None, description="After the instructions.")
    additional_messages: list[CreateMessageRequest] | None = Field(
        default=None, description="Added to the thread before the run starts."
    )


class CreateThreadAndRunRequest(_RunFields):
    """POST /threads/runs."""

    thread: CreateThreadRequest = Field(default=ABSENT)
    tool_resources: ToolResources | None = None


class RunRequest(CreateRunRequest):
    """The input of the state machine when another AWS service starts it."""

    thread_id: Id = Field(default=ABSENT, description="The thread to run on; without it one is made.")
    thread: CreateThreadRequest = Field(default=ABSENT, description="The thread to make; not with `thread_id`.")
    idempotency_key: Id = Field(default=ABSENT, description="The same key always means the same run.")
    # Step Functions asks callers to add this one to the input, so that the console links the two executions.
    AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: str = Field(default=ABSENT)

    @model_validator(mode="after")
    def _has_no_inline_sound(self) -> "RunRequest":
        begun = self.thread.messages if self.thread else []
        parts = [
            part
            for message in [*begun, *(self.additional_messages or [])]
            for part in (message.content if isinstance(message.content, list) else [])
        ]
        if any(isinstance(part, MessageContentInputAudioObject) and part.input_audio.data for part in parts):
            raise problem(
                "Invalid 'input_audio.data': an execution takes files only, as input_audio.file_id.",
                code="unsupported_value",
            )
        return self

    @model_validator(mode="after")
    def _has_one_thread(self) -> "RunRequest":
        if self.thread_id is not None and self.thread is not None:
            raise problem(
                "Invalid '{param}': give either thread_id or thread, not both.", code="invalid_value", at="thread"
            )
        return self


class ModifyRunRequest(Schema):
    """POST /threads/{thread_id}/runs/{run_id}."""

    metadata: Metadata | None = None


class ToolOutput(Schema):
    """The output of one tool call."""

    tool_call_id: Id
    output: str = Field(default="")


class SubmitToolOutputsRunRequest(Schema):
    """POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs."""

    tool_outputs: list[ToolOutput]
    stream: bool | None = Field(default=None, description=STREAM)


FilePurpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


class CreateFileRequest(Schema):
    """The fields of POST /files beside `file`, which is multipart/form-data."""

    purpose: FilePurpose
    expires_after: FileExpirationAfter = Field(default=ABSENT)


class CreateUploadRequest(Schema):
    """POST /uploads."""

    bytes: int = Field(ge=1, le=512 * 1024**2, description="The size of the whole file.")
    filename: str = Field(min_length=1, max_length=255)
    mime_type: str = Field(min_length=1, max_length=255)
    purpose: FilePurpose
    expires_after: FileExpirationAfter = Field(default=ABSENT)


class AddUploadPartRequest(Schema):
    """The fields of POST /uploads/{upload_id}/parts beside `data`, which is multipart/form-data: none."""


class CompleteUploadRequest(Schema):
    """POST /uploads/{upload_id}/complete."""

    part_ids: list[Id] = Field(min_length=1, max_length=10_000, description="The parts in their order.")
    md5: str = Field(default=ABSENT, pattern="^[0-9a-fA-F]{32}$", description="Of the whole file.")
