"""The settings of the functions: the environment variables that the stack sets, as typed values.

A field is a variable in lower case; one with a default may be missing. Each function has a class, made of the parts
that its code asks for. `tests/infrastructure/test_settings.py` compares them with what the stack sets.

Plain classes, not dataclasses: making one of those takes half a millisecond of every cold start.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from assistant_engine.domain.json_data import Json


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


_READERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, frozenset[str]: _names, Json: json.loads}


class Settings:
    """Reads its fields from variables of the same names.

    Raises:
        KeyError: a variable is missing.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        for name, kind in self.fields().items():
            variable = name.upper()
            if variable in variables or not hasattr(type(self), name):
                vars(self)[name] = _READERS[kind](variables[variable])

    @classmethod
    def fields(cls) -> dict[str, Any]:
        """Return the types of the fields by their names, those of the parts included."""
        return {
            name: kind
            for part in reversed(cls.mro()[:-1])
            for name, kind in getattr(part, "__annotations__", {}).items()
        }

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} is set by the stack")


Part = TypeVar("Part", bound=Settings)

_read: list[Settings] = []


def configured(part: type[Part]) -> Part:
    """Return the settings of this function, or the part of them that some code needs; read from the environment once.

    Raises:
        KeyError: a variable is missing.
    """
    for known in _read:
        if isinstance(known, part):
            return known
    _read.insert(0, made := part(os.environ))
    return made


def forget() -> None:
    """Read the environment again when settings are asked for next; for tests, which change it."""
    _read.clear()


# The parts


class Process(Settings):
    """The settings that every function has."""

    log_level: str = "INFO"
    powertools_service_name: str = ""


class Lambda(Settings):
    """The variables that Lambda itself sets, and the stack does not."""

    aws_region: str = ""
    aws_lambda_function_name: str = ""


class MessagesTable(Settings):
    """The table of what lies in threads and in vector stores."""

    messages_table: str


class Bucket(Settings):
    """The bucket of files and of large texts."""

    bucket: str


class Records(MessagesTable, Bucket):
    """The tables and the bucket that hold everything."""

    assistants_table: str
    threads_table: str


class ModelAliases(Settings):
    """The models that answer for others, as `domain.models.aliases_of` reads them."""

    model_aliases: str = ""


class Models(Settings):
    """The model of the deployment.

    Attributes:
        model_provider: `openai` (any compatible server) or `bedrock`.
    """

    model: str
    model_provider: str


class ModelClient(Settings):
    """The address and the key of the model.

    Attributes:
        model_base_url: empty for OpenAI's own.
        model_secret_arn: holds the key; empty for Bedrock, which knows the function by its role.
    """

    model_provider: str
    model_base_url: str = ""
    model_secret_arn: str = ""


class ContextBudget(Settings):
    """How much of a thread the model is shown, in tokens."""

    context_tokens: int


class HostedTools(Settings):
    """The built-in tools that this deployment leaves to the model's provider, and the tools that it leaves out."""

    hosted_tools: frozenset[str] = frozenset()
    left_out_tools: frozenset[str] = frozenset()


class RunDefaults(Settings):
    """The defaults of a run.

    Attributes:
        run_expires_after: seconds.
    """

    run_expires_after: int


class TurnLimits(Settings):
    """The most that a run may do.

    Attributes:
        max_retries: of one model call.
    """

    max_turns: int
    max_calls: int
    max_retries: int


class ToolFunctions(Settings):
    """The aliases (ARNs) of the tools' functions by module."""

    tools: Json


class StateMachine(Settings):
    """The state machine that drives runs."""

    state_machine_arn: str


class EmbeddingModel(Settings):
    """The embedding model of new vector stores; empty where file search is the provider's.

    Attributes:
        embedding_dimensions: 0 for the model's own.
    """

    embedding_model: str = ""
    embedding_dimensions: int = 0


class EmbeddingClient(Settings):
    """The address and the key of the embedding model.

    Attributes:
        embedding_provider: `openai` (any compatible server) or `bedrock`.
        embedding_base_url: empty for OpenAI's own.
        embedding_secret_arn: holds the key; missing for Bedrock.
    """

    embedding_provider: str
    embedding_base_url: str = ""
    embedding_secret_arn: str = ""


