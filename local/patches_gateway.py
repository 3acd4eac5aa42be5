"""Has the emulator's REST APIs answer as API Gateway's do.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import asyncio
import contextvars
import copy
import json
import re
from typing import Any

from ministack import app as ministack  # type: ignore[import-untyped]
from ministack.services import apigateway_v1 as gateway  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""Of `ANY`: "Set up methods for REST APIs in API Gateway"."""

MAX_REQUEST_BODY = 10_485_760
"""Of a REST API: "Amazon API Gateway quotas", payload size."""
MAX_PAYLOAD = 6_291_456
"""Of what Lambda is invoked with: "Lambda quotas"."""
MIN_MS, MAX_BUFFERED_MS, MAX_STREAMED_MS = 50, 29_000, 900_000
"""Of an integration, without an increase of the account's quota."""

_raw_path: contextvars.ContextVar[str] = contextvars.ContextVar("raw_path", default="")
_deployment: contextvars.ContextVar[str] = contextvars.ContextVar("deployment", default="")


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    serve_what_was_deployed()
    leave_the_path_as_it_was_sent()
    keep_how_an_answer_is_transferred()
    answer_through_gateway_responses()
    refuse_too_large_a_request()
    give_up_when_it_is_time()


def serve_what_was_deployed() -> None:
    """A changed method is served at once; on AWS a stage serves its deployment, until it gets another one.

    And `ANY` takes whatever a client calls a method.
    """
    create, delete = gateway._create_deployment, gateway._delete_deployment
    match, fall_back = gateway._match_resource_tree, gateway._match_greedy_fallback
    handle, authorization = gateway._handle_execute_in_scope, gateway.method_authorization_type

    def snapshot(api_id: str, deployment: str) -> str:
        return f"{api_id}/{deployment}"

    def create_with_snapshot(api_id: str, data: Json) -> Json:
        answer = create(api_id, data)
        if answer[0] == 201:
            deployment = json.loads(answer[2])["id"]
            deployed = copy.deepcopy(gateway._resources[api_id])
            for methods in (resource["resourceMethods"] for resource in deployed.values()):
                any_method = methods.pop("ANY", None)
                methods.update({name: any_method for name in METHODS if any_method and name not in methods})
            gateway._resources[snapshot(api_id, deployment)] = deployed
        return answer

    def delete_with_snapshot(api_id: str, deployment: str) -> Json:
        stages = [
            stage["stageName"]
            for stage in gateway._stages_v1.get(api_id, {}).values()
            if stage["deploymentId"] == deployment
        ]
        if stages:
            message = "Active stages pointing to this deployment must be moved or deleted"
            return gateway._v1_error("BadRequestException", message, 400)
        gateway._resources.pop(snapshot(api_id, deployment), None)
        return delete(api_id, deployment)

    def served(api_id: str) -> str:
        return snapshot(api_id, _deployment.get())

    async def handle_deployed(api_id: str, stage: str, *args: Json) -> Json:
        _deployment.set(gateway._stages_v1.get(api_id, {}).get(stage, {}).get("deploymentId", ""))
        return await handle(api_id, stage, *args)

    def authorization_deployed(api_id: str, stage: str, *args: Json) -> Json:
        _deployment.set(gateway.stages_for_api(api_id).get(stage, {}).get("deploymentId", ""))
        return authorization(api_id, stage, *args)

    gateway._create_deployment, gateway._delete_deployment = create_with_snapshot, delete_with_snapshot
    gateway._match_resource_tree = lambda api_id, segments: match(served(api_id), segments)
    gateway._match_greedy_fallback = lambda api_id, *more: fall_back(served(api_id), *more)
    gateway._handle_execute_in_scope = handle_deployed
    gateway.method_authorization_type = authorization_deployed


def leave_the_path_as_it_was_sent() -> None:
    """A function gets the path decoded, so that an encoded slash looks like one between two parts."""
    execute, build = ministack._handle_execute_api_request, gateway._build_lambda_event_v1

    async def execute_knowing(*args: Json, raw_path: str | None = None, **more: Json) -> Json:
        _raw_path.set(raw_path or "")
        return await execute(*args, raw_path=raw_path, **more)

    def build_event(
        api_id: str, stage_name: str, stage: Json, resource: Json, path: str, *args: Json, **more: Json
    ) -> Json:
        # Before the path are the stage, and where a name can't be resolved, the API's id.
        sent = re.sub(r"^(/_aws/execute-api/[^/]+)?/[^/]+", "", _raw_path.get(), count=1) or "/"
        event: Json = build(api_id, stage_name, stage, resource, sent, *args, **more)
        del event["version"]  # It is one of an HTTP API's.
        return event

    ministack._handle_execute_api_request = execute_knowing
    gateway._build_lambda_event_v1 = build_event


