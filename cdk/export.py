"""The daily export of conversations and usage to the bucket."""

from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_lambda import Code
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT, Layers
from cdk.review import acknowledge
from cdk.storage import Storage
from cdk.tables import Tables

SHARDS = 4
"""Of the index of ended runs: `assistant_engine.store.run_item.ENDED_SHARDS`."""


class Export(Construct):
    """The function `<prefix>-export`, each night for the day before, once for each shard."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        layers: Layers,
        tables: Tables,
        storage: Storage,
    ) -> None:
        super().__init__(scope, id)
        function = VersionedFunction(
            self,
            "export",
            configuration=configuration,
            description="Writes a day's runs and messages to the bucket.",
            code=Code.from_asset(str(ROOT / "lambdas" / "export"), exclude=["__pycache__"]),
            handler="export.handler",
            layers=layers.get("engine"),
            environment={**tables.environment, **storage.environment},
            timeout=900,
        )
        tables.allow_query(function, tables.messages, "ended_runs")
        tables.allow_partitions(function, ["GetItem", "Query"], tables.messages, "thread_")
        storage.allow(function, ["GetObject"], "text/")
        storage.allow(function, ["PutObject"], "export/")
        acknowledge(
            self,
            "Serverless-EventBusDLQ",
            "A day that is lost after Lambda's own retries is exported by hand, with the same result: make export.",
        )
        Rule(
            self,
            "EachNight",
            description="Exports the day before (UTC).",
            schedule=Schedule.cron(hour="1", minute="0"),
            targets=[
                LambdaFunction(function.alias, event=RuleTargetInput.from_object({"shard": shard}))
                for shard in range(SHARDS)
            ],
        )
