"""Makes the function of one folder in `lambdas/tools`, as the folder's `tool.toml` says."""

from collections.abc import Mapping, Sequence
from string import Template

from aws_cdk import Stack
from constructs import Construct

from cdk.configuration import Configuration
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.sources import code_of
from layers.tool_folders import SETTINGS, ToolFolder, tool_folders


def left_out(configuration: Configuration) -> list[str]:
    """Return the names of the tools that a deployment leaves out."""
    return [folder.name for folder in tool_folders() if folder.settings.sample and configuration.sample_tools == "off"]


class Tool(VersionedFunction):
    """The function `<prefix>-tool-<module>`, with its own role, memory, timeout and dependencies.

    It may do what every tool may: store its large outputs and read whether a run waits for its call. The permissions
    of its `tool.toml` come on top.

    Args:
        environment: variables in addition to those of every tool and of `tool.toml`.
        timeout: seconds, instead of `tool.toml`'s.
        without: names in the folder that are another function's.
    """

    def __init__(
        self,
        scope: Construct,
        foundation: Foundation,
        tool: ToolFolder,
        *,
        environment: Mapping[str, str] | None = None,
        timeout: int | None = None,
        without: Sequence[str] = (),
    ) -> None:
        settings = tool.settings
        sender = foundation.configuration.mail_sender
        values = {
            "bucket_arn": foundation.storage.bucket.bucket_arn,
            "mail_sender": sender,
            "mail_identity_arn": sender and _identity_arn(scope, sender),
            "stock_price_url": foundation.configuration.stock_price_url,
            "country_facts_url": foundation.configuration.country_facts_url,
        }
        own_layers = [tool.layer] if tool.lock else []
        super().__init__(
            scope,
            f"tool-{tool.name}",
            foundation.configuration,
            settings.description or f"The tool {tool.name}.",
            code=code_of(tool.path, without=without),
            handler=f"{tool.name}.handler",
            layers=foundation.layers.get("engine", "openai", *own_layers),
            environment={
                "MESSAGES_TABLE": foundation.tables.messages.table_name,
                "TOOL": tool.name,
                **foundation.storage.environment,
                **{name: Template(value).substitute(values) for name, value in settings.environment.items()},
                **(environment or {}),
            },
            timeout=timeout or settings.timeout,
            memory=settings.memory,
        )
        foundation.storage.grant_put_outputs(self, tool.name)
        for permission in settings.permissions:
            resources = [Template(resource).substitute(values) for resource in permission.resources]
            if any(resources):
                self.add_to_role_policy(
                    permission.actions,
                    resources,
                    because=permission.because or f"Declared in lambdas/tools/{tool.name}/{SETTINGS}.",
                )


def _identity_arn(scope: Construct, sender: str) -> str:
    return Stack.of(scope).format_arn(service="ses", resource="identity", resource_name=sender)
