"""Checks from outside what a REST API answers for its functions and by itself."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from local import emulator
from tests.support.functions import deploy, function
from tests.support.rest_api import address, api_id, ask, integration, permission, rest_api, shaped

Client = Callable[..., Any]

CODE = """
import json, time
def handler(event, context):
    if event["path"] == "/fails": raise ValueError("no")
    if event["path"] == "/odd": return "text"
    if event["path"] == "/quick": time.sleep(3)
    del event["requestContext"]["identity"]["userAgent"]
    event["body"] = event["body"] and len(event["body"])
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""
KINDS = ("MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "THROTTLED", "DEFAULT_5XX", "INTEGRATION_TIMEOUT")


@pytest.fixture(scope="module")
def api(client: Client) -> Client:
    """An API whose every path is answered by a function."""
    whole = {"Integration": integration("Function")}
    resources = {
        "Function": function(CODE),
        "Stranger": function(CODE),
        "Permission": permission("Function"),
        **rest_api(
            {
                "ANY /{proxy+}": whole,
                "POST /only": whole,
                "GET /quick": {"Integration": integration("Function", TimeoutInMillis=1_000)},
                "GET /stranger": {"Integration": integration("Stranger")},
                "GET /signed": {**whole, "AuthorizationType": "AWS_IAM"},
            },
            {
                kind: {
                    "ResponseTemplates": shaped(kind),
                    "ResponseParameters": {"gatewayresponse.header.x-request-id": "context.requestId"},
                    **({"StatusCode": "404"} if kind == KINDS[0] else {}),
                }
                for kind in KINDS
            },
        ),
    }
    deploy(client, resources)
    return client


def kind_of(api: Client, path: str, *args: Any, **headers: Any) -> tuple[int, str]:
    """The status and the type of a gateway response."""
    status, answered, body = ask(api, path, *args, **headers)
    assert answered["content-type"] == "application/json" and answered["x-request-id"]
    return status, json.loads(body)["error"]["message"]


def test_a_function_gets_the_event_of_a_rest_api(api: Client) -> None:
    status, _, body = ask(api, "/a%2Fb/%C3%BC?x=1&x=2&y=%C3%BC", "POST", b"{}", Content_Type="application/json")
    event = json.loads(body)
    assert (status, event["httpMethod"], event["path"]) == (200, "POST", "/a%2Fb/%C3%BC")
    assert event["requestContext"]["path"] == "/v1/a%2Fb/%C3%BC"
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["ü"]}
    assert (event["body"], event["isBase64Encoded"]) == (2, False)


def test_the_body_of_a_form_alone_is_base64(api: Client) -> None:
    for kind, encoded in (("multipart/form-data; boundary=x", True), ("application/octet-stream", False)):
        event = json.loads(ask(api, "/x", "POST", b"\0\1\2\3\4\5", Content_Type=kind)[2])
        assert (event["isBase64Encoded"], event["body"]) == (encoded, 8 if encoded else 6)


def test_a_stage_serves_what_was_deployed(api: Client) -> None:
    gateway, own = api("apigateway"), api_id(api)
    (only,) = [each["id"] for each in gateway.get_resources(restApiId=own)["items"] if each["path"] == "/only"]
    gateway.put_method(restApiId=own, resourceId=only, httpMethod="PUT", authorizationType="AWS_IAM")
    before = ask(api, "/only", "PUT")[0]
    deployment = gateway.create_deployment(restApiId=own)["id"]
    assert (before, ask(api, "/only", "PUT")[0]) == (200, 200), "the new method is not deployed yet"
    old = gateway.get_stage(restApiId=own, stageName="v1")["deploymentId"]
    with pytest.raises(ClientError, match="Active stages"):
        gateway.delete_deployment(restApiId=own, deploymentId=old)
    replace = {"op": "replace", "path": "/deploymentId", "value": deployment}
    gateway.update_stage(restApiId=own, stageName="v1", patchOperations=[replace])
    assert ask(api, "/only", "PUT")[0] == 500, "it has no integration"
    gateway.delete_method(restApiId=own, resourceId=only, httpMethod="PUT")
    gateway.update_stage(
        restApiId=own, stageName="v1", patchOperations=[{"op": "replace", "path": "/deploymentId", "value": old}]
    )


