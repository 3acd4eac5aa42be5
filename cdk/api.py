"""Makes the HTTP API: one function behind three routes."""

import json

from aws_cdk import Duration
from aws_cdk.aws_apigatewayv2 import CfnIntegration, CfnStage, HttpApi, HttpMethod
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_lambda import CfnPermission
from aws_cdk.aws_logs import LogGroup
from constructs import Construct

from cdk.alarms import Alarm
from cdk.configuration import Configuration
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.model import Model
from cdk.nag import acknowledge
from cdk.outputs import output
from cdk.secrets import EmptySecret
from cdk.sources import LAMBDAS, code_of
from cdk.state_machine import RunStateMachine
from cdk.steps import READ_AND_WRITE
from cdk.tools import Tools

ROUTES = ("/v1/{proxy+}", "/openapi.json", "/docs")

ACCESS_LOG = {
    name: f"$context.{name}"
    for name in (
        "requestId",
        "requestTime",
        "httpMethod",
        "path",
        "status",
        "responseLength",
        "responseLatency",
        "integrationErrorMessage",
    )
}
"""What is logged of a request: neither its body nor its headers, which hold the key."""


class Api(Construct):
    """The HTTP API and the function `<prefix>-api`.

    There is no authorizer: its denial would not have the shape of the API's errors, so the function checks keys itself.

    Attributes:
        http: the API itself.
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
    ) -> None:
        super().__init__(scope, id)
        configuration, tables, storage = foundation.configuration, foundation.tables, foundation.storage
        keys = EmptySecret(
            self,
            "Keys",
            "api-keys",
            output_name="ApiKeysSecret",
            description="The API's keys, hashed, as JSON.",
            configuration=configuration,
        )
        self.function = VersionedFunction(
            self,
            "api",
            configuration=configuration,
            description="The Assistants API.",
            code=code_of(LAMBDAS / "api"),
            handler="api.handler",
            layers=foundation.layers.get("engine", "powertools", "openai"),
            environment={
                **foundation.records,
                **model.settings,
                **model.aliases,
                **model.hosted,
                "RUN_EXPIRES_AFTER": str(configuration.run_expires_after),
                "STATE_MACHINE_ARN": runs.machine.state_machine_arn,
                "API_KEYS_SECRET_ARN": keys.secret_arn,
                "CORS_ORIGINS": configuration.cors_origins,
            },
            # API Gateway gives up after 30 s.
            timeout=29,
        )
        tables.grant(self.function, [*READ_AND_WRITE, "DeleteItem", "BatchGetItem", "BatchWriteItem"], *tables.all)
        tables.grant_query(self.function, tables.assistants, "by_project")
        tables.grant_query(self.function, tables.messages, "by_project", "by_user")
        storage.grant(self.function, ["GetObject", "PutObject", "DeleteObject"], "text/", "files/", "uploads/")
        storage.grant(self.function, ["PutObjectTagging", "ListMultipartUploadParts", "AbortMultipartUpload"], "files/")
        storage.grant(self.function, ["GetObject"], "outputs/")
        runs.grant_start(self.function)
        keys.grant_read_value(self.function)
        if tools.file_search:
            tools.file_search.grant_search(self.function)
        self.http = self._http_api(configuration)
        # Clients set this as `base_url`.
        output(self, "ApiUrl", f"{self.http.api_endpoint}/v1")

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms on the HTTP API itself."""
        errors = self.http.metric_server_error(period=Duration.minutes(5), statistic="Sum")
        return [Alarm("http-api-5xx", errors, 5, "The HTTP API answers with errors of its own.")]

    def _http_api(self, configuration: Configuration) -> HttpApi:
        api = HttpApi(
            self,
            "Http",
            api_name=f"{configuration.prefix}-api",
            description="The Assistants API.",
            create_default_stage=False,
        )
        integration = HttpLambdaIntegration("Function", self.function.alias, scope_permission_to_route=False)
        for path in ROUTES:
            for route in api.add_routes(path=path, methods=[HttpMethod.ANY], integration=integration):
                acknowledge(route, "AwsSolutions-APIG4", "The function checks the key and answers 401 as the API does.")
        # A new alias is called once it lets itself be called: otherwise each deployment has seconds of 500s.
        made = api.node.find_all()
        (called,) = [each for each in made if isinstance(each, CfnIntegration)]
        (permission,) = [each for each in made if isinstance(each, CfnPermission)]
        called.node.add_dependency(permission)
        access_log = LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{configuration.prefix}-api",
            retention=configuration.log_retention,
            removal_policy=configuration.removal_policy,
        )
        CfnStage(
            self,
            "Stage",
            api_id=api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=CfnStage.RouteSettingsProperty(
                throttling_rate_limit=configuration.api_rate, throttling_burst_limit=2 * configuration.api_rate
            ),
            access_log_settings=CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
        )
        return api
