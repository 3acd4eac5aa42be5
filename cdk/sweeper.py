"""Makes the sweeper, which moves or settles runs that do not move, and removes what deleted threads left."""

from aws_cdk import Duration
from aws_cdk.aws_events import EventField, EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from cdk.foundation import Foundation
from cdk.nag import acknowledge
from cdk.sources import LAMBDAS, code_of
from cdk.state_machine import RunStateMachine
from cdk.steps import SETTLE
from cdk.tools import Tools


class Sweeper(Construct):
    """The function `<prefix>-sweeper`, each minute and when an execution ends badly.

    The minute is the guarantee; the event, which AWS sends at its best effort, is the fast path and brings only the
    execution's name and status.
    """

    def __init__(
        self, scope: Construct, id: str, foundation: Foundation, *, runs: RunStateMachine, tools: Tools
    ) -> None:
        super().__init__(scope, id)
        machine, tables, storage = runs.machine, foundation.tables, foundation.storage
        function = foundation.function(
            self,
            "sweeper",
            "Moves or settles runs that do not move; removes what deleted threads left.",
            code=code_of(LAMBDAS / "sweeper"),
            environment={"STATE_MACHINE_ARN": machine.state_machine_arn},
            timeout=55,
            max_errors=3,
        )
        tables.grant(function, SETTLE, tables.threads, tables.messages)
        tables.grant(function, ["BatchGetItem", "BatchWriteItem", "PutItem"], tables.messages)
        tables.grant_query(function, tables.messages, "open_runs", "by_project")
        storage.grant(function, ["GetObject"], "text/")
        # What deleted threads leave is removed in the background.
        storage.grant(function, ["DeleteObject"], "text/", "outputs/", "sandbox/", "speech/", "files/")
        storage.grant_list(function, "outputs/", "sandbox/", "speech/")
        # The sound in a request has become a file, which goes with its thread.
        tables.grant_partitions(function, ["BatchWriteItem"], tables.assistants, "file-")
        tables.grant_partitions(function, ["DeleteItem"], tables.messages, "file-")
        runs.grant_start(function)
        runs.grant_describe(function)
        if tools.file_search:
            tools.file_search.grant_enqueue(function)

        acknowledge(
            self,
            "Serverless-EventBusDLQ",
            "An event that is lost is made good by the next minute's: the index is the queue.",
        )
        Rule(
            self,
            "EachMinute",
            description="Sweeps the index of open runs.",
            schedule=Schedule.rate(Duration.minutes(1)),
            targets=[LambdaFunction(function.alias, event=RuleTargetInput.from_object({}))],
        )
        Rule(
            self,
            "EndedBadly",
            description="Settles the run of an execution that was stopped or timed out.",
            event_pattern=EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [machine.state_machine_arn],
                    "status": ["ABORTED", "TIMED_OUT", "FAILED"],
                },
            ),
            targets=[
                LambdaFunction(
                    function.alias,
                    # The event itself carries the execution's input and output: not for logs or queues.
                    event=RuleTargetInput.from_object(
                        {
                            "name": EventField.from_path("$.detail.name"),
                            "status": EventField.from_path("$.detail.status"),
                        }
                    ),
                )
            ],
        )
