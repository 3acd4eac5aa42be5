"""Says what a request may hold, and is the one way to read it.

`parse` checks a JSON body against a request schema and `parse_fields` the fields of a query string or a form; both
raise `InvalidRequest` in the API's wording. Schemas bear the reference's names. `responses` describes what we answer:
handlers do not import it, the API description and the tests do.
"""

from assistant_engine.schemas.audio import CreateSpeechRequest, CreateTranscriptionRequest, MessageSpeechParameters
from assistant_engine.schemas.fine_tuning import CreateFineTuningExportRequest
from assistant_engine.schemas.parameters import (
    IncludeParameters,
    JoinParameters,
    ListFilesParameters,
    ListMessagesParameters,
    ListParameters,
    ListProjectRunsParameters,
    ListRunStepsParameters,
    ListThreadsParameters,
    NoParameters,
)
from assistant_engine.schemas.parsing import load_json, parse, parse_fields, text_fault
from assistant_engine.schemas.requests import (
    AddUploadPartRequest,
    CompleteUploadRequest,
    CreateAssistantRequest,
    CreateFileRequest,
    CreateMessageRequest,
    CreateRunRequest,
    CreateThreadAndRunRequest,
    CreateThreadRequest,
    CreateUploadRequest,
    ModifyAssistantRequest,
    ModifyMessageRequest,
    ModifyRunRequest,
    ModifyThreadRequest,
    RunRequest,
    SubmitToolOutputsRunRequest,
)
from assistant_engine.schemas.usage import UsageParameters
from assistant_engine.schemas.vector_stores import (
    CreateVectorStoreFileBatchRequest,
    CreateVectorStoreFileRequest,
    CreateVectorStoreRequest,
    FileContentParameters,
    ListVectorStoreFilesParameters,
    UpdateVectorStoreFileAttributesRequest,
    UpdateVectorStoreRequest,
    VectorStoreSearchRequest,
)

__all__ = [
    "AddUploadPartRequest",
    "CompleteUploadRequest",
    "CreateAssistantRequest",
    "CreateFileRequest",
    "CreateFineTuningExportRequest",
    "CreateMessageRequest",
    "CreateRunRequest",
    "CreateSpeechRequest",
    "CreateThreadAndRunRequest",
    "CreateThreadRequest",
    "CreateTranscriptionRequest",
    "CreateUploadRequest",
    "CreateVectorStoreFileBatchRequest",
    "CreateVectorStoreFileRequest",
    "CreateVectorStoreRequest",
    "FileContentParameters",
    "IncludeParameters",
    "JoinParameters",
    "ListFilesParameters",
    "ListMessagesParameters",
    "ListParameters",
    "ListProjectRunsParameters",
    "ListRunStepsParameters",
    "ListThreadsParameters",
    "ListVectorStoreFilesParameters",
    "MessageSpeechParameters",
    "ModifyAssistantRequest",
    "ModifyMessageRequest",
    "ModifyRunRequest",
    "ModifyThreadRequest",
    "NoParameters",
    "RunRequest",
    "SubmitToolOutputsRunRequest",
    "UpdateVectorStoreFileAttributesRequest",
    "UpdateVectorStoreRequest",
    "UsageParameters",
    "VectorStoreSearchRequest",
    "load_json",
    "parse",
    "parse_fields",
    "text_fault",
]
