"""Makes the code interpreter: a broker, and the sandbox that it invokes, a function without rights."""

import json
from dataclasses import asdict

from aws_cdk import Size
from aws_cdk.aws_lambda import TenancyConfig
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.libraries import PREFIX as LIBRARIES
from cdk.libraries import Libraries
from cdk.sandbox_network import SandboxNetwork
from cdk.sources import code_of
from cdk.tool import Tool
from layers.tool_folders import ToolFolder

SANDBOX = "sandbox"
"""The folder of the half that runs the code."""
OVERHEAD_MB = 512
"""Memory of the function that the code doesn't get: for what runs it, and so that the system itself never runs out."""
LIBRARIES_MB = 768
"""Disk for all libraries that are fetched when code imports them, unpacked, and for the largest one's archive."""
OVERHEAD_SECONDS = 180
"""Time of the function that the code doesn't get: to fetch and to store files. The broker's addresses outlast it."""


class CodeInterpreter(Construct):
    """The two functions and the sandbox's network.

    Attributes:
        broker: the tool's function; it alone may invoke the sandbox.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation, tool: ToolFolder) -> None:
        super().__init__(scope, id)
        configuration, tables, storage = foundation.configuration, foundation.tables, foundation.storage
        limits = configuration.sandbox_limits
        limits_variable = {"LIMITS": json.dumps(asdict(limits))}
        timeout = limits.seconds + OVERHEAD_SECONDS
        self.broker = Tool(
            self,
            foundation,
            tool,
            environment={**tables.environment, **limits_variable},
            # Others' calls on the thread may be faster, and then this one's code runs once more.
            timeout=min(900, 3 * timeout),
            without=[SANDBOX],
        )
        tables.grant(self.broker, ["GetItem", "PutItem"], tables.assistants)
        tables.grant_read_run_status(self.broker)
        # What it signs addresses for, it must be allowed itself.
        storage.grant(self.broker, ["GetObject", "PutObject"], "files/", "sandbox/")
        storage.grant(self.broker, ["GetObject"], LIBRARIES)
        storage.grant(self.broker, ["DeleteObject"], "sandbox/")

        libraries = Libraries(self, "Libraries", foundation)
        self.broker.function.add_environment("LIBRARIES", json.dumps(libraries.offered))
        self.broker.function.node.add_dependency(libraries.resource)

        isolated = configuration.sandbox_network == "isolated"
        network = SandboxNetwork(self, "Network", foundation, broker=self.broker) if isolated else None
        sandbox = VersionedFunction(
            self,
            "sandbox",
            configuration,
            "Runs code that a model wrote.",
            code=code_of(tool.path / SANDBOX),
            layers=foundation.layers.get("python_data"),
            environment={**limits_variable, "SANDBOX_NETWORK": configuration.sandbox_network},
            timeout=timeout,
            memory=limits.memory_mb + OVERHEAD_MB,
            tracing=False,
            tenancy_config=TenancyConfig.PER_TENANT,
            # Room for the files that code writes, the archive of the session, and the libraries that code imports.
            ephemeral_storage_size=Size.mebibytes(limits.disk_mb + 2 * limits.session_mb + LIBRARIES_MB + 64),
            **(network.placement if network else {}),
        )
        if network:
            network.grant_attach(sandbox)
        sandbox.grant_invoke(self.broker)
        self.broker.function.add_environment("SANDBOX", sandbox.alias_arn)
        self.broker.function.node.add_dependency(sandbox.alias)
