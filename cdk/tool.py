"""Makes the function of one folder in `lambdas/tools`, as the folder's `tool.toml` says."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.sources import LAMBDAS, code_of

TOOLS = LAMBDAS / "tools"
SETTINGS = "tool.toml"


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """Holds what a `tool.toml` declares.

    Attributes:
        description: of the function.
        memory: MB.
        timeout: seconds, at most 900.
        environment: variables of the function.
        permissions: IAM statements, `{"actions", "resources", "because"}`; `because` is required where a resource has a
            wildcard. One whose resources this deployment doesn't have is left out.
        built_in: whether the engine itself describes the tool to the model, and `cdk.tools` makes the rest of it.

    In resources and variables, `${bucket_arn}` stands for the bucket, `${mail_sender}` for the address that mail is
    sent from and `${mail_identity_arn}` for its identity in Amazon SES; these two are empty where no mail is sent.
    """

    description: str = ""
    memory: int = 512
    timeout: int = 60
    environment: dict[str, str] = field(default_factory=dict)
    permissions: list[dict[str, Any]] = field(default_factory=list)
    built_in: bool = False

    @classmethod
    def of(cls, folder: Path) -> "ToolSettings":
        """Read the settings of a tool's folder."""
        return cls(**tomllib.loads((folder / SETTINGS).read_text()))


class Tool(VersionedFunction):
    """The function `<prefix>-tool-<module>`, with its own role, memory, timeout and dependencies.

    It may do what every tool may: store its large outputs and read whether a run waits for its call. The permissions
    of its `tool.toml` come on top.

    Args:
        folder: named after the module.
        environment: variables in addition to those of every tool and of `tool.toml`.
        timeout: seconds, instead of `tool.toml`'s.
        without: names in the folder that are another function's.
    """

    def __init__(
        self,
        scope: Construct,
        foundation: Foundation,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        timeout: int | None = None,
        without: Sequence[str] = (),
    ) -> None:
        settings, module = ToolSettings.of(folder), folder.name
        sender = foundation.configuration.mail_sender
        values = {
            "bucket_arn": foundation.storage.bucket.bucket_arn,
            "mail_sender": sender,
            "mail_identity_arn": sender and _identity_arn(scope, sender),
        }
        own_layers = [f"tool-{module}"] if (folder / "requirements.txt").exists() else []
        super().__init__(
            scope,
            f"tool-{module}",
            configuration=foundation.configuration,
            description=settings.description or f"The tool {module}.",
            code=code_of(folder, without=without),
            handler=f"{module}.handler",
            layers=foundation.layers.get("engine", "openai", *own_layers),
            environment={
                "MESSAGES_TABLE": foundation.tables.messages.table_name,
                "TOOL": module,
                **foundation.storage.environment,
                **{name: Template(value).substitute(values) for name, value in settings.environment.items()},
                **(environment or {}),
            },
            timeout=timeout or settings.timeout,
            memory=settings.memory,
        )
        foundation.storage.grant_put_outputs(self, module)
        for permission in settings.permissions:
            resources = [Template(resource).substitute(values) for resource in permission["resources"]]
            if any(resources):
                self.add_to_role_policy(
                    permission["actions"],
                    resources,
                    because=permission.get("because", f"Declared in lambdas/tools/{module}/{SETTINGS}."),
                )


def _identity_arn(scope: Construct, sender: str) -> str:
    return Stack.of(scope).format_arn(service="ses", resource="identity", resource_name=sender)
