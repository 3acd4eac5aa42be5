"""Makes every Lambda function."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnResource, Duration, Fn, RemovalPolicy, Stack
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import (
    Alias,
    ApplicationLogLevel,
    Architecture,
    Code,
    Function,
    ILayerVersion,
    LoggingFormat,
    Runtime,
    SnapStartConf,
    Tracing,
    Version,
    VersionOptions,
)
from aws_cdk.aws_logs import LogGroup
from constructs import Construct

from cdk.configuration import Configuration
from cdk.nag import acknowledge

RUNTIME = Runtime.PYTHON_3_14
ARCHITECTURE = Architecture.ARM_64

EARLIER_ALIASES = "The aliases of earlier deployments, which versions and executions that still run call to their end."


class VersionedFunction(Construct):
    """A Lambda function with its own role and log group, called through an alias that never moves.

    The alias is named after the version that it points to (`v7`), and both outlive the deployment that follows them: a
    run ends on the code that it started on, however long it waits and whatever is deployed meanwhile.

    Each version has an alias resource of its own, as it has a version resource: none is ever replaced. CloudFormation
    keeps the new half of a replacement that it rolls back (`UpdateReplacePolicy`), but deletes what the deployment
    created (`RetainExceptOnCreate`). So a deployment that fails leaves neither, and the same change can be deployed
    again.

    Args:
        name: the function is `<prefix>-<name>`.
        description: one sentence.
        code: what is deployed.
        handler: `<module>.<function>`; the function `handler` of the module of the function's name unless given.
        layers: in the order of import.
        environment: variables beyond log level and service name.
        timeout: seconds.
        memory: MB; the environment's own unless given.
        awaited: whether a person waits while it starts: where the configuration says so, it starts from a snapshot.
        tracing: whether X-Ray gets a trace of each call, which the function's role must then allow.
        max_errors: how often the function may die within a quarter of an hour before an alarm is raised; for functions
            whose answer nobody waits for.
        others: further arguments of `aws_lambda.Function`.

    Attributes:
        name: `<prefix>-<name>`.
        alias: call this.
        timeout: seconds.
        has_snapshots: whether AWS keeps, and bills, a snapshot of each of its versions.
        max_errors: see above; None where the caller sees the error.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        configuration: Configuration,
        description: str,
        *,
        code: Code,
        handler: str = "",
        layers: Sequence[ILayerVersion] = (),
        environment: Mapping[str, str] | None = None,
        timeout: int,
        memory: int | None = None,
        awaited: bool = False,
        tracing: bool = True,
        max_errors: int | None = None,
        **others: Any,
    ) -> None:
        super().__init__(scope, name)
        self.name = f"{configuration.prefix}-{name}"
        self.timeout = timeout
        self.max_errors = max_errors
        self.has_snapshots = awaited and configuration.snap_start == "on"
        self.log_group = LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{self.name}",
            retention=configuration.log_retention,
            removal_policy=configuration.removal_policy,
        )
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = Function(
            self,
            "Function",
            function_name=self.name,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=code,
            handler=handler or f"{name}.handler",
            layers=list(layers),
            role=self.role,
            environment={
                "LOG_LEVEL": configuration.log_level,
                "POWERTOOLS_SERVICE_NAME": name,
                **(environment or {}),
            },
            memory_size=memory or configuration.memory,
            timeout=Duration.seconds(timeout),
            snap_start=SnapStartConf.ON_PUBLISHED_VERSIONS if self.has_snapshots else None,
            tracing=Tracing.ACTIVE if tracing else Tracing.DISABLED,
            log_group=self.log_group,
            logging_format=LoggingFormat.JSON,
            application_log_level_v2=ApplicationLogLevel(configuration.log_level),
            current_version_options=VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
            **others,
        )
        self.alias = Alias(
            self,
            "Alias",
            alias_name=Fn.join("", ["v", self.function.current_version.version]),
            version=self.function.current_version,
        )
        self.alias.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self._name_after(self.function.current_version, self.alias)
        acknowledge(
            self.function,
            "Serverless-LambdaDLQ",
            "Called synchronously, by a queue with one of its own, or by a rule that the next minute makes good.",
        )
        if tracing:
            acknowledge(
                self.role,
                "AwsSolutions-IAM5[Resource::*]",
                "X-Ray's PutTraceSegments and PutTelemetryRecords know no resources.",
            )
        else:
            acknowledge(
                self.function, "Serverless-LambdaTracing", "Its role is to allow nothing, and tracing takes rights."
            )

    @property
    def alias_arn(self) -> str:
        """The alias's ARN as a value that differs for each version.

        `alias.function_arn` is a reference that reads the same for every version, so a function that has it in its
        environment would publish no new version when this one does, and would go on calling the old one.
        """
        return Fn.join("", [self.function.function_arn, ":v", self.function.current_version.version])

    @property
    def every_alias_arn(self) -> str:
        """The aliases of this deployment and of all before it, for the policy of a role that outlives a version."""
        return f"{self.function.function_arn}:v*"

    def grant_invoke(self, caller: "VersionedFunction") -> None:
        """Let another function invoke this one: each of its versions calls the alias that it was deployed with."""
        caller.add_to_role_policy(["lambda:InvokeFunction"], [self.every_alias_arn], because=EARLIER_ALIASES)

    @staticmethod
    def _name_after(version: Version, alias: Alias) -> None:
        """Give the alias's resource a logical id that differs for each version, as the version's does."""
        version_resource, alias_resource = version.node.default_child, alias.node.default_child
        assert isinstance(version_resource, CfnResource)
        assert isinstance(alias_resource, CfnResource)
        alias_resource.override_logical_id(f"{version_resource.logical_id}Alias")

    def add_to_role_policy(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        conditions: Mapping[str, Any] | None = None,
        because: str = "",
    ) -> None:
        """Let the function do these actions.

        Args:
            because: why a resource with a wildcard is no narrower; required when there is one.
        """
        self.role.add_to_policy(
            PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )
        acknowledge_wildcards(self.role, resources, because)


def settle_versions(stack: Stack) -> None:
    """Fix the logical ids of the versions of a stack whose functions are all complete.

    The CDK hashes a function, and the functions that it names, anew wherever its version is mentioned: that took two
    thirds of a synth.
    """
    for each in stack.node.find_all():
        if isinstance(each, VersionedFunction):
            version = each.function.current_version.node.default_child
            assert isinstance(version, CfnResource)
            version.override_logical_id(stack.resolve(version.logical_id))


def acknowledge_wildcards(role: Role, resources: Sequence[str], because: str) -> None:
    """Acknowledge cdk-nag's finding on each resource that has a wildcard, by the name cdk-nag gives it."""
    for resource in resources:
        name = _flat(Stack.of(role).resolve(resource))
        if "*" in name:
            assert because, f"{role.node.path}: say why {name} is no narrower"
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{name}]", because)


def _flat(value: Any) -> str:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return str(value)
