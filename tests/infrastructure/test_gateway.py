"""Checks the REST API of the template: which function answers what, and what the API answers by itself."""

import json
from pathlib import Path

import pytest

import runs
from cdk.configuration import API_PATHS, UnknownEnvironment
from cdk.gateway import DESCRIPTION, streamed_operations
from tests.support.templates import CERTIFICATE, WEB_ACL, Json, Template, actions, synthesise

CONSOLE_PATHS = {"/console", "/console/{proxy+}"}
GRAPHQL_PATHS = {"/graphql", "/core/{endpoint_id}/{proxy+}"}


def paths(template: Template) -> dict[str, str]:
    """The paths of the API's resources by their logical ids."""
    resources = template.resources("AWS::ApiGateway::Resource")

    def path(name: str) -> str:
        properties = resources[name]["Properties"]
        parent = properties["ParentId"].get("Ref")
        return f"{path(parent) if parent else ''}/{properties['PathPart']}"

    return {name: path(name) for name in resources}


def methods(template: Template) -> dict[tuple[str, str], Json]:
    """The API's methods by method and path."""
    known = paths(template)
    return {
        (each["HttpMethod"], known.get(each["ResourceId"].get("Ref", ""), "/")): each
        for each in template.properties("AWS::ApiGateway::Method")
    }


def function_of(template: Template, method: Json) -> str:
    """The name of the function whose alias a method calls."""
    uri = json.dumps(method["Integration"]["Uri"])
    aliases = template.resources("AWS::Lambda::Alias")
    (alias,) = [body for name, body in aliases.items() if f'"{name}"' in uri]
    function = alias["Properties"]["FunctionName"]["Ref"]
    return str(template.body["Resources"][function]["Properties"]["FunctionName"])


