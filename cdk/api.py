"""Makes the API: `api`, `stream` and `poll`, which run the same code, the console, and the gateway in front."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk.aws_lambda import ILayerVersion, LayerVersion
from constructs import Construct

from cdk.alarms import Alarm
from cdk.console import Console
from cdk.fine_tuning import FineTuning
from cdk.foundation import Foundation
from cdk.functions import ARCHITECTURE, RUNTIME, VersionedFunction
from cdk.gateway import Gateway
from cdk.graphql import Graphql
from cdk.model import Model
from cdk.outputs import output
from cdk.secrets import EmptySecret
from cdk.sources import LAMBDAS, ROOT, code_of
from cdk.speech import REQUESTS, Speech
from cdk.state_machine import RunStateMachine
from cdk.steps import READ_AND_WRITE
from cdk.tools import Tools

ENDPOINT, FUNCTION = "openai", "openai_assistant_graphql"
"""The endpoint in the addresses of the first engine's clients. The function accepts any other."""


class Api(Construct):
    """The API. Its three functions differ in their runtime, their memory and how long they may take, not in their code.

    Attributes:
        gateway: the REST API.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        *,
        model: Model,
        runs: RunStateMachine,
        tools: Tools,
        fine_tuning: FineTuning,
        speech: Speech,
    ) -> None:
        super().__init__(scope, id)
        self._foundation = foundation
        configuration = foundation.configuration
        keys = EmptySecret(
            self,
            "Keys",
            "api-keys",
            output_name="ApiKeysSecret",
            description="The API's keys, hashed, as JSON.",
            configuration=configuration,
        )
        self._shows_runs = {
            "API_AUTH": configuration.auth,
            "API_KEYS_SECRET_ARN": keys.secret_arn,
            "CORS_ORIGINS": configuration.cors_origins,
        }
        self._environment = {
            **self._shows_runs,
            **model.settings,
            **model.aliases,
            **model.hosted,
            "RUN_EXPIRES_AFTER": str(configuration.run_expires_after),
            "STATE_MACHINE_ARN": runs.machine.state_machine_arn,
        }
        runtime = self._streaming_runtime()
        whole, streaming, holding = self._whole(), self._streaming(runtime), self._holding()
        for function in (whole, streaming):
            self._grant_runs(function)
            runs.grant_start(function)
            speech.grant_invoke(function)
        for function in (whole, streaming, holding):
            keys.grant_read_value(function)
        if tools.file_search:
            tools.file_search.grant_search(whole)
            tools.file_search.grant_attach(streaming)
        fine_tuning.grant_request(whole)
        graphql = Graphql(
            self,
            "Graphql",
            foundation,
            environment=self._environment,
            keys=keys,
            runs=runs,
            tools=tools,
            fine_tuning=fine_tuning,
            speech=speech,
        ).function
        # A browser can't sign requests, so with AWS's signatures the page would be of no use.
        page = (
            None if configuration.auth == "iam" else Console(self, "Console", configuration, runtime=runtime).function
        )
        self.gateway = Gateway(
            self,
            "Gateway",
            configuration,
            buffered=whole,
            streaming=streaming,
            holding=holding,
            graphql=graphql,
            console=page,
        )
        # OpenAI's clients set the one as `base_url`, Azure's the other as `azure_endpoint`.
        output(self, "ApiUrl", f"{self.gateway.endpoint}/v1")
        output(self, "AzureEndpoint", self.gateway.endpoint)
        output(self, "GraphqlUrl", f"{self.gateway.endpoint}/v1/graphql")
        output(self, "SilvaengineUrl", f"{self.gateway.endpoint}/v1/{configuration.area}/{ENDPOINT}/{FUNCTION}")

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms on the REST API itself."""
        errors = self.gateway.api.metric_server_error(period=Duration.minutes(5), statistic="Sum")
        return [Alarm("api-5xx", errors, 5, "The API answers with errors of its own.")]

    def _whole(self) -> VersionedFunction:
        """Make the function that answers in one piece."""
        tables, storage = self._foundation.tables, self._foundation.storage
        # API Gateway gives up after 29 s.
        function = self._function("api", "The Assistants API.", self._environment, timeout=29)
        tables.grant(function, ["DeleteItem", "BatchWriteItem"], *tables.all)
        tables.grant_query(function, tables.assistants, "by_project")
        tables.grant_query(function, tables.messages, "by_project", "by_user", "open_runs", "ended_runs")
        storage.grant(function, ["DeleteObject"], "text/", "files/", "uploads/", "speech/")
        storage.grant_list(function, "speech/")
        storage.grant(function, ["GetObject", "PutObject"], "files/", "uploads/")
        storage.grant(function, ["PutObjectTagging", "ListMultipartUploadParts", "AbortMultipartUpload"], "files/")
        return function

    def _streaming_runtime(self) -> LayerVersion:
        """Make the layer that lets a function answer piece by piece: AWS's runtime of Python can't."""
        return LayerVersion(
            self,
            "Streaming",
            layer_version_name=f"{self._foundation.configuration.prefix}-streaming",
            code=code_of(ROOT / "layers" / "streaming"),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )

    def _streaming(self, runtime: ILayerVersion) -> VersionedFunction:
        """Make the function that may answer piece by piece."""
        configuration = self._foundation.configuration
        function = self._function(
            "stream",
            "The Assistants API where an answer may come piece by piece.",
            {
                **self._environment,
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/streaming_wrapper",
                "MAX_OPEN_STREAMS": str(configuration.max_open_streams),
            },
            # Lambda and API Gateway end a stream then.
            timeout=900,
            memory=configuration.streaming_memory,
        )
        function.function.add_layers(runtime)
        tables, storage = self._foundation.tables, self._foundation.storage
        # Sound in a request becomes a file, which is removed again if the request fails.
        storage.grant(function, ["GetObject", "PutObject", "DeleteObject"], "files/")
        storage.grant(function, ["DeleteObject"], "text/files/")
        tables.grant_partitions(function, ["BatchWriteItem"], tables.assistants, "file-")
        tables.grant_partitions(function, ["DeleteItem"], tables.messages, "file-")
        # Pieces of speech are deleted once the whole is there.
        storage.grant(function, ["GetObject", "DeleteObject"], "speech/")
        storage.grant(function, ["PutObject"], REQUESTS)
        return function

    def _holding(self) -> VersionedFunction:
        """Make the function that shows a run, and holds the polls of its client until the run has ended."""
        function = self._function(
            "poll",
            "The Assistants API where it waits for a run.",
            self._shows_runs,
            timeout=29,
            memory=self._foundation.configuration.holding_memory,
        )
        self._foundation.tables.grant(function, ["GetItem", "Query"], self._foundation.tables.messages)
        self._foundation.storage.grant(function, ["GetObject"], "text/")
        return function

    def _function(
        self, name: str, description: str, environment: Mapping[str, str], **others: Any
    ) -> VersionedFunction:
        return self._foundation.function(
            self,
            name,
            description,
            code=code_of(LAMBDAS / "api"),
            handler="api.handler",
            layers=["powertools", "openai"],
            environment=environment,
            awaited=True,
            **others,
        )

    def _grant_runs(self, function: VersionedFunction) -> None:
        """Let a function create runs, show them and take the outputs of their tools."""
        tables, storage = self._foundation.tables, self._foundation.storage
        tables.grant(function, [*READ_AND_WRITE, "BatchGetItem"], *tables.all)
        storage.grant(function, ["GetObject", "PutObject"], "text/")
        storage.grant(function, ["GetObject"], "outputs/")
