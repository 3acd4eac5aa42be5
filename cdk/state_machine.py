"""Makes the state machine that is the lifecycle of a run, as `run.asl.json` defines it."""

from pathlib import Path

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine
from constructs import Construct

from cdk.alarms import Alarm
from cdk.foundation import Foundation
from cdk.functions import EARLIER_ALIASES, VersionedFunction, acknowledge_wildcards
from cdk.nag import acknowledge
from cdk.outputs import output
from cdk.steps import Steps, grant_wake
from cdk.tools import Tools

DEFINITION = Path(__file__).with_name("run.asl.json")


class RunStateMachine(Construct):
    """The Standard state machine `<prefix>-run`.

    Its definition is a file in Amazon States Language, as the console's editor shows and edits it; `${queued}` and the
    like stand for the aliases of the steps' functions.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation, *, steps: Steps, tools: Tools) -> None:
        super().__init__(scope, id)
        configuration = foundation.configuration
        name = f"{configuration.prefix}-run"
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("states.amazonaws.com"))
        invoked = [function.every_alias_arn for function in (*steps.all.values(), *tools.functions.values())]
        self.role.add_to_policy(PolicyStatement(actions=["lambda:InvokeFunction"], resources=invoked))
        acknowledge_wildcards(self.role, invoked, EARLIER_ALIASES)
        self.machine = StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=DefinitionBody.from_string(DEFINITION.read_text()),
            definition_substitutions={state: function.alias.function_arn for state, function in steps.all.items()},
            role=self.role,
            tracing_enabled=True,
            logs=LogOptions(
                # The console's own prefix for logs that AWS services deliver.
                destination=LogGroup(
                    self,
                    "Log",
                    log_group_name=f"/aws/vendedlogs/states/{name}",
                    retention=configuration.log_retention,
                    removal_policy=configuration.removal_policy,
                ),
                level=LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "X-Ray's and CloudWatch's log delivery actions know no resources.",
        )
        output(self, "StateMachineArn", self.machine.state_machine_arn)

    def grant_start(self, function: VersionedFunction) -> None:
        """Let the function start executions, and wake those that wait."""
        function.add_to_role_policy(["states:StartExecution"], [self.machine.state_machine_arn])
        grant_wake(function)

    def grant_describe(self, function: VersionedFunction) -> None:
        """Let the function look how executions do."""
        execution = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.machine.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        function.add_to_role_policy(
            ["states:DescribeExecution"],
            [execution],
            because="Executions are named after runs, which only exist at run time.",
        )

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms on the state machine itself."""
        throttled = self.machine.metric_throttled(period=Duration.minutes(5), statistic="Sum")
        return [Alarm("executions-throttled", throttled, 5, "More executions are started than the account allows.")]
