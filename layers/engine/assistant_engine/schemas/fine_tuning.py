"""`/fine_tuning/exports`: what is asked, and what is answered."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from assistant_engine.schemas.common import ABSENT, Id, Schema, problem
from assistant_engine.schemas.response_parts import Page, Time

Moment = Annotated[int, Field(ge=0, le=4_102_444_800)]


class CreateFineTuningExportRequest(Schema):
    """Extension: POST /fine_tuning/exports. The same request is the same export, with the same bytes."""

    assistant_id: Id
    start_at: Moment = Field(default=ABSENT, description="Runs that ended from this second on (Unix time).")
    end_at: Moment = Field(default=ABSENT, description="Runs that ended before this second (Unix time); now.")
    days: Annotated[int, Field(ge=1, le=366)] = Field(
        default=ABSENT, description="Instead of `start_at`: so many days before `end_at`; 7."
    )
    training_percentage: Annotated[float, Field(ge=0, le=100)] = Field(
        default=80, description="How many of the threads go into the training file; the others validate."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="Decides which threads those are; the same seed, the same threads."
    )
    per: Literal["thread", "run"] = Field(
        default="thread", description="An example is a whole thread, or a run with what was said before it."
    )
    format: Literal["openai", "bedrock"] = Field(
        default="openai", description="Chat completions with tools and weights, or Amazon Bedrock's conversations."
    )
    retrain: bool = Field(default=False, description="Take runs that an earlier export has, too.")
    min_weight: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5,
        description="Answers of less weight are not learned from. A message's weight is its metadata's `weight` (0 to"
        " 1), else its `rating` (`up` 1, `down` 0, `1` to `5` stars 0 to 1), else 1.",
    )

    @model_validator(mode="after")
    def _begins_once(self) -> "CreateFineTuningExportRequest":
        if self.start_at is not ABSENT and self.days is not ABSENT:
            raise problem("Invalid '{param}': give either start_at or days, not both.", code="invalid_value", at="days")
        return self


Count = Annotated[int, Field(ge=0)]


class FineTuningCounts(Schema):
    """What became of the runs that ended in the time."""

    runs: Count
    examples: Count
    training: Count
    validation: Count
    left_out: dict[str, Count] = Field(
        description="Runs that are in no example, by the reason: `not_completed`, `exported_before`, `deleted`,"
        " `image`, `refusal`, `hosted_tool`, `imported_tools`, `empty`, `weight`, `too_large`."
    )


class FineTuningError(Schema):
    """Why an export failed."""

    code: str
    message: str


class FineTuningExport(Schema):
    """Extension: an export of what was said, as files to fine-tune a model with."""

    id: str
    object: Literal["fine_tuning.export"]
    created_at: Time
    assistant_id: str
    start_at: Time
    end_at: Time
    training_percentage: float
    seed: int
    per: Literal["thread", "run"]
    format: Literal["openai", "bedrock"]
    retrain: bool
    min_weight: float
    status: Literal["queued", "running", "succeeded", "failed"]
    finished_at: Time | None
    error: FineTuningError | None
    training_file: str | None = Field(description="A file's id; null if it would be empty.")
    validation_file: str | None = Field(description="A file's id; null if it would be empty.")
    manifest: str | None = Field(description="The object in the bucket that lists the runs of each line.")
    counts: FineTuningCounts | None
    warnings: list[str]


class ListFineTuningExportsResponse(Page):
    """A page of exports, by the end of what they cover."""

    data: list[FineTuningExport]
