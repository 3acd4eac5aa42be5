"""Makes a REST API in front of functions, for the tests of what serves it."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from local.paths import ROOT

Json = Any
Client = Callable[..., Any]

WRAPPER = "/opt/streaming_wrapper"


def integration(function: str, **more: Json) -> Json:
    """Return the proxy integration of a function, named by its logical id; `STREAM` in `ResponseTransferMode`."""
    of_stream = more.get("ResponseTransferMode") == "STREAM"
    version, how = ("2021-11-15", "response-streaming-invocations") if of_stream else ("2015-03-31", "invocations")
    path = f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/{version}/functions/${{{function}.Arn}}/{how}"
    return {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": path}, **more}


def rest_api(methods: Mapping[str, Json], responses: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """Return the resources of an API `Api` with a stage `v1`.

    Args:
        methods: the properties of methods by `GET /path` of one part.
        responses: the properties of gateway responses, by their types.
    """
    ref = {"Ref": "Api"}
    resources: dict[str, Json] = {
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "api", "BinaryMediaTypes": ["multipart/form-data"]},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": ref, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
        },
    }
    made = []
    for number, (route, properties) in enumerate(methods.items()):
        method, _, part = route.partition(" /")
        parent: Json = {"Fn::GetAtt": ["Api", "RootResourceId"]}
        if part:
            name = f"Path{part.strip('{}+').title()}"
            resource = {"RestApiId": ref, "ParentId": parent, "PathPart": part}
            resources[name] = {"Type": "AWS::ApiGateway::Resource", "Properties": resource}
            parent = {"Ref": name}
        made.append(f"Method{number}")
        resources[made[-1]] = {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": ref,
                "ResourceId": parent,
                "HttpMethod": method,
                "AuthorizationType": "NONE",
                **properties,
            },
        }
    for kind, properties in (responses or {}).items():
        made.append(f"Response{kind.title().replace('_', '')}")
        resources[made[-1]] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {"RestApiId": ref, "ResponseType": kind, **properties},
        }
    resources["Deployment"] = {
        "Type": "AWS::ApiGateway::Deployment",
        "Properties": {"RestApiId": ref},
        "DependsOn": made,
    }
    return resources


def permission(function: str) -> Json:
    """Return a permission of the API `Api` to invoke a function."""
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*"}
    properties = {
        "FunctionName": {"Ref": function},
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": source,
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


def streaming_layer(client: Client) -> str:
    """Publish the layer of the streaming runtime and return its ARN."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in (ROOT / "layers" / "streaming").iterdir():
            if path.is_file():
                archive.writestr(path.name, path.read_bytes())
    published = client("lambda").publish_layer_version(LayerName="streaming", Content={"ZipFile": file.getvalue()})
    return str(published["LayerVersionArn"])


def ask(
    client: Client, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask the API `api` below its stage `v1`; return status, headers by their names in lower case, and body."""
    request = Request(address(client, path), body, {key.replace("_", "-"): value for key, value in headers.items()})  # noqa: S310
    request.method = method
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except HTTPError as refused:
        return refused.code, {name.lower(): value for name, value in refused.headers.items()}, refused.read()


def address(client: Client, path: str, stage: str = "v1") -> str:
    """Return the address of a path of the API `api`."""
    gateway = client("apigateway")
    return f"{gateway.meta.endpoint_url}/_aws/execute-api/{api_id(client)}/{stage}{path}"


def api_id(client: Client) -> str:
    """Return the id of the API `api`."""
    (found,) = [api["id"] for api in client("apigateway").get_rest_apis()["items"] if api["name"] == "api"]
    return str(found)


def shaped(message: str) -> Json:
    """Return the template of an error in a shape of one's own."""
    return {"application/json": json.dumps({"error": {"message": message}})}
