"""Checks from outside what an HTTP API answers a browser that asks first."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from local import emulator

CODE = """
def handler(event, context):
    return {"statusCode": 204, "headers": {"x-method": event["requestContext"]["http"]["method"]}}
"""
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
PAGE = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def api(client: Callable[..., Any]) -> str:
    """An HTTP API with the route `ANY /{proxy+}` to a function; its id."""
    role = client("iam").create_role(RoleName="cors", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", CODE)
    function = client("lambda").create_function(
        FunctionName="cors",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": file.getvalue()},
    )["FunctionArn"]
    gateway = client("apigatewayv2")
    api_id: str = gateway.create_api(Name="cors", ProtocolType="HTTP")["ApiId"]
    client("lambda").add_permission(
        FunctionName="cors",
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{emulator.REGION}:{emulator.ACCOUNT}:{api_id}/*",
    )
    made = gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )
    target = f"integrations/{made['IntegrationId']}"
    gateway.create_route(ApiId=api_id, RouteKey="ANY /{proxy+}", Target=target)
    gateway.create_route(ApiId=api_id, RouteKey="GET /only", Target=target)
    gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    return api_id


def ask(client: Callable[..., Any], api: str, path: str) -> tuple[int, Any]:
    url = f"{client('apigatewayv2').meta.endpoint_url}/_aws/execute-api/{api}{path}"
    try:
        request = Request(url, method="OPTIONS", headers=PAGE)  # noqa: S310
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.headers
    except HTTPError as refused:
        return refused.code, refused.headers


def test_a_preflight_reaches_its_route_where_no_cors_is_configured(client: Callable[..., Any], api: str) -> None:
    status, headers = ask(client, api, "/v1/threads")
    assert (status, headers["x-method"]) == (204, "OPTIONS")
    assert "access-control-allow-origin" not in headers


def test_an_api_with_a_cors_configuration_answers_by_itself(client: Callable[..., Any], api: str) -> None:
    gateway = client("apigatewayv2")
    gateway.update_api(ApiId=api, CorsConfiguration={"AllowOrigins": ["https://app.example"], "AllowMethods": ["POST"]})
    status, headers = ask(client, api, "/v1/threads")
    gateway.delete_cors_configuration(ApiId=api)
    assert status == 204
    assert headers["access-control-allow-origin"] == "https://app.example"
    assert "x-method" not in headers