class IngestionQueue(Settings):
    """The queue of the files that are to be read; empty where file search is the provider's."""

    ingestion_queue_url: str = ""


class FileSearch(EmbeddingModel, IngestionQueue):
    """The settings that attaching files to vector stores takes."""


class SearchFunction(Settings):
    """The alias (ARN) that searches vector stores; empty where file search is the provider's."""

    search_function_arn: str = ""


class FineTuningFunction(Settings):
    """The alias (ARN) that writes exports for fine-tuning."""

    fine_tuning_function_arn: str


class ExportDays(Settings):
    """How many days exported files are kept."""

    export_days: int


class SpeechFunction(Settings):
    """The alias (ARN) that hears and speaks; empty where speech is off."""

    speech_function_arn: str = ""


class OpenStreams(Settings):
    """The most streams that are open at once."""

    max_open_streams: int = 100


class Cors(Settings):
    """The origins whose pages may call the API."""

    cors_origins: frozenset[str] = frozenset()


class Auth(Settings):
    """How callers prove who they are: `key`, by one of the API's keys, or `iam`, by AWS's signature."""

    api_auth: str = "key"


class ApiKeys(Settings):
    """The secret that holds the API's keys, hashed."""

    api_keys_secret_arn: str


class Vectors(Settings):
    """The vector bucket (S3 Vectors) that the vectors are in; empty where they are in the bucket."""

    vector_bucket: str = ""


class Sandbox(Settings):
    """The sandbox that runs code.

    Attributes:
        libraries: archives of Python modules that the code may import, `{"key", "modules"}` by a name that is the
            archive's alone.
        limits: `cdk.configuration.SandboxLimits`.
        sandbox: the ARN of the alias that runs it.
    """

    libraries: Json
    limits: Json
    sandbox: str


class ToolName(Settings):
    """The module of a tool."""

    tool: str


class Tool(Process, MessagesTable, Bucket, ToolName):
    """The settings that every tool's function has."""


# The functions


class Queued(Process, Records, RunDefaults, ModelAliases, HostedTools, FileSearch, SpeechFunction):
    """`queued`."""


class _Turn(ModelClient, ContextBudget, HostedTools, TurnLimits, ToolFunctions, SpeechFunction):
    """The settings that taking a turn takes."""


class InProgress(Process, Lambda, Records, Models, _Turn):
    """`in_progress`."""


class RequiresAction(Process, Records):
    """`requires_action`."""


class RecordFailure(Process, Records):
    """`record_failure`."""


class Sweeper(Process, Lambda, Records, StateMachine, IngestionQueue):
    """`sweeper`."""


class Export(Process, Records):
    """`export`."""


class FineTuning(Process, Records, ExportDays):
    """`fine_tuning`."""


class Poll(Process, Lambda, Records, Auth, ApiKeys, Cors):
    """`poll`."""


class _Requests(Poll, Models, ModelAliases, HostedTools, RunDefaults, StateMachine, FileSearch, SpeechFunction):
    """Settings of the functions that answer requests."""


class Api(_Requests, SearchFunction, FineTuningFunction):
    """`api`."""


class Stream(_Requests, OpenStreams):
    """`stream`."""


class Graphql(_Requests, FineTuningFunction):
    """`graphql`."""


class PublishRunEvents(Process):
    """`publish_run_events`.

    Attributes:
        webhook_queue_url: empty where there is no webhook.
    """

    event_bus: str
    event_source: str
    webhook_queue_url: str = ""


class DeliverWebhook(Process):
    """`deliver_webhook`."""

    webhook_url: str
    webhook_queue_url: str
    webhook_secret_arn: str


class CodeInterpreterTool(Tool, Records, Sandbox):
    """`code_interpreter`."""


class Ingestion(Process, MessagesTable, Bucket, EmbeddingClient, Vectors, IngestionQueue):
    """`ingestion`."""

    dead_letter_queue_arn: str


class FileSearchTool(Tool, EmbeddingClient, Vectors):
    """`file_search`."""