def keep_how_an_answer_is_transferred() -> None:
    """`ResponseTransferMode` is lost, and what AWS refuses of it is taken."""
    put, reference = gateway._put_integration, gateway._extract_lambda_ref_from_integration_uri
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Method"]
    create, update = handler["create"], handler["update"]
    of_template: contextvars.ContextVar[Json] = contextvars.ContextVar("of_template", default=None)

    def refused(mode: str, uri: str, milliseconds: int) -> str:
        longest = MAX_STREAMED_MS if mode == "STREAM" else MAX_BUFFERED_MS
        if mode not in ("BUFFERED", "STREAM"):
            return f"Invalid response transfer mode: {mode}"
        if uri.endswith("/response-streaming-invocations") != (mode == "STREAM"):
            return f"The integration's URI is not one of the response transfer mode {mode}"
        if not MIN_MS <= milliseconds <= longest:
            return f"Timeout should be between {MIN_MS} ms and {longest} ms"
        return ""

    def put_integration(api_id: str, resource_id: str, method: str, data: Json) -> Json:
        template = of_template.get()
        mode = (template or data).get("ResponseTransferMode" if template else "responseTransferMode") or "BUFFERED"
        if message := refused(mode, data.get("uri", ""), data.get("timeoutInMillis") or MAX_BUFFERED_MS):
            if template:
                raise ValueError(message)
            return gateway._v1_error("BadRequestException", message, 400)
        answer = put(api_id, resource_id, method, data)
        if answer[0] == 201:
            made = gateway._resources[api_id][resource_id]["resourceMethods"][method]["methodIntegration"]
            made["responseTransferMode"] = mode
        return answer

    def with_integration(make: Json, properties: Json, *args: Json) -> Json:
        token = of_template.set(properties.get("Integration"))
        try:
            return make(*args)
        finally:
            of_template.reset(token)

    gateway._put_integration = put_integration
    gateway._extract_lambda_ref_from_integration_uri = lambda uri: reference(
        uri.replace("/response-streaming-invocations", "/invocations")
    )
    handler.update(
        create=lambda *args: with_integration(create, args[1], *args),
        update=lambda *args: with_integration(update, args[2], *args),
    )


def answer_through_gateway_responses() -> None:
    """A function that fails or is throttled is answered with what Lambda said, not with a gateway response."""
    shape, render = gateway._lambda_proxy_response, gateway._gateway_error_response
    execute = gateway._execute_in_scope

    class Failed(Exception):
        """The integration gave no answer that can be passed on."""

        def __init__(self, status: int) -> None:
            self.status = status

    def shaped(result: Json) -> Json:
        # Of Lambda's throttling, API Gateway makes an internal error of its own.
        if result.get("throttle") or result.get("error"):
            raise Failed(500 if result.get("throttle") else 502)
        body = result.get("body")
        if not (
            isinstance(body, dict) and isinstance(body.get("statusCode"), int) and isinstance(body.get("body", ""), str)
        ):
            raise Failed(502)
        return shape(result)

    async def execute_in_scope(request: Json, *args: Json) -> Json:
        try:
            return await execute(request, *args)
        except Failed as failed:
            error = gateway._gw_error("DEFAULT_5XX", "Internal server error")
            _, headers, body = render(error, request)
            return failed.status, headers, body

    gateway._lambda_proxy_response = shaped
    gateway._execute_in_scope = execute_in_scope


def refuse_too_large_a_request() -> None:
    """A REST API hands on any number of bytes, and so does Lambda; see both services' quotas."""
    proxy = gateway._invoke_lambda_proxy_v1

    async def invoke(
        integration: Json,
        api_id: str,
        stage: str,
        stages: Json,
        resource: Json,
        path: str,
        method: str,
        headers: Json,
        body: bytes,
        *args: Json,
        binary_media_types: Json = None,
        **more: Json,
    ) -> Json:
        # Lambda gets JSON: a body of text is a string in it, and any other is base64.
        is_text = not gateway._media_type_matches(headers.get("content-type"), binary_media_types)
        text = json.dumps(body.decode(errors="replace"), ensure_ascii=False) if is_text else ""
        handed_on = len(text.encode()) if is_text else (len(body) + 2) // 3 * 4
        if len(body) > MAX_REQUEST_BODY or handed_on > MAX_PAYLOAD:
            return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return await proxy(
            integration,
            api_id,
            stage,
            stages,
            resource,
            path,
            method,
            headers,
            body,
            *args,
            binary_media_types=binary_media_types,
            **more,
        )

    gateway._invoke_lambda_proxy_v1 = invoke


def give_up_when_it_is_time() -> None:
    """A request waits for its function as long as that runs, whatever the integration's timeout."""
    proxy = gateway._invoke_lambda_proxy_v1

    async def invoke_in_time(integration: Json, *args: Json, **more: Json) -> Json:
        # The function runs on to its own end, as on AWS.
        running = asyncio.ensure_future(proxy(integration, *args, **more))
        try:
            return await asyncio.wait_for(asyncio.shield(running), integration["timeoutInMillis"] / 1000)
        except TimeoutError:
            return gateway._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")

    gateway._invoke_lambda_proxy_v1 = invoke_in_time
