"""`GET /project` and `GET /functions`: extensions, as we answer with them."""

from typing import Any, Literal

from pydantic import Field

from assistant_engine.schemas.common import Schema
from assistant_engine.schemas.response_parts import Time


class ApiKey(Schema):
    """A key by its name; the key itself is shown once, when it is issued."""

    object: Literal["api_key"]
    name: str
    created_at: Time


class UsedTokens(Schema):
    """A limit of tokens, of prompts and completions."""

    limit: int = Field(ge=0)
    used: int = Field(ge=0, description="By the runs that ended today (UTC).")


class UsedDollars(Schema):
    """A limit of money."""

    limit: float = Field(ge=0)
    used: float = Field(ge=0, description="By the runs that ended today (UTC), as far as their models have a price.")


class Budget(Schema):
    """A limit on what runs may use in a day (UTC)."""

    object: Literal["budget"]
    assistant_id: str | None = Field(description="Null for the budget of the whole project.")
    tokens: UsedTokens | None = Field(description="Null without a limit.")
    dollars: UsedDollars | None = Field(description="Null without a limit.")
    resets_at: Time = Field(description="When the next day begins.")


class ProjectObject(Schema):
    """Extension: the project that the key belongs to."""

    object: Literal["project"]
    name: str
    model: str = Field(description="The deployment's own.")
    run_expires_after: int = Field(ge=1, description="Seconds, for runs that name none.")
    own_ids: bool = Field(description="Whether assistants may be created with ids of the caller's.")
    retention_days: int | None = Field(description="After so many quiet days a thread is deleted; null keeps threads.")
    thread_busy: Literal["reject", "queue"] = Field(
        description="What becomes of a run on a thread that has an active one, unless its request says."
    )
    voice: bool = Field(description="Whether assistants can hear and speak: the deployment has a provider of speech.")
    keys: list[ApiKey]
    budgets: list[Budget]


class DeployedFunction(Schema):
    """A function of a deployed tool: what `functions` of an assistant may name."""

    id: str = Field(description="`<module_name>/<class_name>.<function_name>`.")
    object: Literal["function"]
    module_name: str
    class_name: str
    function_name: str
    description: str
    parameters: dict[str, Any] = Field(description="The arguments as a JSON schema.")
    needs_approval: bool = Field(description="Whether each call waits for the client's yes.")


class ListFunctionsResponse(Schema):
    """Extension: the deployed functions."""

    object: Literal["list"]
    data: list[DeployedFunction]
