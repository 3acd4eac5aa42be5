"""The sweeper: moves or settles runs that do not move, and removes what deleted threads left."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk.aws_events import EventField, EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import Layers
from cdk.review import acknowledge
from cdk.state_machine import TASK_TOKENS, RunStateMachine
from cdk.steps import SETTLE, step_code
from cdk.storage import Storage
from cdk.tables import Tables


class Sweeper(Construct):
    """The function `<prefix>-sweeper`, each minute and when an execution ends badly.

    The minute is the guarantee; the event, which AWS sends at its best effort, is the fast path and brings only the
    execution's name and status.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        layers: Layers,
        tables: Tables,
        storage: Storage,
        runs: RunStateMachine,
    ) -> None:
        super().__init__(scope, id)
        machine = runs.machine
        self.function = VersionedFunction(
            self,
            "sweeper",
            configuration=configuration,
            description="Moves or settles runs that do not move; removes what deleted threads left.",
            code=step_code("sweeper"),
            handler="sweeper.handler",
            layers=layers.get("engine"),
            environment={
                **tables.environment,
                **storage.environment,
                "STATE_MACHINE_ARN": machine.state_machine_arn,
            },
            timeout=55,
        )
        tables.allow(self.function, SETTLE, tables.threads, tables.messages)
        tables.allow(self.function, ["BatchWriteItem"], tables.messages)
        tables.allow_query(self.function, tables.messages, "open_runs")
        storage.allow(self.function, ["GetObject"], "text/")
        # What deleted threads leave is removed in the background.
        storage.allow(self.function, ["DeleteObject"], "text/", "outputs/", "sandbox/")
        storage.allow_list(self.function, "outputs/", "sandbox/")
        self.function.allow(["states:StartExecution"], [machine.state_machine_arn])
        self.function.allow(["states:SendTaskSuccess"], ["*"], because=TASK_TOKENS)
        self.function.allow(
            ["states:DescribeExecution"],
            [
                Stack.of(self).format_arn(
                    service="states",
                    resource="execution",
                    resource_name=f"{machine.state_machine_name}:*",
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            because="Executions are named after runs, which only exist at run time.",
        )

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
            targets=[LambdaFunction(self.function.alias, event=RuleTargetInput.from_object({}))],
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
                    self.function.alias,
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
