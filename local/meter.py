"""Writes down what the embedded AWS does that AWS would bill: `attach(path)`, in its process, before it serves.

It writes once there is such a file: who reads it makes it, and nobody else pays for it. Each line of the file is a JSON
object with `at` (seconds since 1970) and `kind`:

- `state`: a state was entered: `execution` (name), `machine` (name), `state`; those within a Map too.
- `invocation`: a function has ended: `function`, `milliseconds`, `megabytes`, `cold`.
- `request`: a function, or (`function` is empty) somebody outside, asked an AWS service: `function`, `service`,
  `operation` (of S3 the HTTP method). Of DynamoDB also `read_units`, `write_units`, `index_units`, `bytes` (those of
  the items read) and `threads` (the ids of those that it names).

Write units are the emulator's own count. For reads it charges a unit whatever their size, so these are counted here:
DynamoDB charges for each 4 KB of the items looked at, whatever a filter or a projection leaves of them, half of that
for an eventually consistent read, and a query rounds up once for its page.
"""

import contextvars
import json
import math
import re
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]
from ministack.services import stepfunctions as sfn

from local import patches_lambda, patches_worker

Json = Any

SERVICES = ("dynamodb", "eventbridge", "s3", "secretsmanager", "sqs", "stepfunctions")

_looked_at: contextvars.ContextVar[list[Json]] = contextvars.ContextVar("looked_at")
"""All items that the last query of this request has read, before its filter and whole."""

_within_a_map: contextvars.ContextVar[bool] = contextvars.ContextVar("within_a_map", default=False)


def attach(journal: Path) -> None:
    """Write to this file once it is there."""
    lock = threading.Lock()
    lines = cache(partial(journal.open, "a", buffering=1))

    def write(kind: str, **told: Json) -> None:
        if journal.exists():
            with lock:
                lines().write(json.dumps({"kind": kind, "at": time.time(), **told}) + "\n")

    _meter_states(write)
    names = _meter_invocations(write)
    _note_what_queries_look_at(journal.exists)
    for service in SERVICES:
        _meter_requests(write, journal.exists, service, names)


def _meter_states(write: Callable[..., None]) -> None:
    add_event, run_inner = sfn._add_event, sfn._run_sub_machine

    def entered(execution: Json, state: str) -> None:
        machine = execution["stateMachineArn"].rpartition(":")[2]
        write("state", execution=execution["name"], machine=machine, state=state)

    def add_and_tell(execution: Json, event_type: str, details: Json = None) -> Json:
        if event_type.endswith("StateEntered"):
            entered(execution, details["stateEnteredEventDetails"]["name"])
        return add_event(execution, event_type, details)

    def run_within(states: Json, start: str, data: Json, execution: Json, context: Json) -> Json:
        _within_a_map.set(True)
        return run_inner(states, start, data, execution, context)

    def telling(execute: Callable[..., Json]) -> Callable[..., Json]:
        def execute_and_tell(state: Json, data: Json, execution: Json, context: Json) -> Json:
            if _within_a_map.get():
                entered(execution, context["State"]["Name"])
            return execute(state, data, execution, context)

        return execute_and_tell

    sfn._add_event = add_and_tell
    sfn._run_sub_machine = run_within
    sfn._execute_task = telling(sfn._execute_task)


def _meter_invocations(write: Callable[..., None]) -> dict[str, str]:
    """Meter functions; their names by the access keys that they call AWS with."""
    credentials = lambda_runtime.execution_credentials
    names: dict[str, str] = {}

    def credentials_noted(config: Json) -> Json:
        given = credentials(config)
        names[given["AWS_ACCESS_KEY_ID"]] = config["FunctionName"]
        return given

    def tell(config: Json, seconds: float, cold: bool) -> None:
        name, megabytes = config["FunctionName"], config["MemorySize"]
        write("invocation", function=name, milliseconds=math.ceil(1_000 * seconds), megabytes=megabytes, cold=cold)

    lambda_runtime.execution_credentials = credentials_noted
    patches_lambda.observers.append(lambda config, outcome: tell(config, outcome.seconds, outcome.cold))
    patches_worker.observers.append(tell)
    return names


def _meter_requests(
    write: Callable[..., None], is_read: Callable[[], bool], service: str, names: dict[str, str]
) -> None:
    module: Any = import_module(f"ministack.services.{service}")
    handle = module.handle_request

    async def handle_and_tell(
        method: str, path: str, headers: Json, body: bytes, query: Json, *args: Json, **more: Json
    ) -> Json:
        if not is_read():
            return await handle(method, path, headers, body, query, *args, **more)
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or method
        request = json.loads(body) if service == "dynamodb" and body else {}
        if request:
            body = json.dumps({**request, "ReturnConsumedCapacity": "INDEXES"}).encode()
        answer = await handle(method, path, headers, body, query, *args, **more)
        if answer[0] < 300:
            found = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
            key = found[1] if found else str(query.get("X-Amz-Credential", "")).strip("[]'").partition("/")[0]
            units = {}
            if request:
                threads = sorted(set(re.findall(r'"(thread_\w+)"', body.decode())))
                units = {**_units(operation, request, json.loads(answer[2])), "threads": threads}
            write("request", function=names.get(key, ""), service=service, operation=operation, **units)
        return answer

    module.handle_request = handle_and_tell


def _note_what_queries_look_at(is_read: Callable[[], bool]) -> None:
    paginate = dynamodb._paginate_evaluated_items

    def paginate_and_note(items: Json, limit: Json, table: Json, index_name: Json = None) -> Json:
        page, more = paginate(items, limit, table, index_name)
        if is_read():
            projected = [
                dynamodb._apply_index_projection(item, table, index_name) if index_name else item for item in page
            ]
            _looked_at.set(projected)
        return page, more

    dynamodb._paginate_evaluated_items = paginate_and_note


def _units(operation: str, request: Json, answer: Json) -> Json:
    """Return what DynamoDB charges for a request that it has answered."""
    units = {"read_units": 0.0, "write_units": 0.0, "index_units": 0.0, "bytes": 0}

    def read(items: list[Json], consistent: bool) -> None:
        size = sum(map(dynamodb._item_size_bytes, items))
        units["bytes"] += size
        units["read_units"] += max(1, math.ceil(size / 4096)) * (1 if consistent else 0.5)

    def item(table: str, key: Json) -> Json:
        return dynamodb._get_item_by_key(dynamodb._tables.get(table), key) or {}

    match operation:
        case "GetItem":
            read([item(request["TableName"], request["Key"])], request.get("ConsistentRead", False))
        case "BatchGetItem":
            for table, wanted in request["RequestItems"].items():
                for key in wanted["Keys"]:
                    read([item(table, key)], wanted.get("ConsistentRead", False))
        case "Query":
            read(_looked_at.get(), request.get("ConsistentRead", False))
        case _:
            consumed = answer.get("ConsumedCapacity", [])
            for table in consumed if isinstance(consumed, list) else [consumed]:
                indexes = sum(index["CapacityUnits"] for index in table.get("GlobalSecondaryIndexes", {}).values())
                units["index_units"] += indexes
                units["write_units"] += table["CapacityUnits"] - indexes
    return units
