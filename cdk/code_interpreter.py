"""The code interpreter: a broker, and the sandbox that it invokes, a function without rights."""

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
from cdk.tools import allow_look_at_run

MEMORY_BESIDE_THE_CODE = 512
"""MB of the function that the code doesn't get: for what runs it, and so that the system itself never runs out."""
TIME_BESIDE_THE_CODE = 180
"""Seconds of the function that the code doesn't get: to fetch and to store files. The broker's addresses outlast it."""


class CodeInterpreter(Construct):
    """The two functions and the sandbox's network.

    Attributes:
        broker: the tool's function; it alone may invoke the sandbox.
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
    ) -> None:
        super().__init__(scope, id)
        limits = configuration.sandbox_limits
        told = {"LIMITS": json.dumps(asdict(limits))}
        timeout = limits.seconds + TIME_BESIDE_THE_CODE
        self.broker = VersionedFunction(
            self,
            "tool-code_interpreter",
            configuration=configuration,
            description="Gives the sandbox its work.",
            code=Code.from_asset(str(ROOT / "lambdas" / "tools" / "code_interpreter"), exclude=["__pycache__"]),
            handler="broker.handler",
            layers=layers.get("engine", "openai"),
            environment={**tables.environment, **storage.environment, **told, "TOOL": "code_interpreter"},
            # Others' calls on the thread may be faster, and then this one's code runs once more.
            timeout=min(900, 3 * timeout),
            memory=512,
        )
        tables.allow(self.broker, ["GetItem", "PutItem"], tables.assistants)
        allow_look_at_run(self.broker, tables)
        # What it signs addresses for, it must be allowed itself.
        storage.allow(self.broker, ["GetObject", "PutObject"], "files/", "sandbox/")
        storage.allow(self.broker, ["DeleteObject"], "sandbox/")
        storage.allow_outputs(self.broker, "code_interpreter")

        isolated = configuration.sandbox_network == "isolated"
        network = (
            SandboxNetwork(self, "Network", configuration, storage=storage, broker=self.broker) if isolated else None
        )
        sandbox = VersionedFunction(
            self,
            "sandbox",
            configuration=configuration,
            description="Runs code that a model wrote.",
            code=Code.from_asset(str(ROOT / "lambdas" / "sandbox"), exclude=["__pycache__"]),
            handler="sandbox.handler",
            layers=layers.get("python_data"),
            environment={**told, "SANDBOX_NETWORK": configuration.sandbox_network},
            timeout=timeout,
            memory=limits.memory_mb + MEMORY_BESIDE_THE_CODE,
            tracing=False,
            tenancy_config=TenancyConfig.PER_TENANT,
            # What it writes, and the archive of the session.
            ephemeral_storage_size=Size.mebibytes(limits.disk_mb + 2 * limits.session_mb + 64),
            **(network.placement if network else {}),
        )
        if network:
            self._let_lambda_place(sandbox, f"{configuration.prefix}-sandbox")
        self.broker.let_invoke(sandbox)
        self.broker.function.add_environment("SANDBOX", sandbox.alias_arn)
        self.broker.function.node.add_dependency(sandbox.alias)

    def _let_lambda_place(self, function: VersionedFunction, name: str) -> None:
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
        function.role.add_to_policy(PolicyStatement(actions=actions, resources=["*"]))
        function.role.add_to_policy(
            PolicyStatement(
                effect=Effect.DENY,
                actions=actions,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": own_arn}},
            )
        )
        acknowledge(
            function.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda makes the network interfaces, whose names are not known before; the function itself is denied it.",
        )
