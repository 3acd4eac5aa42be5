"""The objects of `/vector_stores`, by their names in the reference. Times are Unix seconds."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from assistant_engine.domain.vector_store import VectorStoreFileStatus, VectorStoreStatus
from assistant_engine.schemas.common import ABSENT, Metadata, Schema, by_type
from assistant_engine.schemas.requests import StaticChunking
from assistant_engine.schemas.response_parts import Deleted, Page, Time
from assistant_engine.schemas.vector_stores import Attributes, VectorStoreExpirationAfter


class FileCounts(Schema):
    """How many files are in each status."""

    in_progress: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)
    cancelled: int = Field(ge=0)
    total: int = Field(ge=0)


class VectorStoreObject(Schema):
    """A vector store: files that file_search can look in."""

    id: str
    object: Literal["vector_store"]
    created_at: Time
    name: str
    description: str | None = Field(description="Extension: as it was given.")
    usage_bytes: int = Field(ge=0, description="Text and vectors of the files that are ready.")
    file_counts: FileCounts
    status: VectorStoreStatus
    expires_after: VectorStoreExpirationAfter = Field(default=ABSENT)
    expires_at: Time | None = None
    last_active_at: Time | None
    metadata: Metadata | None


class VectorStoreFileError(Schema):
    """Why a file failed."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class OtherChunking(Schema):
    """A strategy that is not known."""

    type: Literal["other"]


class VectorStoreFileObject(Schema):
    """A file in a vector store."""

    id: str = Field(description="The file's own id.")
    object: Literal["vector_store.file"]
    created_at: Time
    usage_bytes: int = Field(ge=0)
    vector_store_id: str
    status: VectorStoreFileStatus
    last_error: VectorStoreFileError | None
    warnings: list[str] = Field(
        description="Extension: a sentence for each thing in the file that was not read, at most 20."
    )
    progress: float = Field(
        ge=0, le=1, description="Extension: the share of the file's chunks that have vectors; words find it before."
    )
    chunking_strategy: Annotated[
        Annotated[StaticChunking, Tag("<static>")] | Annotated[OtherChunking, Tag("<other>")],
        by_type("static", "other"),
    ] = Field(default=ABSENT)
    attributes: Attributes | None


class VectorStoreFileBatchObject(Schema):
    """Files that were attached together."""

    id: str
    object: Literal["vector_store.files_batch"]
    created_at: Time
    vector_store_id: str
    status: VectorStoreFileStatus
    file_counts: FileCounts


class VectorStoreFileContent(Schema):
    """Text of a file."""

    type: Literal["text"]
    text: str


class VectorStoreFileContentResponse(Schema):
    """The text that was read from a file."""

    object: Literal["vector_store.file_content.page"]
    data: list[VectorStoreFileContent]
    has_more: bool
    next_page: str | None


class VectorStoreSearchResultContentObject(Schema):
    """Text that was found."""

    type: Literal["text"]
    text: str


class VectorStoreSearchResultItem(Schema):
    """A chunk that was found."""

    file_id: str
    filename: str
    score: float = Field(ge=0, le=1)
    attributes: Attributes | None
    content: list[VectorStoreSearchResultContentObject]


class VectorStoreSearchResultsPage(Schema):
    """What was found, best first."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[VectorStoreSearchResultItem]
    has_more: bool
    next_page: str | None


class ListVectorStoresResponse(Page):
    """A page of vector stores."""

    data: list[VectorStoreObject]


class ListVectorStoreFilesResponse(Page):
    """A page of a vector store's files."""

    data: list[VectorStoreFileObject]


class DeleteVectorStoreResponse(Deleted):
    """A vector store that was deleted."""

    object: Literal["vector_store.deleted"]


class DeleteVectorStoreFileResponse(Deleted):
    """A file that was taken out of a vector store."""

    object: Literal["vector_store.file.deleted"]
