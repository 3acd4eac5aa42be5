"""Has the emulator refuse requests that AWS refuses.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from ministack.core import iam_actions  # type: ignore[import-untyped]
from ministack.core.responses import error_response_json  # type: ignore[import-untyped]
from ministack.services import (  # type: ignore[import-untyped]
    cloudwatch_logs,
    dynamodb,
    eventbridge,
    lambda_svc,
    s3,
    secretsmanager,
    sqs,
    stepfunctions,
)

Json = Any
Refusal = tuple[str, str] | None
"""The code and the message of an error, None for a request that is right."""

MAX_PAYLOAD, MAX_EVENT_PAYLOAD, MAX_ANSWER = 6_291_456, 1_048_576, 6_291_556
MAX_VARIABLES, MAX_LAYERS = 4_096, 5
MAX_KEY, MAX_METADATA = 1_024, 2_048
MAX_EVENT = 262_144


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    check_requests_by_their_models()
    check_expressions()
    check_objects()
    limit_payloads()


def check_requests_by_their_models() -> None:
    """Names of any length and form, and numbers of any size, are taken.

    What AWS's own models of its services say (lengths, ranges, patterns, required members) holds here; and what the
    pages of the API add to them.
    """
    for module, service, more in (
        (stepfunctions, "stepfunctions", _wrong_for_step_functions),
        (secretsmanager, "secretsmanager", _wrong_for_secrets),
        (eventbridge, "events", _wrong_for_events),
        (cloudwatch_logs, "logs", lambda operation, request: None),
        (sqs, "sqs", _wrong_for_queues),
    ):
        _refuse(module, _by_model(service, more))
    _refuse(lambda_svc, _wrong_for_lambda)


def _refuse(module: Json, check: Callable[[str, str, Json, bytes, Json], Refusal]) -> None:
    """Have a service's requests checked before it handles them."""
    handle: Callable[..., Awaitable[Json]] = module.handle_request

    async def handle_request(
        method: str, path: str, headers: Json, body: bytes, query: Json, *args: Json, **more: Json
    ) -> Json:
        if refusal := check(method, path, headers, body, query):
            code, message = refusal
            return error_response_json(code, message, 413 if code.startswith("RequestTooLarge") else 400)
        return await handle(method, path, headers, body, query, *args, **more)

    module.handle_request = handle_request


def _by_model(service: str, more: Callable[[str, Json], Refusal]) -> Callable[[str, str, Json, bytes, Json], Refusal]:
    def check(method: str, path: str, headers: Json, body: bytes, query: Json) -> Refusal:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        request = _parsed(body)
        if not operation or request is None:
            return None
        model = _operations(service).get(operation)
        wrong = next(_violations(model.input_shape, request, ""), None) if model and model.input_shape else None
        if wrong:
            return "ValidationException", f"1 validation error detected: {wrong}"
        return more(operation, request)

    return check


@cache
def _operations(service: str) -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model(service)
    return {name: model.operation_model(name) for name in model.operation_names}


