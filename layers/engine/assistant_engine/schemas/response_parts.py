"""Parts that many answers share."""

from typing import Annotated, Literal

from pydantic import Field

from assistant_engine.schemas.common import Schema

Time = Annotated[int, Field(ge=0)]


class Page(Schema):
    """One page of a list."""

    object: Literal["list"]
    first_id: str | None = Field(description="Null on an empty page.")
    last_id: str | None = Field(description="Null on an empty page.")
    has_more: bool


class Deleted(Schema):
    """What was deleted."""

    id: str
    deleted: bool


class CompletionUsage(Schema):
    """Tokens, as the model reported them."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)
