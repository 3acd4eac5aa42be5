"""The state machine that is the lifecycle of a run; what it does stands in `run.asl.json`."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import EARLIER_ALIASES, VersionedFunction, acknowledge_wildcards
from cdk.review import acknowledge
from cdk.steps import Steps

TASK_TOKENS = (
    "The action knows no resources (AWS's authorization reference); a token names its task and can't be guessed."
)

DEFINITION = Path(__file__).with_name("run.asl.json")


class RunStateMachine(Construct):
    """The Standard state machine `<prefix>-run`.

    Its definition is a file in Amazon States Language, as the console's editor shows and edits it; `${queued}` and the
    like stand for the aliases of the steps' functions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        steps: Steps,
        tools: Sequence[VersionedFunction],
    ) -> None:
        super().__init__(scope, id)
        name = f"{configuration.prefix}-run"
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("states.amazonaws.com"))
        invoked = [function.every_alias_arn for function in (*steps.all.values(), *tools)]
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
