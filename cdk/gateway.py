"""Makes the REST API in front of the functions: its resources, its two names, its limits."""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk.aws_apigateway import (
    AccessLogFormat,
    AuthorizationType,
    EndpointType,
    LambdaIntegration,
    LogGroupLogDestination,
    ResponseTransferMode,
    RestApi,
    StageOptions,
)
from aws_cdk.aws_apigateway import Stage as ApiStage
from aws_cdk.aws_lambda import CfnPermission
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_wafv2 import CfnWebACLAssociation
from constructs import Construct

from cdk import gateway_responses
from cdk.configuration import Configuration
from cdk.domain import Domain
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.sources import LAMBDAS

DESCRIPTION = LAMBDAS / "api" / "openapi.json"

GRAPHQL = "/graphql"

NAMES = ("v1", "openai")
"""The API's stages: OpenAI's clients have the one in their `base_url`, Azure's add the other to their endpoint."""

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


class Gateway(Construct):
    """One regional REST API with two stages, and as options a domain, a web ACL, access logs and AWS's signatures.

    Without `auth=iam` nothing is checked here: the function checks the keys.

    Args:
        buffered: answers all requests but those that `streaming` answers.
        streaming: answers what may be streamed.
        holding: shows a run, and may hold the request until the run has ended.
        graphql: answers GraphQL, at `/graphql` and where SilvaEngine's clients ask.
        console: serves the console's page; None for an API without one.

    Attributes:
        api: the API itself.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        buffered: VersionedFunction,
        streaming: VersionedFunction,
        holding: VersionedFunction,
        graphql: VersionedFunction,
        console: VersionedFunction | None,
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        self.api = RestApi(
            self,
            "Rest",
            rest_api_name=f"{configuration.prefix}-api",
            description="The Assistants API.",
            endpoint_types=[EndpointType.REGIONAL],
            # The function gets the bytes of these bodies alone; JSON stays text.
            binary_media_types=["multipart/form-data"],
            # The role that writes access logs is the account's: it is neither made nor replaced here.
            cloud_watch_role=False,
            deploy_options=StageOptions(stage_name=NAMES[0], **self._stage_options),
        )
        self.api.node.try_remove_child("Endpoint")  # An output under a name of CDK's own.
        gateway_responses.add_to(self.api, configuration)
        self._add_methods(buffered, streaming, holding, graphql)
        if console:
            self._add_console(console)
        deployment = self.api.latest_deployment
        assert deployment
        # A new alias is called once it lets itself be called: otherwise each deployment has seconds of errors.
        for permission in self.api.node.find_all():
            if isinstance(permission, CfnPermission):
                deployment.node.add_dependency(permission)
        azure = ApiStage(self, "Azure", deployment=deployment, stage_name=NAMES[1], **self._stage_options)
        # API Gateway takes one change of an API after the other.
        azure.node.add_dependency(self.api.deployment_stage)
        stages = dict(zip(NAMES, (self.api.deployment_stage, azure), strict=True))
        if configuration.domain:
            Domain(self, "Domain", configuration, stages)
        for name, stage in stages.items() if configuration.waf else ():
            CfnWebACLAssociation(self, f"Waf-{name}", resource_arn=stage.stage_arn, web_acl_arn=configuration.waf)
        self._acknowledge()

    @property
    def endpoint(self) -> str:
        """The address below which the API's names are."""
        if self._configuration.domain:
            return f"https://{self._configuration.domain}"
        stack = Stack.of(self)
        return f"https://{self.api.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    @cached_property
    def _stage_options(self) -> dict[str, Any]:
        rate = self._configuration.api_rate
        options: dict[str, Any] = {
            "throttling_rate_limit": rate,
            "throttling_burst_limit": 2 * rate,
            "tracing_enabled": True,
        }
        if self._configuration.access_logs == "on":
            log = LogGroup(
                self,
                "AccessLog",
                log_group_name=f"/aws/vendedlogs/apis/{self._configuration.prefix}-api",
                retention=self._configuration.log_retention,
                removal_policy=self._configuration.removal_policy,
            )
            options["access_log_destination"] = LogGroupLogDestination(log)
            options["access_log_format"] = AccessLogFormat.custom(json.dumps(ACCESS_LOG))
        return options

    def _add_methods(
        self,
        buffered: VersionedFunction,
        streaming: VersionedFunction,
        holding: VersionedFunction,
        graphql: VersionedFunction,
    ) -> None:
        """Add a method for each operation that may stream or be held, and ANY everywhere, so that every path has its
        answer.

        A path is led to the most specific resource that it fits. So each resource on the way to one of those answers
        whatever else is asked of it, and of what is below it.
        """
        # API Gateway gives up after 29 s, and on a stream after 15 minutes.
        whole, held, queries = (
            LambdaIntegration(function.alias, scope_permission_to_method=False, timeout=Duration.seconds(29))
            for function in (buffered, holding, graphql)
        )
        stream = _streaming(streaming)
        iam = self._configuration.auth == "iam"
        checked = AuthorizationType.IAM if iam else AuthorizationType.NONE
        own = {**dict.fromkeys(streamed_operations(), stream), held_operation(): held}
        # The area is a fixed word: API Gateway refuses a variable child `{area}` beside the root's `{proxy+}`.
        asked = (GRAPHQL, f"/{self._configuration.area}/{{endpoint_id}}/{{proxy+}}")
        paths = {"/"} | {prefix for path in (*(path for _, path in own), *asked) for prefix in _prefixes(path)}
        for (method, path), integration in own.items():
            self.api.root.resource_for_path(path).add_method(method, integration, authorization_type=checked)
        for path in sorted(paths):
            resource = self.api.root.resource_for_path(path)
            # AWS takes one child with a variable name: where there is one, it leads to what is below.
            leads_on = path.endswith("{proxy+}") or any(other.startswith(f"{path.rstrip('/')}/{{") for other in paths)
            for each in [resource] if leads_on else [resource, resource.add_resource("{proxy+}")]:
                answering = queries if path in asked and each is resource else whole
                each.add_method("ANY", answering, authorization_type=checked)
                if iam:  # A browser can't sign the question that it asks first.
                    each.add_method("OPTIONS", answering, authorization_type=AuthorizationType.NONE)

    def _add_console(self, console: VersionedFunction) -> None:
        """Add the page: anyone may load it, and its files hold nothing but itself."""
        page = self.api.root.add_resource("console")
        for each in (page, page.add_resource("{proxy+}")):
            each.add_method("ANY", _streaming(console), authorization_type=AuthorizationType.NONE)

    def _acknowledge(self) -> None:
        checked = "The function checks the key and answers 401 as the API does; `-c auth=iam` has AWS check signatures."
        acknowledge(self.api, "AwsSolutions-APIG4", checked)
        acknowledge(self.api, "AwsSolutions-COG4", checked)
        acknowledge(self.api, "AwsSolutions-APIG2", "The function checks each request by the schema of its route.")
        acknowledge(self, "AwsSolutions-APIG6", "Execution logs would hold bodies and keys, which no log may.")
        if self._configuration.access_logs == "off":
            role = "Access logs need a role that an account has once, and not all have: `-c access_logs=on`."
            acknowledge(self, "AwsSolutions-APIG1", role)
            acknowledge(self, "Serverless-APIGWAccessLogging", role)
        if not self._configuration.waf:
            acknowledge(self, "AwsSolutions-APIG3", "A web ACL costs money and knows no keys: `-c waf=<ARN>`.")


def _streaming(function: VersionedFunction) -> LambdaIntegration:
    """Return the way to a function whose answers are handed on as they are made, byte by byte."""
    return LambdaIntegration(
        function.alias,
        scope_permission_to_method=False,
        timeout=Duration.seconds(function.timeout),
        response_transfer_mode=ResponseTransferMode.STREAM,
    )


def streamed_operations() -> Iterator[tuple[str, str]]:
    """Return method and path of each operation that answers with something else than JSON: with events, or bytes.

    The API's description is made from its routes (`make docs`), so there is no second list of them.
    """
    for method, path, operation in _operations():
        if operation["responses"]["200"]["content"].keys() != {"application/json"}:
            yield method, path


def held_operation() -> tuple[str, str]:
    """Return method and path of the operation that shows a run: its clients ask again and again until the run ends."""
    return next((method, path) for method, path, operation in _operations() if operation["operationId"] == "getRun")


def _operations() -> Iterator[tuple[str, str, Any]]:
    for path, operations in json.loads(DESCRIPTION.read_text())["paths"].items():
        for method, operation in operations.items():
            yield method.upper(), path, operation


def _prefixes(path: str) -> Iterator[str]:
    """Return a path and those of what it is in."""
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(2, len(parts) + 1))
