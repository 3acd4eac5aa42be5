"""`GET /usage`: what is asked, and what is answered."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from assistant_engine.schemas.common import ABSENT, Id, Schema, problem


def _a_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise problem("Invalid '{param}': there is no such day.", code="invalid_value") from None
    return text


Day = Annotated[
    str, Field(pattern=r"^2\d{3}-\d{2}-\d{2}$", json_schema_extra={"format": "date"}), AfterValidator(_a_day)
]


class UsageParameters(Schema):
    """Extension: the query string of GET /usage. Without an id it is the usage of the whole project."""

    thread_id: Id = Field(default=ABSENT, description="Of this thread alone.")
    assistant_id: Id = Field(default=ABSENT, description="Of this assistant alone; also once it is deleted.")
    user_id: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        default=ABSENT, description="Of the runs that have this `user_id` in their metadata or in their thread's."
    )
    group_by: Literal["assistant_id", "user_id"] = Field(
        default=ABSENT, description="A total for each instead of one for each day; of the whole project."
    )
    start_date: Day = Field(default=ABSENT, description="The first day (UTC); 29 days before the last one.")
    end_date: Day = Field(default=ABSENT, description="The last day (UTC); today.")

    @model_validator(mode="after")
    def _of_one(self) -> "UsageParameters":
        given = [name for name in ("thread_id", "assistant_id", "user_id") if getattr(self, name) is not ABSENT]
        if len(given) > 1:
            raise problem(
                f"Invalid '{{param}}': give one of thread_id, assistant_id and user_id, not {len(given)}.",
                code="invalid_value",
                at=given[-1],
            )
        if given and self.group_by is not ABSENT:
            raise problem(
                f"Invalid '{{param}}': it is for the usage of the whole project, without {given[0]}.",
                code="invalid_value",
                at="group_by",
            )
        return self


Count = Annotated[int, Field(ge=0)]


class UsageTotal(Schema):
    """What the runs that ended in a time have taken. The four times together are theirs from creation to end."""

    runs: Count
    prompt_tokens: Count
    cached_tokens: int = Field(ge=0, description="Those of the prompts that the provider had at hand.")
    cache_write_tokens: int = Field(ge=0, description="Those of the prompts that the provider put into its cache.")
    completion_tokens: Count
    reasoning_tokens: int = Field(ge=0, description="Those of the completions that nobody sees.")
    total_tokens: Count
    model_calls: Count
    tool_calls: Count
    model_ms: int = Field(ge=0, description="Milliseconds until the model had answered.")
    tool_ms: int = Field(ge=0, description="While tools of the stack worked; calls side by side count once.")
    client_ms: int = Field(ge=0, description="While runs waited for their client.")
    engine_ms: int = Field(ge=0, description="The rest.")
    cost: float = Field(ge=0, description="US dollars, by the price table of the stack.")
    unpriced_runs: int = Field(ge=0, description="Runs whose model has no price: `cost` is without them.")
    ratings: int = Field(ge=0, description="Answers of these runs whose metadata has a `rating`.")
    rating: float | None = Field(ge=0, le=1, description="Their average, from 0 (bad) to 1 (good).")
    audio_seconds: int = Field(ge=0, description="Of sound that was transcribed, in runs or not; `cost` includes it.")
    speech_characters: int = Field(ge=0, description="Of text that was spoken; `cost` includes it.")


class UsageDay(UsageTotal):
    """A day's total."""

    object: Literal["usage.day"]
    date: Day


class UsageGroup(UsageTotal):
    """The total of an assistant or a user."""

    object: Literal["usage.group"]
    assistant_id: str | None
    user_id: str | None = Field(description="By user, null for the rest: runs that name none, and users not listed.")


class UsageReport(Schema):
    """Extension: usage by day, of the days that have any, or by assistant or user, the dearest first; and in all."""

    object: Literal["list"]
    start_date: Day
    end_date: Day
    data: list[UsageDay] | list[UsageGroup]
    has_more: bool = Field(
        description="Whether `data` is not all: it is of 100 assistants, or of 100 users of the newest 2,000 runs."
    )
    total: UsageTotal
