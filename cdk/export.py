"""Makes the daily export of conversations and usage to the bucket."""

from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from cdk.foundation import Foundation
from cdk.nag import acknowledge
from cdk.sources import LAMBDAS, code_of

SHARDS = 4
"""Of the index of ended runs: `assistant_engine.store.run_item.ENDED_SHARDS`."""


class Export(Construct):
    """The function `<prefix>-export`, each night for the day before, once for each shard."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        tables, storage = foundation.tables, foundation.storage
        function = foundation.function(
            self,
            "export",
            "Writes a day's runs and messages to the bucket.",
            code=code_of(LAMBDAS / "export"),
            timeout=900,
            max_errors=0,
        )
        tables.grant_query(function, tables.messages, "ended_runs")
        tables.grant_partitions(function, ["GetItem", "Query"], tables.messages, "thread_")
        storage.grant(function, ["GetObject"], "text/")
        storage.grant(function, ["PutObject"], "export/")
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
