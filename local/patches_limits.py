"""Gives the emulator AWS's limits.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import json
import os
import re
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.services import apigateway_v1, iam, lambda_svc  # type: ignore[import-untyped]
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

MAX_DATA = 262_144
"""Bytes of a state's input, arguments, result and output: "Step Functions service quotas", payload size."""

MAX_ROLE_POLICIES = 10_240


def apply(tenant: Callable[[], str]) -> None:
    """Patch the emulator in this process, before it serves; `tenant` tells whose invocation the current one is."""
    start_with_json_alone()
    limit_the_size_of_data()
    limit_concurrency(tenant)
    refuse_a_second_variable_child()
    limit_the_policies_of_a_role()


def start_with_json_alone() -> None:
    """An input that is no JSON starts an execution, and so do `NaN` and the infinities, which Python's parser takes."""
    start = sfn._start_execution

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON value")

    def start_execution(request: Json) -> Json:
        try:
            json.loads(request.get("input", "{}"), parse_constant=refuse)
        except ValueError as error:
            message = f"Invalid State Machine Execution Input: '{error}'"
            return sfn.error_response_json("InvalidExecutionInput", message, 400)
        return start(request)

    sfn._start_execution = start_execution


def limit_the_size_of_data() -> None:
    """Input, arguments, results and output of any size pass; AWS takes 256 KiB, and `States.ALL` doesn't catch more.

    What counts of a function's result is all that Lambda answered, before `Output` takes a part of it.
    """
    start, arguments, output = sfn._start_execution, sfn._apply_jsonata_arguments, sfn._apply_jsonata_output
    invoke, matches = sfn._invoke_resource, sfn._error_matches

    def size(data: Json) -> int:
        return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))

    def limited(data: Json) -> Json:
        if size(data) > MAX_DATA:
            raise sfn._ExecutionError("States.DataLimitExceeded", "The data exceeds the maximum number of bytes.")
        return data

    def invoke_resource(resource: str, data: Json) -> Json:
        result = invoke(resource, data)
        if "states:::lambda:invoke" in resource:
            result |= _metadata(size(result["Payload"]))
        return limited(result)

    def start_execution(request: Json) -> Json:
        if len(request.get("input", "{}").encode(errors="surrogatepass")) > MAX_DATA:
            return sfn.error_response_json("ValidationException", "The input is longer than 262144.", 400)
        return start(request)

    def error_matches(error_equals: Json, error: str) -> Json:
        return error in error_equals if error == "States.DataLimitExceeded" else matches(error_equals, error)

    sfn._start_execution = start_execution
    sfn._invoke_resource = invoke_resource
    sfn._apply_jsonata_arguments = lambda *args, **more: limited(arguments(*args, **more))
    sfn._apply_jsonata_output = lambda *args, **more: limited(output(*args, **more))
    sfn._error_matches = error_matches


def _metadata(length: int) -> dict[str, Json]:
    """Return what Step Functions adds to a function's answer; see its page "Invoke an AWS Lambda function"."""
    request_id = str(uuid.uuid4())
    headers = {
        "Connection": "keep-alive",
        "Content-Length": str(length),
        "Content-Type": "application/json",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "X-Amz-Executed-Version": "1",
        "X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=1",
        "x-amzn-Remapped-Content-Length": "0",
        "x-amzn-RequestId": request_id,
    }
    every = {name: [value] for name, value in headers.items()}
    return {
        "ExecutedVersion": "1",
        "SdkHttpMetadata": {"AllHttpHeaders": every, "HttpHeaders": headers, "HttpStatusCode": 200},
        "SdkResponseMetadata": {"RequestId": request_id},
    }


@dataclass(slots=True)
class _Environment:
    """A place where a tenant's invocations run, one at a time."""

    tenant: str
    is_busy: bool = True
    last_used: float = 0.0


class _Slot(str):
    """A place among the invocations that run at once."""

    environment: _Environment


SECONDS_IDLE = 300
"""An environment that nobody uses is gone after some minutes; AWS doesn't say how many."""