def test_what_may_stream_is_streamed_by_a_function_of_its_own(prod: Template) -> None:
    streamed = {
        route: body
        for route, body in methods(prod).items()
        if body["Integration"].get("ResponseTransferMode") and route[1] not in CONSOLE_PATHS
    }
    assert set(streamed) == set(streamed_operations())
    assert {("POST", "/threads/runs"), ("POST", "/threads/{thread_id}/runs")} <= set(streamed)
    assert {("GET", "/files/{file_id}/content")} <= set(streamed)
    for body in streamed.values():
        assert body["Integration"]["ResponseTransferMode"] == "STREAM"
        assert body["Integration"]["TimeoutInMillis"] == 900_000
        assert "/2021-11-15/functions/" in json.dumps(body["Integration"]["Uri"])
        assert "/response-streaming-invocations" in json.dumps(body["Integration"]["Uri"])
        assert function_of(prod, body) == "oae-stream"
    stream = prod.functions()["oae-stream"]
    assert (stream["Timeout"], stream["MemorySize"]) == (900, 384)
    assert stream["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/streaming_wrapper"
    assert "ReservedConcurrentExecutions" not in stream


def test_a_run_is_shown_by_the_function_that_holds_polls(prod: Template) -> None:
    held = methods(prod)["GET", "/threads/{thread_id}/runs/{run_id}"]
    assert function_of(prod, held) == "oae-poll"
    assert held["Integration"]["TimeoutInMillis"] == 29_000
    functions = prod.functions()
    assert functions["oae-poll"]["Code"] == functions["oae-api"]["Code"]
    # API Gateway's answer is the function's, never its own: the function gives up first.
    assert runs.HOLD_SECONDS + 2 < functions["oae-poll"]["Timeout"] <= 29


def test_every_path_and_method_is_answered(prod: Template) -> None:
    """Where a resource is the most specific one of a path, it has an answer to every method, and for what is below."""
    answered, known = methods(prod), {"/", *paths(prod).values()} - CONSOLE_PATHS
    assert known >= GRAPHQL_PATHS
    for path in known:
        whole = answered["ANY", path]
        assert function_of(prod, whole) == ("oae-graphql" if path in GRAPHQL_PATHS else "oae-api")
        assert "ResponseTransferMode" not in whole["Integration"]
        below = [other for other in known if other.rpartition("/")[0] == path.rstrip("/") and other != "/"]
        variable = [other for other in below if "{" in other.rpartition("/")[2]]
        assert len(variable) == (0 if path.endswith("{proxy+}") else 1), "AWS takes one child with a variable name"


def test_the_console_is_for_anyone_and_its_function_may_do_nothing(prod: Template, options: Template) -> None:
    answered = methods(prod)
    for path in CONSOLE_PATHS:
        [page] = [body for (_, each), body in answered.items() if each == path]
        assert function_of(prod, page) == "oae-console"
        assert page["AuthorizationType"] == "NONE"
        assert page["Integration"]["ResponseTransferMode"] == "STREAM"
    assert actions(prod, "oae-console") == {"logs": {"CreateLogStream", "PutLogEvents"}}
    assert "oae-console" not in options.functions(), "with AWS's signatures, a page in a browser can ask nothing"


def test_the_two_functions_run_the_same_code(prod: Template) -> None:
    functions = prod.functions()
    assert functions["oae-stream"]["Code"] == functions["oae-api"]["Code"]
    assert functions["oae-stream"]["Handler"] == functions["oae-api"]["Handler"]


def test_the_api_is_regional_has_two_names_and_takes_the_bytes_of_forms_alone(prod: Template) -> None:
    (api,) = prod.properties("AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert api["BinaryMediaTypes"] == ["multipart/form-data"]
    stages = prod.properties("AWS::ApiGateway::Stage")
    assert sorted(stage["StageName"] for stage in stages) == ["openai", "v1"]
    assert len({json.dumps(stage["DeploymentId"]) for stage in stages}) == 1
    for stage in stages:
        (settings,) = stage["MethodSettings"]
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (500, 1000)
        assert settings["DataTraceEnabled"] is False


def test_the_account_s_role_for_logs_is_left_alone(prod: Template, options: Template) -> None:
    for template in (prod, options):
        assert not template.resources("AWS::ApiGateway::Account")
    assert not any("AccessLogSetting" in stage for stage in prod.properties("AWS::ApiGateway::Stage"))


def test_an_access_log_holds_no_headers_and_no_bodies(options: Template) -> None:
    for stage in options.properties("AWS::ApiGateway::Stage"):
        logged = json.loads(stage["AccessLogSetting"]["Format"])
        assert "status" in logged
        assert not [name for name in logged if "header" in name.lower() or "body" in name.lower()]


def test_a_deployment_waits_for_all_that_it_serves(prod: Template) -> None:
    """A new alias is called once it lets itself be called."""
    (deployment,) = prod.resources("AWS::ApiGateway::Deployment").values()
    permissions = {
        name: body["Properties"]
        for name, body in prod.resources("AWS::Lambda::Permission").items()
        if body["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    kinds = ("Method", "Resource", "GatewayResponse")
    served = {name for kind in kinds for name in prod.resources(f"AWS::ApiGateway::{kind}")}
    assert set(deployment["DependsOn"]) == served | set(permissions)
    assert len(permissions) == 5
    for permission in permissions.values():
        assert json.dumps(permission["SourceArn"]).endswith('"/*/*/*"]]}')


def test_a_change_of_the_code_is_deployed(prod: Template, changed: Template) -> None:
    """A stage serves its deployment, so there must be a new one whenever a method calls another alias."""
    before, after = (set(each.resources("AWS::ApiGateway::Deployment")) for each in (prod, changed))
    assert before.isdisjoint(after)


def test_what_the_api_answers_itself_has_the_shape_of_its_errors(prod: Template) -> None:
    responses = {each["ResponseType"]: each for each in prod.properties("AWS::ApiGateway::GatewayResponse")}
    statuses = {kind: each.get("StatusCode") for kind, each in responses.items()}
    assert {"DEFAULT_4XX": None, "DEFAULT_5XX": None}.items() <= statuses.items()
    assert {"THROTTLED": "429", "REQUEST_TOO_LARGE": "413", "MISSING_AUTHENTICATION_TOKEN": "404"}.items() <= (
        statuses.items()
    )
    for each in responses.values():
        error = json.loads(each["ResponseTemplates"]["application/json"])["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert each["ResponseParameters"]["gatewayresponse.header.x-request-id"] == "context.requestId"
        assert "gatewayresponse.header.Access-Control-Allow-Origin" not in each["ResponseParameters"]
    assert responses["THROTTLED"]["ResponseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_pages_read_what_the_api_answers_where_they_may_use_it(options: Template) -> None:
    for each in options.properties("AWS::ApiGateway::GatewayResponse"):
        assert each["ResponseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"


def test_signatures_are_checked_where_they_are_asked_for(prod: Template, options: Template) -> None:
    assert {body["AuthorizationType"] for body in methods(prod).values()} == {"NONE"}
    unsigned = {method for (method, _), body in methods(options).items() if body["AuthorizationType"] != "AWS_IAM"}
    assert unsigned == {"OPTIONS"}, "a browser can't sign the question that it asks first"
    responses = {each["ResponseType"]: each for each in options.properties("AWS::ApiGateway::GatewayResponse")}
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"] == "401"
    for name in ("oae-api", "oae-stream"):
        assert options.functions()[name]["Environment"]["Variables"]["API_AUTH"] == "iam"


def test_how_many_requests_a_second_are_taken_is_a_setting(options: Template) -> None:
    for stage in options.properties("AWS::ApiGateway::Stage"):
        (settings,) = stage["MethodSettings"]
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (70, 140)


def test_how_many_streams_may_be_open_is_a_setting(prod: Template, options: Template) -> None:
    said = [each.functions()["oae-stream"]["Environment"]["Variables"]["MAX_OPEN_STREAMS"] for each in (prod, options)]
    assert said == ["100", "7"]


def test_a_domain_of_one_s_own_has_both_names(options: Template) -> None:
    (domain,) = options.properties("AWS::ApiGateway::DomainName")
    assert (domain["DomainName"], domain["RegionalCertificateArn"]) == ("api.example.com", CERTIFICATE)
    assert domain["SecurityPolicy"] == "TLS_1_2"
    mapped = options.properties("AWS::ApiGateway::BasePathMapping")
    stages = {
        name: body["Properties"]["StageName"] for name, body in options.resources("AWS::ApiGateway::Stage").items()
    }
    assert {each["BasePath"]: stages[each["Stage"]["Ref"]] for each in mapped} == {"v1": "v1", "openai": "openai"}
    (record,) = options.properties("AWS::Route53::RecordSet")
    assert (record["HostedZoneId"], record["Name"], record["Type"]) == ("Z123", "api.example.com", "A")
    assert options.body["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com/v1"
    assert options.body["Outputs"]["AzureEndpoint"]["Value"] == "https://api.example.com"


def test_a_web_acl_looks_at_both_stages(prod: Template, options: Template) -> None:
    associations = options.properties("AWS::WAFv2::WebACLAssociation")
    assert [each["WebACLArn"] for each in associations] == [WEB_ACL, WEB_ACL]
    assert len({json.dumps(each["ResourceArn"]) for each in associations}) == 2
    assert not prod.properties("AWS::WAFv2::WebACLAssociation")


def test_a_domain_needs_a_certificate(tmp_path: Path, layers: Path) -> None:
    with pytest.raises(UnknownEnvironment, match="certificate"):
        synthesise(tmp_path, layers, env="dev", domain="api.example.com")


def test_silvaengine_s_addresses_begin_with_the_area(configured: Template, tmp_path: Path, layers: Path) -> None:
    assert "/mine/{endpoint_id}/{proxy+}" in paths(configured).values()
    assert "/v1/mine/openai/openai_assistant_graphql" in json.dumps(configured.body["Outputs"]["SilvaengineUrl"])
    for area in ("threads", "{area}", "Two words", ""):
        with pytest.raises(UnknownEnvironment, match="area"):
            synthesise(tmp_path / "none", layers, env="dev", area=area)


def test_no_area_is_a_path_of_the_api() -> None:
    described = json.loads(DESCRIPTION.read_text())["paths"]
    assert {path.split("/")[1].partition(".")[0] for path in described} <= set(API_PATHS)


def test_unknown_values_are_refused(tmp_path: Path, layers: Path) -> None:
    for name in ("auth", "access_logs", "api_rate", "max_open_streams"):
        with pytest.raises(UnknownEnvironment, match="is not"):
            synthesise(tmp_path, layers, env="dev", **{name: "perhaps"})