def _violations(shape: Shape, value: Json, where: str) -> Iterator[str]:
    """Yield what a value breaks of its shape's constraints."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            sent = member.serialization.get("name", name)
            if value.get(sent) is not None:
                yield from _violations(member, value[sent], f"{where}.{sent}")
            elif name in shape.required_members and member.serialization.get("location") is None:
                yield f"{where}.{sent} is required"
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, member in enumerate(value):
            yield from _violations(shape.member, member, f"{where}.{number}")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for member in value.values():
            yield from _violations(shape.value, member, f"{where}.member")
    yield from _breaches(shape.metadata, value, where)


def _breaches(limits: Json, value: Json, where: str) -> Iterator[str]:
    size = len(value) if isinstance(value, str | list | dict) else value
    if isinstance(size, int | float) and not isinstance(size, bool):
        if size < limits.get("min", size):
            yield f"{where} must be at least {limits['min']}"
        if size > limits.get("max", size):
            yield f"{where} must be at most {limits['max']}"
    if isinstance(value, str) and "pattern" in limits and not _satisfies(value, limits["pattern"]):
        yield f"{where} must satisfy the pattern {limits['pattern']}"


def _satisfies(value: str, pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:  # It is Java's.
        return True


def _parsed(body: bytes) -> Json | None:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    return request if isinstance(request, dict) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _wrong_for_step_functions(operation: str, request: Json) -> Refusal:
    """Names of executions and what is JSON; see StartExecution and SendTaskSuccess."""
    if operation == "StartExecution" and re.search(
        r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]', request.get("name", "")
    ):
        return "InvalidName", f"Invalid Name: '{request['name']}'"
    if operation == "StartExecution" and not _is_json(request.get("input", "{}")):
        return "InvalidExecutionInput", "Invalid State Machine Execution Input: it is not JSON"
    if operation == "SendTaskSuccess" and not _is_json(request["output"]):
        return "InvalidOutput", "Invalid Output: it is not JSON"
    return None


def _wrong_for_secrets(operation: str, request: Json) -> Refusal:
    """Names of secrets; see CreateSecret."""
    if operation == "CreateSecret" and not re.fullmatch(r"[\w/+=.@-]+", request["Name"], re.ASCII):
        return (
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of these: -/_+=.@!",
        )
    return None


def _wrong_for_events(operation: str, request: Json) -> Refusal:
    """Sizes of events; see "Calculating PutEvents event entry size" in EventBridge's user guide."""
    if operation != "PutEvents":
        return None
    size = sum(
        len(entry.get(name, "").encode()) for entry in request["Entries"] for name in ("Source", "DetailType", "Detail")
    )
    return (
        ("ValidationException", "Total size of the entries in the request is over the limit.")
        if size > MAX_EVENT
        else None
    )


def _wrong_for_queues(operation: str, request: Json) -> Refusal:
    """Ids of FIFO queues' messages, delays and time-outs; see SendMessage, ReceiveMessage, ChangeMessageVisibility."""
    for entry in (request, *request.get("Entries", [])):
        for name in ("MessageGroupId", "MessageDeduplicationId"):
            if name in entry and not re.fullmatch(r"[\x21-\x7e]{1,128}", entry[name]):
                return "InvalidParameterValue", f"Value {entry[name]} for parameter {name} is invalid."
        for name, most in (("DelaySeconds", 900), ("VisibilityTimeout", 43_200), ("WaitTimeSeconds", 20)):
            if not 0 <= int(entry.get(name) or 0) <= most:
                return "InvalidParameterValue", f"Value {entry[name]} for parameter {name} is invalid."
    return None


def _wrong_for_lambda(method: str, path: str, headers: Json, body: bytes, query: Json) -> Refusal:
    """Payloads, variables and layers; see "Lambda quotas"."""
    if path.rstrip("/").endswith("/invocations"):
        is_event = headers.get("x-amz-invocation-type") == "Event"
        if len(body) > (MAX_EVENT_PAYLOAD if is_event else MAX_PAYLOAD):
            return "RequestTooLargeException", f"Request must be smaller than {MAX_PAYLOAD} bytes"
        return None
    action = iam_actions.extract_iam_action("lambda", method, path, headers, body, query) or ""
    model, request = _operations("lambda").get(action.partition(":")[2]), _parsed(body)
    if request is None or method not in ("POST", "PUT"):
        return None
    if model and model.input_shape and (wrong := next(_violations(model.input_shape, request, ""), None)):
        return "ValidationException", f"1 validation error detected: {wrong}"
    return _wrong_for_function(request)


def _wrong_for_function(properties: Json) -> Refusal:
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    if len(json.dumps(variables, separators=(",", ":")).encode()) > MAX_VARIABLES:
        return "InvalidParameterValueException", "Environment variables exceed the limit of 4 KB."
    if reserved := [name for name in variables if name.startswith(("AWS_LAMBDA_", "LAMBDA_")) or name in _RESERVED]:
        return "InvalidParameterValueException", f"Reserved keys used in this request: {', '.join(reserved)}"
    if len(properties["Layers"] if isinstance(properties.get("Layers"), list) else []) > MAX_LAYERS:
        return "InvalidParameterValueException", "Cannot reference more than 5 layers."
    return None


_RESERVED = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "_HANDLER",
)


def check_expressions() -> None:
    """Update expressions whose paths overlap and filters on key attributes are taken; see UpdateItem and Query."""

    def check(method: str, path: str, headers: Json, body: bytes, query: Json) -> Refusal:
        operation, request = headers.get("x-amz-target", "").rpartition(".")[2], _parsed(body) or {}
        items = [item[member] for item in request.get("TransactItems", []) for member in item]
        for one in [request, *items]:
            if wrong := _wrong_for_item(operation, one):
                return "ValidationException", wrong
        return None

    _refuse(dynamodb, check)


