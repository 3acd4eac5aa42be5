"""The requests of `/vector_stores`, by their names in the reference; extensions of our own say so."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from assistant_engine.domain.vector_store import VectorStoreFileStatus
from assistant_engine.schemas.common import ABSENT, Id, Metadata, Schema, by_shape, by_type, problem
from assistant_engine.schemas.parameters import ListParameters
from assistant_engine.schemas.requests import AutoChunking, StaticChunking

QUERY_LENGTH = 4096

ChunkingStrategy = Annotated[
    Annotated[AutoChunking, Tag("<auto>")] | Annotated[StaticChunking, Tag("<static>")], by_type("auto", "static")
]

_LENGTH = 512
_SCALAR: dict[str, Any] = {"anyOf": [{"type": "string", "maxLength": _LENGTH}, {"type": "number"}, {"type": "boolean"}]}


def _scalar(value: object) -> object:
    if isinstance(value, str) and len(value) > _LENGTH:
        raise problem(
            f"Invalid '{{param}}': string too long. Expected a string with maximum length {_LENGTH}.",
            code="string_above_max_length",
        )
    if not isinstance(value, (str, int, float)):
        raise problem("Invalid '{param}': expected a string, number or boolean.", code="invalid_type")
    return value


Attributes = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[Any, AfterValidator(_scalar), WithJsonSchema(_SCALAR)]],
    Field(
        max_length=16,
        description="Up to 16 pairs of your own, to filter by; keys of up to 64 characters, values are strings of up "
        "to 512, numbers or booleans.",
    ),
]


class VectorStoreExpirationAfter(Schema):
    """When a vector store expires: so many days after it was last used."""

    anchor: Literal["last_active_at"]
    days: int = Field(ge=1, le=365)


class CreateVectorStoreRequest(Schema):
    """POST /vector_stores."""

    file_ids: list[Id] = Field(default=[], max_length=500)
    name: Annotated[str, Field(max_length=256)] | None = None
    description: Annotated[str, Field(max_length=512)] | None = None
    expires_after: VectorStoreExpirationAfter | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class UpdateVectorStoreRequest(Schema):
    """POST /vector_stores/{vector_store_id}."""

    name: Annotated[str, Field(max_length=256)] | None = None
    expires_after: VectorStoreExpirationAfter | None = None
    metadata: Metadata | None = None


class CreateVectorStoreFileRequest(Schema):
    """POST /vector_stores/{vector_store_id}/files."""

    file_id: Id
    chunking_strategy: ChunkingStrategy | None = None
    attributes: Attributes | None = None


class UpdateVectorStoreFileAttributesRequest(Schema):
    """POST /vector_stores/{vector_store_id}/files/{file_id}: the attributes replace those that were there."""

    attributes: Attributes | None


class CreateVectorStoreFileBatchRequest(Schema):
    """POST /vector_stores/{vector_store_id}/file_batches: give either `file_ids` or `files`."""

    file_ids: list[Id] = Field(default=ABSENT, min_length=1, max_length=2000)
    files: list[CreateVectorStoreFileRequest] = Field(default=ABSENT, min_length=1, max_length=2000)
    chunking_strategy: ChunkingStrategy | None = Field(default=None, description="Of all `file_ids`.")
    attributes: Attributes | None = Field(default=None, description="Of all `file_ids`.")

    @model_validator(mode="after")
    def _names_files_once(self) -> "CreateVectorStoreFileBatchRequest":
        if self.file_ids is None and self.files is None:
            raise problem("Missing required parameter: '{param}'.", code="missing_required_parameter", at="file_ids")
        if self.file_ids is not None and self.files is not None:
            raise problem(
                "Invalid '{param}': give either file_ids or files, not both.", code="invalid_value", at="files"
            )
        return self


class ListVectorStoreFilesParameters(ListParameters):
    """The query string of the lists of a vector store's files."""

    filter: VectorStoreFileStatus = Field(default=ABSENT, description="Only files in this status.")


class FileContentParameters(Schema):
    """The query string of GET /vector_stores/{vector_store_id}/files/{file_id}/content."""

    page: str = Field(
        default=ABSENT, pattern="^[0-9]{1,6}$", description="Extension: `next_page` of the answer before."
    )


_COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
_MAX_VALUES = 256


class ComparisonFilter(Schema):
    """Compares an attribute of a file with a value; a file without the attribute matches `ne` and `nin` only."""

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: str = Field(max_length=64)
    value: Annotated[
        Any,
        WithJsonSchema({"anyOf": [*_SCALAR["anyOf"], {"type": "array", "maxItems": _MAX_VALUES, "items": _SCALAR}]}),
    ] = Field(description="An array for `in` and `nin`.")

    @model_validator(mode="after")
    def _takes_the_value(self) -> "ComparisonFilter":
        if self.type not in ("in", "nin"):
            _scalar_at_value([self.value])
        elif not isinstance(self.value, list) or len(self.value) > _MAX_VALUES:
            raise problem(
                f"Invalid '{{param}}': expected an array of at most {_MAX_VALUES} values for '{self.type}'.",
                code="invalid_value",
                at="value",
            )
        else:
            _scalar_at_value(self.value)
        return self


def _scalar_at_value(values: list[object]) -> None:
    for value in values:
        try:
            _scalar(value)
        except PydanticCustomError as error:
            context = error.context or {}
            raise problem(context["message"], code=context["code"], at="value") from None


class CompoundFilter(Schema):
    """All (`and`) or any (`or`) of several filters."""

    type: Literal["and", "or"]
    filters: list["Filter"] = Field(max_length=64)


def _kind(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if kind in _COMPARISONS:
        return "<comparison>"
    return "<compound>" if kind in ("and", "or") else None


Filter = Annotated[
    Annotated[ComparisonFilter, Tag("<comparison>")] | Annotated[CompoundFilter, Tag("<compound>")],
    Discriminator(_kind, "by_type", " ".join([*_COMPARISONS, "and", "or"])),
]


class HybridSearch(Schema):
    """How much the two parts of a score weigh."""

    embedding_weight: float = Field(ge=0, le=1_000)
    text_weight: float = Field(ge=0, le=1_000)

    @model_validator(mode="after")
    def _weighs_something(self) -> "HybridSearch":
        if self.embedding_weight + self.text_weight <= 0:
            raise problem("Invalid '{param}': one of the weights must be more than 0.", code="invalid_value")
        return self


class SearchRankingOptions(Schema):
    """How results are ranked."""

    ranker: Literal["none", "auto", "default-2024-11-15"] = Field(
        default="auto", description="`none` ranks by vectors alone, the others by vectors and keywords."
    )
    score_threshold: float = Field(default=0, ge=0, le=1, description="Only results with at least this score.")
    hybrid_search: HybridSearch = Field(
        default=ABSENT, description="Extension here: the weights, half and half without it."
    )


_Query = Annotated[str, Field(min_length=1, max_length=QUERY_LENGTH)]


class VectorStoreSearchRequest(Schema):
    """POST /vector_stores/{vector_store_id}/search."""

    query: Annotated[
        Annotated[_Query, Tag("<string>")]
        | Annotated[Annotated[list[_Query], Field(min_length=1, max_length=16)], Tag("<array>")],
        by_shape(string=str, array=list),
    ] = Field(description="One question, or several: a result then has the best of its scores.")
    rewrite_query: bool = Field(default=False, description="Taken and not acted upon: queries are searched as given.")
    max_num_results: int = Field(default=10, ge=1, le=50)
    filters: Filter | None = None
    ranking_options: SearchRankingOptions | None = None
