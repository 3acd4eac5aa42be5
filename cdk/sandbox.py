"""The sandbox of the code interpreter: a function without rights, in a network with one way out."""

import json
from dataclasses import asdict

from aws_cdk import ArnFormat, Size, Stack
from aws_cdk.aws_iam import Effect, PolicyStatement
from aws_cdk.aws_lambda import Code, TenancyConfig
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT, Layers
from cdk.review import acknowledge
from cdk.sandbox_network import SandboxNetwork
from cdk.storage import Storage
from cdk.tables import Tables

MEMORY_BESIDE_THE_CODE = 512
"""MB of the function that the code doesn't get: for what runs it, and so that the system itself never runs out."""
TIME_BESIDE_THE_CODE = 180
"""Seconds of the function that the code doesn't get: to fetch and to store files. The broker's addresses outlast it."""


class Sandbox(Construct):
    """The function, its network, and the broker's right to invoke it.

    Args:
        broker: the tool function that invokes it.
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
        broker: VersionedFunction,
    ) -> None:
        super().__init__(scope, id)
        limits = configuration.sandbox_limits
        isolated = configuration.sandbox_network == "isolated"
        network = SandboxNetwork(self, "Network", configuration, storage=storage, broker=broker) if isolated else None
        self.function = VersionedFunction(
            self,
            "sandbox",
            configuration=configuration,
            description="Runs code that a model wrote.",
            code=Code.from_asset(str(ROOT / "lambdas" / "sandbox"), exclude=["__pycache__"]),
            handler="sandbox.handler",
            layers=layers.get("python_data"),
            environment={"LIMITS": json.dumps(asdict(limits))},
            timeout=limits.seconds + TIME_BESIDE_THE_CODE,
            memory=limits.memory_mb + MEMORY_BESIDE_THE_CODE,
            tracing=False,
            tenancy_config=TenancyConfig.PER_TENANT,
            # What it writes, and the archive of the session beside it.
            ephemeral_storage_size=Size.mebibytes(limits.disk_mb + 2 * limits.session_mb + 64),
            **(network.placement if network else {}),
        )
        if network:
            self._let_lambda_place_it(f"{configuration.prefix}-sandbox")
        broker.allow(["lambda:InvokeFunction"], [self.function.alias.function_arn])
        environment = {
            "SANDBOX": self.function.alias_arn,
            "LIMITS": json.dumps(asdict(limits)),
            "ASSISTANTS_TABLE": tables.assistants.table_name,
        }
        for name, value in environment.items():
            broker.function.add_environment(name, value)
        broker.function.node.add_dependency(self.function.alias)

    def _let_lambda_place_it(self, name: str) -> None:
        """Let Lambda, which uses the function's role for it, make network interfaces; deny it to what runs in there."""
        own_arn = Stack.of(self).format_arn(
            service="lambda", resource="function", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        actions = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ]
        self.function.role.add_to_policy(PolicyStatement(actions=actions, resources=["*"]))
        self.function.role.add_to_policy(
            PolicyStatement(
                effect=Effect.DENY,
                actions=actions,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": own_arn}},
            )
        )
        acknowledge(
            self.function.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda makes the network interfaces, whose names are not known before; the function itself is denied it.",
        )