def _wrong_for_item(operation: str, request: Json) -> str:
    names = request.get("ExpressionAttributeNames")
    if names == {}:
        return "ExpressionAttributeNames must not be empty"
    names = names or {}
    paths = [_path(path, names) for path in _updated(request.get("UpdateExpression") or "")]
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            if path[: len(other)] == other[: len(path)]:
                return "Invalid UpdateExpression: Two document paths overlap with each other"
    if operation == "Query" and (table := dynamodb._tables.get(request.get("TableName", ""))):
        indexes = {one["IndexName"]: one["KeySchema"] for one in table.get("GlobalSecondaryIndexes") or []}
        keys = {key["AttributeName"] for key in indexes.get(request.get("IndexName"), table["KeySchema"])}
        named = {
            names.get(name, name)
            for name in re.findall(r"(?<![\w.:#])#?[A-Za-z_]\w*", request.get("FilterExpression") or "")
        }
        if keys & named:
            return f"Filter Expression can only contain non-primary key attributes: {min(keys & named)}"
    if any(
        text.count(",") >= 100 for text in re.findall(r"(?i)\bIN\s*\(([^)]*)\)", request.get("FilterExpression") or "")
    ):
        return "Invalid FilterExpression: The IN operator is provided with too many operands"
    return ""


def _updated(expression: str) -> Iterator[str]:
    """The document paths that an update expression writes."""
    parts = re.split(r"(?i)(?:^|\s)(SET|REMOVE|ADD|DELETE)\s", f" {expression}")
    for action, clause in zip(parts[1::2], parts[2::2], strict=True):
        depth, starts = 0, [0]
        for at, letter in enumerate(clause):
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth == 0:
                starts.append(at + 1)
        for start, end in zip(starts, [*(one - 1 for one in starts[1:]), len(clause)], strict=True):
            one = clause[start:end].strip()
            yield one.partition("=")[0].strip() if action.upper() == "SET" else one.split()[0] if one else ""


def _path(text: str, names: Json) -> list[str]:
    return [names.get(part, part) for part in re.findall(r"[^.\[\]]+|\[\d+\]", text)]


def check_objects() -> None:
    """Keys and metadata of any length are taken, and so are tags that S3 can't read; see PutObject."""
    handle = s3.handle_request

    async def handle_request(
        method: str, path: str, headers: Json, body: bytes, query: Json, *args: Json, **more: Json
    ) -> Json:
        sent = s3._merge_hoisted_amz_headers(headers, query)
        key = path.lstrip("/").partition("/")[2]
        metadata = {name: value for name, value in sent.items() if name.startswith("x-amz-meta-")}
        if len(key.encode()) > MAX_KEY:
            return s3._error("KeyTooLongError", "Your key is too long", 400)
        if sum(len(name) - 11 + len(value.encode()) for name, value in metadata.items()) > MAX_METADATA:
            return s3._error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400)
        if "x-amz-tagging" in sent and not _are_tags(sent["x-amz-tagging"]):
            return s3._error(
                "InvalidArgument",
                "The header 'x-amz-tagging' must be query parameters without duplicates.",
                400,
            )
        if method == "POST" and "delete" in query and body.count(b"<Key>") > 1_000:
            return s3._error("MalformedXML", "The XML you provided was not well-formed", 400)
        return await handle(method, path, headers, body, query, *args, **more)

    s3.handle_request = handle_request


def _are_tags(header: str) -> bool:
    names = [pair.partition("=")[0] for pair in header.split("&")]
    return all(names) and len(set(names)) == len(names)


def limit_payloads() -> None:
    """A function answers with any number of bytes; see "Lambda quotas"."""
    execute = lambda_svc._execute_function

    def execute_function(function: Json, event: Json) -> Json:
        result = execute(function, event)
        body = result.get("body")
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        if not result.get("error") and len(text.encode(errors="surrogatepass")) > MAX_ANSWER:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_ANSWER} bytes)."
            too_large = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            return {**result, "error": True, "body": too_large}
        return result

    lambda_svc._execute_function = execute_function
