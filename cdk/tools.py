"""The tools: one function for each folder in `lambdas/tools`, found by its `tool.toml`."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from aws_cdk import Stack
from aws_cdk.aws_lambda import Code
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT, Layers
from cdk.storage import Storage
from cdk.tables import Tables

TOOLS = ROOT / "lambdas" / "tools"

CALL_ATTRIBUTES = ["thread_id", "message_id", "run_status", "turn", "expires_at", "functions"]
"""What a tool may read of the messages table: whether a run waits for its call, never what was said."""


def allow_look_at_run(tool: VersionedFunction, tables: Tables) -> None:
    """Let a tool's function read whether a run waits for its call."""
    tool.allow(
        ["dynamodb:GetItem"],
        [tables.messages.table_arn],
        conditions={
            "ForAllValues:StringEquals": {"dynamodb:Attributes": CALL_ATTRIBUTES},
            "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    )


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What `tool.toml` says.

    Attributes:
        memory: MB.
        timeout: seconds, at most 900.
        environment: variables of the function.
        permissions: IAM statements, `{"actions", "resources", "because"}`; `because` is required where a resource has a
            wildcard. One whose resources this deployment doesn't have is left out.

    In resources and variables, `${bucket_arn}` stands for the bucket, `${mail_sender}` for the address that mail is
    sent from and `${mail_identity_arn}` for its identity in Amazon SES; these two are empty where no mail is sent.
    """

    memory: int = 512
    timeout: int = 60
    environment: dict[str, str] = field(default_factory=dict)
    permissions: list[dict[str, Any]] = field(default_factory=list)


class Tools(Construct):
    """Every tool, with its own role, memory, timeout and dependencies.

    Attributes:
        functions: by module name.
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
        folder: Path = TOOLS,
    ) -> None:
        super().__init__(scope, id)
        self.functions: dict[str, VersionedFunction] = {}
        sender = configuration.mail_sender
        values = {
            "bucket_arn": storage.bucket.bucket_arn,
            "mail_sender": sender,
            "mail_identity_arn": sender and self._identity_arn(sender),
        }
        for settings_file in sorted(folder.glob("*/tool.toml")):
            module = settings_file.parent.name
            settings = ToolSettings(**tomllib.loads(settings_file.read_text()))
            own_layers = [f"tool-{module}"] if (settings_file.parent / "requirements.txt").exists() else []
            tool = self.functions[module] = VersionedFunction(
                self,
                f"tool-{module}",
                configuration=configuration,
                description=f"The tool {module}.",
                code=Code.from_asset(
                    str(settings_file.parent), exclude=["tool.toml", "requirements.*", "__pycache__", "*.md"]
                ),
                handler=f"{module}.handler",
                layers=layers.get("engine", "openai", *own_layers),
                environment={
                    "MESSAGES_TABLE": tables.messages.table_name,
                    "TOOL": module,
                    **storage.environment,
                    **{name: Template(value).substitute(values) for name, value in settings.environment.items()},
                },
                timeout=settings.timeout,
                memory=settings.memory,
            )
            storage.allow_outputs(tool, module)
            allow_look_at_run(tool, tables)
            for permission in settings.permissions:
                resources = [Template(resource).substitute(values) for resource in permission["resources"]]
                if any(resources):
                    tool.allow(
                        permission["actions"],
                        resources,
                        because=permission.get("because", f"Declared in lambdas/tools/{module}/tool.toml."),
                    )

    def _identity_arn(self, sender: str) -> str:
        return Stack.of(self).format_arn(service="ses", resource="identity", resource_name=sender)