def limit_concurrency(tenant: Callable[[], str]) -> None:
    """An account has as much concurrency as the machine has memory for, and any number of tenants' environments.

    On AWS a new account may have 10 executions at once, and of tenants' environments, active or idle, 2,500 for every
    1,000 of concurrency ("Troubleshooting tenant isolation"). `local.emulator.limit` sets both.
    """
    acquire, release, throttle = (
        lambda_svc._acquire_execution_slot,
        lambda_svc._release_execution_slot,
        lambda_svc._throttle_response,
    )
    path = Path(os.environ.pop("LAMBDA_LIMITS_FILE", os.devnull))
    environments: dict[str, list[_Environment]] = defaultdict(list)
    lock = threading.Lock()
    usual = lambda_svc._ACCOUNT_CONCURRENCY_CAP

    def place(function: str, most: int) -> _Environment | None:
        with lock:
            now = time.monotonic()
            kept = [one for one in environments[function] if one.is_busy or now - one.last_used < SECONDS_IDLE]
            environments[function] = kept
            for one in kept:
                if one.tenant == tenant() and not one.is_busy:
                    one.is_busy = True
                    return one
            if len(kept) >= most:
                return None
            kept.append(_Environment(tenant()))
            return kept[-1]

    def acquire_slot(function: Json, config: Json) -> Json:
        limits = json.loads(path.read_text() or "{}") if path.exists() else {}
        lambda_svc._ACCOUNT_CONCURRENCY_CAP = limits.get("concurrent_executions") or usual
        most, environment = limits.get("tenant_environments"), None
        if most and "TenancyConfig" in config and (environment := place(config["FunctionName"], most)) is None:
            return None, "account"
        key, limit = acquire(function, config)
        if environment is None:
            return key, limit
        if key is None:
            give_back(environment)
            return key, limit
        slot = _Slot(key)
        slot.environment = environment
        return slot, limit

    def give_back(environment: _Environment) -> None:
        with lock:
            environment.is_busy, environment.last_used = False, time.monotonic()

    def release_slot(slot: Json) -> None:
        if isinstance(slot, _Slot):
            give_back(slot.environment)
        release(slot)

    lambda_svc._acquire_execution_slot = acquire_slot
    lambda_svc._release_execution_slot = release_slot
    lambda_svc._throttle_response = lambda reason_code, msg, **more: throttle(reason_code, "Rate Exceeded.", **more)


def refuse_a_second_variable_child() -> None:
    """Two variable children of one resource, `{a}` and `{b}`, are taken; a REST API refuses the second.

    CloudFormation goes on after whatever API Gateway refuses.
    """
    create, handler = apigateway_v1._create_resource, provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Resource"]

    def create_resource(api_id: str, parent_id: str, data: Json) -> Json:
        part = data.get("pathPart", "")
        if not re.fullmatch(r"[\w.\-:]+|\{[\w.\-:]+\+?\}", part):
            message = "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces"
            return apigateway_v1._v1_error("BadRequestException", message, 400)
        siblings = (
            one for one in apigateway_v1._resources.get(api_id, {}).values() if one.get("parentId") == parent_id
        )
        for sibling in siblings:
            other = sibling.get("pathPart", "")
            if part.startswith("{") and other.startswith("{") and part != other:
                message = (
                    f"A sibling ({other}) of this resource already has a variable path part -- only one is allowed"
                )
                return apigateway_v1._v1_error("BadRequestException", message, 400)
        return create(api_id, parent_id, data)

    def create_from_template(logical_id: str, properties: Json, stack: str) -> Json:
        status, _, body = create_resource(
            properties["RestApiId"], properties["ParentId"], {"pathPart": properties["PathPart"]}
        )
        made = json.loads(body)
        if status >= 400:
            raise ValueError(made["message"])
        return made["id"], {"ResourceId": made["id"]}

    apigateway_v1._create_resource = create_resource
    handler["create"] = create_from_template


def limit_the_policies_of_a_role() -> None:
    """Inline policies of any length are taken; a role has 10,240 characters of them ("IAM and AWS STS quotas")."""
    put = iam._put_role_policy

    def length(role: Json) -> int:
        return sum(len(re.sub(r"\s", "", str(document))) for document in role["InlinePolicies"].values())

    def put_role_policy(parameters: Json) -> Json:
        answer = put(parameters)
        role = iam._roles.get(iam._p(parameters, "RoleName"))
        if role and length(role) > MAX_ROLE_POLICIES:
            role["InlinePolicies"].pop(iam._p(parameters, "PolicyName"), None)
            return iam._error(
                409, "LimitExceeded", f"Maximum policy size of {MAX_ROLE_POLICIES} bytes exceeded", ns="iam"
            )
        return answer

    def checked(change: Callable[..., Json]) -> Callable[..., Json]:
        def change_and_check(*args: Json, **more: Json) -> Json:
            changed = change(*args, **more)
            for name, role in list(iam._roles.items()):
                if length(role) > MAX_ROLE_POLICIES:
                    raise ValueError(f"Maximum policy size of {MAX_ROLE_POLICIES} bytes exceeded for role {name}")
            return changed

        return change_and_check

    for handlers in (value for value in vars(iam).values() if isinstance(value, dict) and "PutRolePolicy" in value):
        handlers["PutRolePolicy"] = put_role_policy
    for kind in ("AWS::IAM::Policy", "AWS::IAM::Role"):
        handler = provisioners._RESOURCE_HANDLERS[kind]
        handler.update(create=checked(handler["create"]), update=checked(handler["update"]))