def test_what_the_api_answers_itself_is_a_gateway_response(api: Client) -> None:
    assert kind_of(api, "/signed", "GET") == (404, "MISSING_AUTHENTICATION_TOKEN")
    assert kind_of(api, "/fails") == (502, "DEFAULT_5XX")
    assert kind_of(api, "/odd") == (502, "DEFAULT_5XX")
    assert kind_of(api, "/stranger") == (500, "DEFAULT_5XX"), "the function lets nobody in"
    for path, method in (("/", "GET"), ("/x", "PURGE"), ("/x", "TRACE")):
        assert kind_of(api, path, method) == (404, "MISSING_AUTHENTICATION_TOKEN")
    text = {"Content_Type": "text/plain"}
    assert ask(api, "/x", "POST", b"x" * 5_000_000, **text)[0] == 200
    for body in (b"x" * 6_400_000, b"x" * 10_500_000, b'"' * 4_000_000):
        assert kind_of(api, "/x", "POST", body, **text) == (413, "REQUEST_TOO_LARGE")
    form = {"Content_Type": "multipart/form-data; boundary=x"}
    assert kind_of(api, "/x", "POST", b"x" * 4_800_000, **form) == (413, "REQUEST_TOO_LARGE")


def test_an_api_gives_up_at_the_integration_s_timeout(api: Client) -> None:
    start = time.monotonic()
    assert kind_of(api, "/quick") == (504, "INTEGRATION_TIMEOUT")
    assert 1 <= time.monotonic() - start < 2.9


def test_a_throttled_function_is_an_error_of_the_api(api: Client) -> None:
    name = api("cloudformation").describe_stack_resource(StackName="scratch", LogicalResourceId="Function")
    function_name = name["StackResourceDetail"]["PhysicalResourceId"]
    api("lambda").put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=0)
    assert kind_of(api, "/x") == (500, "DEFAULT_5XX")
    api("lambda").delete_function_concurrency(FunctionName=function_name)


def test_a_throttled_request_is_a_gateway_response(api: Client) -> None:
    gateway, own = api("apigateway"), api_id(api)
    limits = {"/*/*/throttling/rateLimit": "1", "/*/*/throttling/burstLimit": "1"}
    operations = [{"op": "replace", "path": path, "value": value} for path, value in limits.items()]
    gateway.update_stage(restApiId=own, stageName="v1", patchOperations=operations)
    assert {ask(api, "/x")[0] for _ in range(4)} == {200, 429}
    operations = [{"op": "replace", "path": path, "value": "10000"} for path in limits]
    gateway.update_stage(restApiId=own, stageName="v1", patchOperations=operations)


def test_a_signature_is_checked_where_the_method_asks_for_one(api: Client, as_role: Callable[..., Any]) -> None:
    resource = f"arn:aws:execute-api:*:*:{api_id(api)}/v1/GET/signed"
    allowed = as_role({"Action": "execute-api:Invoke", "Resource": resource})

    def signed(session: Any) -> int:
        request = AWSRequest("GET", address(api, "/signed"))
        SigV4Auth(session.get_credentials(), "execute-api", emulator.REGION).add_auth(request)
        return ask(api, "/signed", **{name.replace("-", "_"): value for name, value in request.headers.items()})[0]

    assert signed(allowed) == 200
    assert signed(as_role({"Action": "s3:GetObject", "Resource": "*"})) == 403


WHOLE = "2015-03-31/functions/{}/invocations"
STREAM = "2021-11-15/functions/{}/response-streaming-invocations"


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        (WHOLE, {"responseTransferMode": "STREAM"}),
        (STREAM, {}),
        (WHOLE, {"timeoutInMillis": 30_000}),
        (STREAM, {"responseTransferMode": "STREAM", "timeoutInMillis": 900_001}),
    ],
)
def test_an_integration_is_refused_as_aws_does(api: Client, uri: str, more: dict[str, Any]) -> None:
    gateway, own = api("apigateway"), api_id(api)
    (only,) = [each["id"] for each in gateway.get_resources(restApiId=own)["items"] if each["path"] == "/only"]
    arn = f"arn:aws:lambda:{emulator.REGION}:{emulator.ACCOUNT}:function:f"
    named = {"restApiId": own, "resourceId": only, "httpMethod": "POST"}
    path = f"arn:aws:apigateway:{emulator.REGION}:lambda:path/{uri.format(arn)}"
    with pytest.raises(ClientError, match="BadRequest"):
        gateway.put_integration(**named, type="AWS_PROXY", integrationHttpMethod="POST", uri=path, **more)
