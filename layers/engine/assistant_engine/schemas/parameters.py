"""The query strings of requests."""

from typing import Annotated, Literal

from pydantic import Field

from assistant_engine.domain.lifecycle import Status
from assistant_engine.schemas.common import ABSENT, Id, Schema

LATEST = 2**36
"""The latest moment that a list may be asked for: the year 4147, in seconds since 1970."""

UserId = Annotated[str, Field(min_length=1, max_length=512)]
SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class NoParameters(Schema):
    """The query string of an endpoint that takes none."""


class ListParameters(Schema):
    """The query string of a list."""

    limit: int = Field(default=20, ge=1, le=100)
    order: Literal["asc", "desc"] = Field(default="desc", description="By time of creation.")
    after: Id = Field(default=ABSENT, description="An id: the page starts after it.")
    before: Id = Field(default=ABSENT, description="An id: the page ends before it.")


class ListMessagesParameters(ListParameters):
    """The query string of GET /threads/{thread_id}/messages."""

    run_id: Id = Field(default=ABSENT, description="Only messages that this run added.")


class ListThreadsParameters(ListParameters):
    """Extension: the query string of GET /threads."""

    assistant_id: Id = Field(default=ABSENT, description="Only threads on which this assistant ran.")
    user_id: UserId = Field(default=ABSENT, description="Only threads with this `user_id` in their metadata.")
    created_after: int = Field(default=ABSENT, ge=0, le=LATEST, description="Unix seconds: only threads from then on.")
    created_before: int = Field(default=ABSENT, ge=0, le=LATEST, description="Unix seconds: only threads before then.")


class ListProjectRunsParameters(Schema):
    """Extension: the query string of GET /runs, which lists the newest run first."""

    limit: int = Field(default=20, ge=1, le=100)
    after: Id = Field(default=ABSENT, description="An id: the page starts after it.")
    status: list[Status] = Field(default=ABSENT, alias="status[]", description="Only runs in one of these.")
    assistant_id: Id = Field(default=ABSENT, description="Only runs of this assistant.")
    user_id: UserId = Field(
        default=ABSENT, description="Only runs with this `user_id` in their metadata or their thread's."
    )
    created_after: int = Field(default=ABSENT, ge=0, le=LATEST, description="Unix seconds: only runs from then on.")
    created_before: int = Field(default=ABSENT, ge=0, le=LATEST, description="Unix seconds: only runs before then.")
    min_cost: float = Field(default=ABSENT, ge=0, description="US dollars: only runs that cost as much or more.")


class ListFilesParameters(Schema):
    """The query string of GET /files."""

    purpose: str = Field(default=ABSENT, max_length=64)
    limit: int = Field(default=10_000, ge=1, le=10_000)
    order: Literal["asc", "desc"] = "desc"
    after: Id = Field(default=ABSENT)


RunStepInclude = Literal["step_details.tool_calls[*].file_search.results[*].content"]


class IncludeParameters(Schema):
    """The query string of a run's creation and of GET .../steps/{step_id}."""

    include: list[RunStepInclude] = Field(default=ABSENT, alias="include[]")


class ListRunStepsParameters(ListParameters):
    """The query string of GET /threads/{thread_id}/runs/{run_id}/steps."""

    include: list[RunStepInclude] = Field(default=ABSENT, alias="include[]")


class JoinParameters(IncludeParameters):
    """Extension: the query string of GET /threads/{thread_id}/runs/{run_id}/stream."""

    starting_after: Id = Field(
        default=ABSENT, description="The `id` of an event: the stream goes on after it. Also as `Last-Event-ID`."
    )


class MessageSpeechParameters(Schema):
    """Extension: the query string of GET .../messages/{message_id}/speech."""

    format: SpeechFormat = "mp3"
    voice: str = Field(default=ABSENT, min_length=1, max_length=64, description="Instead of the assistant's.")
