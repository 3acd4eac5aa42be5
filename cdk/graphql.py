"""Makes the GraphQL function, which serves SilvaEngine's callers and other GraphQL clients, beside the API's."""

from collections.abc import Mapping

from aws_cdk.aws_lambda import Alias
from constructs import Construct

from cdk.fine_tuning import FineTuning
from cdk.foundation import Foundation
from cdk.outputs import output
from cdk.secrets import EmptySecret
from cdk.sources import LAMBDAS, code_of
from cdk.speech import Speech
from cdk.state_machine import RunStateMachine
from cdk.steps import READ_AND_WRITE
from cdk.tools import Tools


class Graphql(Construct):
    """The function `<prefix>-graphql`. It imports nothing of the API's code, and the API's nothing of it.

    Args:
        environment: the variables that the API's functions have, too.
        keys: the API's keys, which are this function's.

    Attributes:
        function: answers requests of the API's gateway, and events of SilvaEngine's functions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        *,
        environment: Mapping[str, str],
        keys: EmptySecret,
        runs: RunStateMachine,
        tools: Tools,
        fine_tuning: FineTuning,
        speech: Speech,
    ) -> None:
        super().__init__(scope, id)
        tables, storage = foundation.tables, foundation.storage
        self.function = foundation.function(
            self,
            "graphql",
            "The Assistants API as GraphQL, as SilvaEngine's engine had it.",
            code=code_of(LAMBDAS / "graphql"),
            handler="entry.handler",
            layers=["openai", "graphql"],
            environment=environment,
            timeout=29,
        )
        tables.grant(self.function, [*READ_AND_WRITE, "BatchGetItem", "DeleteItem", "BatchWriteItem"], *tables.all)
        tables.grant_query(self.function, tables.assistants, "by_project")
        tables.grant_query(self.function, tables.messages, "by_project", "open_runs", "ended_runs")
        storage.grant(self.function, ["GetObject", "PutObject", "DeleteObject"], "text/", "files/")
        storage.grant(self.function, ["PutObjectTagging"], "files/")
        storage.grant(self.function, ["GetObject"], "outputs/")
        storage.grant(self.function, ["GetObject", "DeleteObject"], "speech/")
        speech.grant_invoke(self.function)
        runs.grant_start(self.function)
        fine_tuning.grant_request(self.function)
        fine_tuning.grant_mark(self.function)
        keys.grant_read_value(self.function)
        if tools.file_search:
            tools.file_search.grant_attach(self.function)
        # An installation of SilvaEngine keeps this ARN, and knows nothing of deployments: the alias moves with each.
        live = Alias(self, "Live", alias_name="live", version=self.function.function.current_version)
        output(self, "GraphqlFunctionArn", live.function_arn)
