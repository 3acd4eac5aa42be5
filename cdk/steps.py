"""Makes the functions behind the states of a run: what each may do, and nothing else."""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.model import Model
from cdk.sources import LAMBDAS, code_of
from cdk.speech import Speech
from cdk.tools import Tools

READ_AND_WRITE = ("GetItem", "PutItem", "UpdateItem", "Query")
SETTLE = ("GetItem", "UpdateItem", "Query")
"""The item actions behind a store that reads by key, queries, updates and writes transactions; nothing is deleted."""


def grant_wake(function: VersionedFunction) -> None:
    """Let a function wake executions that wait: for their client, or for the run before them."""
    function.add_to_role_policy(
        ["states:SendTaskSuccess"],
        ["*"],
        because="The action knows no resources (AWS's authorization reference); a token names its task and can't be"
        " guessed.",
    )


class Steps(Construct):
    """One function for each module in `lambdas/steps`, named after it and after the state that it is behind."""

    def __init__(
        self, scope: Construct, id: str, foundation: Foundation, *, model: Model, tools: Tools, speech: Speech
    ) -> None:
        super().__init__(scope, id)
        self._foundation = foundation
        configuration, tables, storage = foundation.configuration, foundation.tables, foundation.storage

        self.queued = self._step(
            "queued",
            "Takes or creates the run.",
            layers=["openai"],  # It brings pydantic, which validates requests.
            timeout=60,
            awaited=True,
            environment={
                **model.aliases,
                **model.hosted,
                "RUN_EXPIRES_AFTER": str(configuration.run_expires_after),
            },
        )
        tables.grant(self.queued, ["GetItem", "BatchGetItem"], tables.assistants)
        tables.grant(self.queued, [*READ_AND_WRITE, "BatchGetItem"], tables.threads, tables.messages)
        storage.grant(self.queued, ["GetObject", "PutObject"], "text/")
        if speech.function:  # It looks whether a file is a sound.
            self.queued.function.add_environment("SPEECH_FUNCTION_ARN", speech.function.alias_arn)
            storage.grant(self.queued, ["GetObject"], "files/")
        if tools.file_search:
            tools.file_search.grant_attach(self.queued)

        self.in_progress = self._step(
            "in_progress",
            "Makes one model call and stores its outcome.",
            layers=["openai"],
            timeout=900,
            memory=configuration.waiting_memory,
            awaited=True,
            environment={
                **model.environment,
                "MAX_TURNS": str(configuration.max_turns),
                "MAX_CALLS": str(configuration.max_calls),
                "MAX_RETRIES": str(configuration.max_retries),
                "TOOLS": Stack.of(self).to_json_string(
                    {module: tool.alias_arn for module, tool in tools.functions.items()}
                ),
            },
        )
        for tool in tools.functions.values():
            self.in_progress.function.node.add_dependency(tool.alias)
        tables.grant(self.in_progress, ["GetItem", "BatchGetItem"], tables.assistants)  # where files are
        tables.grant(self.in_progress, READ_AND_WRITE, tables.threads, tables.messages)
        storage.grant(self.in_progress, ["GetObject", "PutObject"], "text/")
        storage.grant(self.in_progress, ["GetObject"], "outputs/", "files/")
        model.grant_invoke(self.in_progress)
        grant_wake(self.in_progress)
        speech.grant_invoke(self.in_progress)
        if configuration.code_interpreter == "hosted":
            # What the provider's code made becomes files here.
            tables.grant(self.in_progress, ["PutItem"], tables.assistants)
            storage.grant(self.in_progress, ["PutObject", "PutObjectTagging"], "files/")

        self.requires_action = self._step(
            "requires_action",
            "Stores the token that wakes the run when the client has answered its calls.",
            timeout=30,
        )
        tables.grant(self.requires_action, READ_AND_WRITE, tables.messages)
        storage.grant(self.requires_action, ["GetObject"], "text/")

        self.record_failure = self._step(
            "record_failure",
            "Settles the record of a run whose step died.",
            timeout=60,
        )
        tables.grant(self.record_failure, SETTLE, tables.threads, tables.messages)
        tables.grant(self.record_failure, ["PutItem"], tables.messages)  # the log of a run that streams
        storage.grant(self.record_failure, ["GetObject"], "text/")
        grant_wake(self.record_failure)

    @property
    def all(self) -> dict[str, VersionedFunction]:
        """The functions, by the state that each is behind."""
        return {
            "queued": self.queued,
            "in_progress": self.in_progress,
            "requires_action": self.requires_action,
            "record_failure": self.record_failure,
        }

    def _step(self, name: str, description: str, **others: Any) -> VersionedFunction:
        code = code_of(LAMBDAS / "steps", module=name)
        return self._foundation.function(self, name, description, code=code, **others)
