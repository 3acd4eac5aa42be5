"""The objects we answer with, by their names in the reference; extensions of our own say so.

The API description is made from these, and the tests hold every response against them. Times are Unix seconds.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from assistant_engine.domain.upload import UploadStatus
from assistant_engine.schemas.common import (
    ABSENT,
    AssistantFunction,
    AssistantsApiResponseFormatOption,
    AssistantTool,
    AssistantType,
    AttachmentTool,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    Metadata,
    ReasoningEffort,
    Schema,
    ToolResources,
    Voice,
    by_type,
)
from assistant_engine.schemas.response_parts import CompletionUsage, Deleted, Page, Time
from assistant_engine.schemas.usage import Day


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
    configuration: dict[str, Any] = Field(
        default={}, description="Extension: lies under the configuration of each of `functions`."
    )
    voice: Voice | None = Field(default=None, description="Extension: how its messages sound.")


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


class MessageAudio(Schema):
    """Extension: the sound that a message was made of, or where to hear a message of an assistant that speaks."""

    file_id: str = Field(default=ABSENT, description="The sound that the text was made of.")
    seconds: float | None = Field(default=None, description="How long it is; null until it is transcribed.")
    transcribed_by: str | None = Field(default=None, description="The model; null until the next run transcribes it.")
    speech_url: str = Field(default=ABSENT, description="Where to hear the message, below the API's base URL.")


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
    audio: MessageAudio = Field(default=ABSENT, description="Extension: of a message that was, or is to be, heard.")


FilePurpose = Literal[
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
"""What the API says that files are for; an upload names one of fewer."""


class OpenAIFile(Schema):
    """A file."""

    id: str
    object: Literal["file"]
    bytes: int = Field(ge=0)
    created_at: Time
    expires_at: Time = Field(default=ABSENT)
    filename: str
    purpose: FilePurpose
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


class ListAssistantsResponse(Page):
    """A page of assistants."""

    data: list[AssistantObject]


class ListThreadsResponse(Page):
    """Extension: a page of threads."""

    data: list[ThreadObject]


class ListMessagesResponse(Page):
    """A page of messages."""

    data: list[MessageObject]


class ListFilesResponse(Page):
    """A page of files."""

    data: list[OpenAIFile]


class ListModelsResponse(Schema):
    """The models."""

    object: Literal["list"]
    data: list[Model]


class DeleteAssistantResponse(Deleted):
    """An assistant that was deleted."""

    object: Literal["assistant.deleted"]


class DeleteThreadResponse(Deleted):
    """A thread that was deleted."""

    object: Literal["thread.deleted"]


class DeleteMessageResponse(Deleted):
    """A message that was deleted."""

    object: Literal["thread.message.deleted"]


class DeleteFileResponse(Deleted):
    """A file that was deleted."""

    object: Literal["file"]
