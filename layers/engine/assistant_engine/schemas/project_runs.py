"""The list of a project's runs and the timeline of a run: extensions, as we answer with them."""

from typing import Annotated, Literal

from pydantic import Field

from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.timeline import Kind
from assistant_engine.schemas.common import Metadata, Schema
from assistant_engine.schemas.response_parts import CompletionUsage, Page, Time
from assistant_engine.schemas.run_responses import RunError, RunIncompleteDetails


class RunSummary(Schema):
    """A run in the list of a project's runs: without its instructions, its tools and what was said."""

    id: str
    object: Literal["thread.run.summary"]
    created_at: Time
    ended_at: Time | None = Field(description="Null until it has ended.")
    thread_id: str
    assistant_id: str
    user_id: str | None = Field(description="`user_id` of its metadata or, when it was created, its thread's.")
    status: Status
    last_error: RunError | None
    incomplete_details: RunIncompleteDetails | None
    usage: CompletionUsage = Field(description="So far, until it has ended.")
    cost: float | None = Field(
        description="US dollars, so far until it has ended; null without an answer, or for a model without a price."
    )
    metadata: Metadata


class ListProjectRunsResponse(Page):
    """Extension: a page of runs, the newest first.

    It may be short, or empty, while `has_more` is true: then `last_id` is where reading stopped, to go on from.
    """

    data: list[RunSummary]


Moment = Annotated[int, Field(ge=0, description="Milliseconds since 1970.")]


class TimelineBar(Schema):
    """A state of the run, or a call within it."""

    kind: Kind
    label: str = Field(description="The name of the state or the function, or which model call it is.")
    detail: str = Field(description="The arguments of a call, cut.")
    start_ms: Moment
    end_ms: Moment | None = Field(description="Null while it goes on.")
    inner: bool = Field(description="Whether it lies within the state above.")


class FailedAttempt(Schema):
    """A model call that came to nothing."""

    turn: int = Field(ge=0)
    attempt: int = Field(ge=1)
    at_ms: Moment
    status: int | None = Field(description="That of the model's server, null if it gave none.")
    message: str
    next_ms: Moment | None = Field(description="When the next call comes, null if none does.")


class RunTimeline(Schema):
    """Extension: what a run did: its states, and within them the calls of the model, of tools and of the client."""

    object: Literal["thread.run.timeline"]
    run_id: str
    thread_id: str
    status: Status
    started_ms: Moment
    first_token_ms: Moment | None = Field(description="When the model said its first word, of a run that streams.")
    ended_ms: Moment | None
    cost: float | None = Field(
        description="US dollars, so far; null without an answer, or for a model without a price."
    )
    data: list[TimelineBar] = Field(description="In the order of time.")
    failed_attempts: list[FailedAttempt] = Field(description="The newest 20, oldest first.")
    execution_arn: str
    execution_url: str = Field(description="The execution in the console of AWS Step Functions.")
