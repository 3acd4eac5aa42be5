"""The functions behind the states of a run: what each may do, and nothing else."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk.aws_lambda import Code, ILayerVersion
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT, Layers
from cdk.model import Model
from cdk.storage import Storage
from cdk.tables import Tables

READ_AND_WRITE = ("GetItem", "PutItem", "UpdateItem", "Query")
SETTLE = ("GetItem", "UpdateItem", "Query")
"""The item actions behind a store that reads by key, queries, updates and writes transactions; nothing is deleted."""


class Steps(Construct):
    """One function for each module in `lambdas/steps`, named after it and after the status that it makes true."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        layers: Layers,
        tables: Tables,
        storage: Storage,
        model: Model,
        tools: Mapping[str, VersionedFunction],
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        records = {**tables.environment, **storage.environment}
        plain = layers.get("engine")
        # The package `openai` brings pydantic, which validates requests.
        with_openai = layers.get("engine", "openai")

        self.queued = self._step(
            "queued",
            description="Takes or creates the run.",
            layers=with_openai,
            timeout=60,
            environment={
                **records,
                **model.hosted,
                "RUN_EXPIRES_AFTER": str(configuration.run_expires_after),
            },
        )
        tables.allow(self.queued, ["GetItem", "BatchGetItem"], tables.assistants)
        tables.allow(self.queued, [*READ_AND_WRITE, "BatchGetItem"], tables.threads, tables.messages)
        storage.allow(self.queued, ["GetObject", "PutObject"], "text/")

        self.in_progress = self._step(
            "in_progress",
            description="Makes one model call and stores its outcome.",
            layers=with_openai,
            timeout=900,
            environment={
                **records,
                **model.environment,
                "MOST_TURNS": str(configuration.most_turns),
                "MOST_CALLS": str(configuration.most_calls),
                "MOST_RETRIES": str(configuration.most_retries),
                "TOOLS": Stack.of(self).to_json_string({module: tool.alias_arn for module, tool in tools.items()}),
            },
        )
        for tool in tools.values():
            self.in_progress.function.node.add_dependency(tool.alias)
        tables.allow(self.in_progress, ["GetItem"], tables.assistants)  # where files are
        tables.allow(self.in_progress, READ_AND_WRITE, tables.threads, tables.messages)
        storage.allow(self.in_progress, ["GetObject", "PutObject"], "text/")
        storage.allow(self.in_progress, ["GetObject"], "outputs/", "files/")
        model.allow(self.in_progress)
        if configuration.code_interpreter == "hosted":
            # What the provider's code made becomes files here.
            tables.allow(self.in_progress, ["PutItem"], tables.assistants)
            storage.allow(self.in_progress, ["PutObject", "PutObjectTagging"], "files/")

        self.requires_action = self._step(
            "requires_action",
            description="Stores the token that wakes the run when the client has answered its calls.",
            layers=plain,
            timeout=30,
            environment=records,
        )
        tables.allow(self.requires_action, ["GetItem", "UpdateItem"], tables.messages)
        storage.allow(self.requires_action, ["GetObject"], "text/")

        self.record_failure = self._step(
            "record_failure",
            description="Settles the record of a run whose step died.",
            layers=plain,
            timeout=60,
            environment=records,
        )
        tables.allow(self.record_failure, SETTLE, tables.threads, tables.messages)
        storage.allow(self.record_failure, ["GetObject"], "text/")

    @property
    def all(self) -> dict[str, VersionedFunction]:
        """The functions, by the state that each is behind."""
        return {
            "queued": self.queued,
            "in_progress": self.in_progress,
            "requires_action": self.requires_action,
            "record_failure": self.record_failure,
        }

    def _step(
        self,
        name: str,
        *,
        description: str,
        layers: Sequence[ILayerVersion],
        timeout: int,
        environment: Mapping[str, str],
    ) -> VersionedFunction:
        return VersionedFunction(
            self,
            name,
            configuration=self._configuration,
            description=description,
            code=step_code(name),
            handler=f"{name}.handler",
            layers=layers,
            environment=environment,
            timeout=timeout,
        )


def step_code(name: str) -> Code:
    """The one module `lambdas/steps/<name>.py`: a change of another step changes nothing here."""
    return Code.from_asset(str(ROOT / "lambdas" / "steps"), exclude=["*", f"!{name}.py"])
