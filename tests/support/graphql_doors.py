"""Makes the rows of GraphQL: its addresses, and each field of the schema's root."""

import json
import os
import re
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import graphql
import httpx2

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.thread import ThreadId
from callers import MAX_BODY_BYTES
from local.paths import ROOT
from tests.support.bad_input import nested
from tests.support.door import Cell, Door, House
from tests.support.projects import Owner, belongings, missing, run

SCHEMA = graphql.build_schema((ROOT / "lambdas" / "graphql" / "schema.graphqls").read_text())
DOCUMENT = (ROOT / "tests" / "support" / "every_operation.graphql").read_text()

_WHO = {"assistantId": "{assistant_id}", "updatedBy": "ada"}
_THREAD = {"threadId": "{thread_id}"}
_RUN = {**_THREAD, "runId": "{run_id}"}
_CALL = {"runId": "{waiting_run_id}", "toolCallId": "{tool_call_id}"}
_NOON = "2024-07-17T12:00:00+0000"

VARIABLES: dict[str, Json] = {
    "ping": {},
    "ask": {**_WHO, **_THREAD, "assistantType": "chat", "userQuery": "say Hello"},
    "run": {**_WHO, **_RUN},
    "last": {**_THREAD, "assistantId": "{assistant_id}", "role": "assistant"},
    "live": _THREAD,
    "file": {"fileId": "{file_id}"},
    "fileContent": {"fileId": "{file_id}"},
    "files": {},
    "insertFile": {"filename": "a.txt", "encodedContent": "aGVscA==", "purpose": "assistants"},
    "deleteFile": {"fileId": "{file_id}"},
    "assistant": {"assistantType": "chat", "assistantId": "{assistant_id}"},
    "assistantList": {},
    "insertUpdateAssistant": {**_WHO, "assistantType": "chat", "assistantName": "Ours", "functions": []},
    "deleteAssistant": {"assistantType": "chat", "assistantId": "{assistant_id}"},
    "thread": {**_THREAD, "assistantId": "{assistant_id}"},
    "threadList": {"assistantId": "{assistant_id}"},
    "insertUpdateThread": {**_WHO, **_THREAD, "assistantType": "chat"},
    "deleteThread": {**_THREAD, "assistantId": "{assistant_id}"},
    "message": {**_THREAD, "messageId": "{message_id}"},
    "messageList": _THREAD,
    "insertUpdateMessage": {
        **_RUN,
        "messageId": "{message_id}",
        "role": "user",
        "message": "It was I.",
        "createdAt": _NOON,
    },
    "deleteMessage": {**_THREAD, "messageId": "{message_id}"},
    "toolCall": _CALL,
    "toolCallList": {"runId": "{waiting_run_id}"},
    "insertUpdateToolCall": {
        **_CALL,
        "toolType": "function",
        "name": "ask",
        "arguments": {},
        "content": "Mine.",
        "createdAt": _NOON,
    },
    "deleteToolCall": _CALL,
    "fineTuningMessage": {"assistantId": "{assistant_id}", "messageUuid": "{thread_id}.{message_id}"},
    "fineTuningMessageList": {"assistantId": "{assistant_id}"},
    "insertUpdateFineTuningMessage": {
        **_THREAD,
        "assistantId": "{assistant_id}",
        "messageUuid": "{thread_id}.{message_id}",
        "timestamp": 1_721_205_000,
        "role": "assistant",
        "weight": 1.0,
    },
    "insertUpdateFineTuningMessages": {
        "assistantId": "{assistant_id}",
        "weightupMessageUuids": ["{thread_id}.{message_id}"],
    },
    "deleteFineTuningMessage": {"assistantId": "{assistant_id}", "messageUuid": "{thread_id}.{message_id}"},
    "uploadFineTuneFile": {
        "assistantType": "chat",
        "assistantId": "{assistant_id}",
        "trainingPercentage": 80.0,
        "fromDate": "2024-07-17T00:00:00+0000",
    },
    "asyncTask": {"functionName": "async_openai_assistant_stream", "taskUuid": "{run_id}"},
    "asyncTaskList": {},
    "insertUpdateAsyncTask": {"functionName": "async_openai_assistant_stream", "taskUuid": "{run_id}", "log": "Mine."},
    "deleteAsyncTask": {"functionName": "async_openai_assistant_stream", "taskUuid": "{run_id}"},
    "submitToolOutputs": {
        "threadId": "{waiting_thread_id}",
        "runId": "{waiting_run_id}",
        "toolOutputs": [{"tool_call_id": "{tool_call_id}", "output": "done"}],
    },
    "cancelRun": {"threadId": "{waiting_thread_id}", "runId": "{waiting_run_id}"},
}
"""Variables for each operation of `every_operation.graphql`; `{thread_id}` and the like stand for ids."""

_QUERIES = {
    name: graphql.print_ast(alone) for name, alone in graphql.separate_operations(graphql.parse(DOCUMENT)).items()
}
_PLACE = re.compile(r"\{(\w+)\}")
_BEFORE = "Its request is refused before its fields are known: POST /graphql."


def fields_by_operation() -> dict[str, str]:
    """Return the field that each operation of the document asks for."""
    found = {}
    for node in graphql.parse(DOCUMENT).definitions:
        if isinstance(node, graphql.OperationDefinitionNode) and node.name:
            [field] = node.selection_set.selections
            assert isinstance(field, graphql.FieldNode)
            found[node.name.value] = field.name.value
    return found


def root_fields() -> dict[str, bool]:
    """Return the fields of the schema's root, and whether each is a mutation's."""
    assert SCHEMA.query_type and SCHEMA.mutation_type
    return {**dict.fromkeys(SCHEMA.query_type.fields, False), **dict.fromkeys(SCHEMA.mutation_type.fields, True)}


def graphql_doors() -> list[Door]:
    """Return a row for each address, and for each field of the root."""
    by_field: dict[str, str] = {}
    for operation, field in fields_by_operation().items():
        by_field.setdefault(field, operation)
    urls = {"POST /graphql": "GRAPHQL_URL", "POST /<area>/{endpoint_id}/{proxy+}": "SILVAENGINE_URL"}
    return [
        *(_address(name, url) for name, url in urls.items()),
        *(_field(field, by_field[field], writes=writes) for field, writes in root_fields().items()),
    ]


def _address(name: str, url: str) -> Door:
    return Door(
        name,
        no_key=partial(_refused, {}, url),
        foreign_key=partial(_refused, None, url),
        foreign_id="Its fields have rows of their own.",
        too_large=partial(_too_large, url),
        too_deep=partial(_too_deep, url),
        repeated="Its fields have rows of their own.",
    )


def _field(field: str, operation: str, *, writes: bool) -> Door:
    names = _names(operation)
    return Door(
        f"GraphQL {field}",
        no_key=_BEFORE,
        foreign_key=_BEFORE,
        foreign_id=_foreign(field, operation, names, writes=writes),
        too_large=_BEFORE,
        too_deep=_BEFORE,
        repeated=_repeated(field, operation, writes=writes),
    )


def _foreign(field: str, operation: str, names: list[str], *, writes: bool) -> Cell:
    if names:
        return partial(_with_foreign_ids, operation, names, writes=writes)
    if field.endswith(("List", "files")):
        return partial(_lists_its_own, operation)
    return "It names nothing."


def _repeated(field: str, operation: str, *, writes: bool) -> Cell:
    if field in ("askOpenAi", "insertFile"):
        return partial(_with_one_idempotency_key, operation)
    return partial(_twice, operation) if writes else "It changes nothing."


def _names(operation: str) -> list[str]:
    return sorted(set(_PLACE.findall(json.dumps(VARIABLES[operation]))))


def _ids(owner: Owner) -> dict[str, str]:
    """Return the ids that a project's requests name: also those of the run that waits for its client."""
    waiting = {f"waiting_{name}": known for name, known in owner.waiting.items()}
    return {**owner.ids, **waiting, "tool_call_id": owner.waiting["tool_call_id"]}


def _missing(owner: Owner) -> dict[str, str]:
    """Return ids of the same form that nothing has."""
    waiting = missing(owner.waiting)
    named = {f"waiting_{name}": known for name, known in waiting.items()}
    return {**missing(owner.ids), **named, "tool_call_id": waiting["tool_call_id"]}


def send(
    operation: str, ids: Mapping[str, str], headers: Mapping[str, str], url: str = "GRAPHQL_URL", **more: Any
) -> httpx2.Response:
    """Send an operation of the document, whose variables name these ids; `content` takes the place of the request."""
    filled = _PLACE.sub(lambda found: ids[found[1]], json.dumps(VARIABLES[operation]))
    body = {"query": _QUERIES[operation], "variables": json.loads(filled), "operation_name": operation}
    return _client().post(os.environ[url], headers=dict(headers), **({"json": body} | more))


@cache
def _client() -> httpx2.Client:
    return httpx2.Client(timeout=60)


def _refused(headers: dict[str, str] | None, url: str, house: House) -> None:
    """Send each operation with these headers, or with an unknown key if there are none; each is refused."""
    wrong = {"x-api-key": house.us.key[:-1]} if headers is None else headers
    with house.untouched(house.us):
        for operation in VARIABLES:
            answer = send(operation, _ids(house.us), wrong, url)
            assert answer.status_code == 401 and "data" not in answer.json(), (operation, answer.text)


def _with_foreign_ids(operation: str, names: list[str], house: House, *, writes: bool) -> None:
    """Name another project's ids, one by one and together, in addition to our own: they are answered like missing."""
    us, them = house.us, house.them
    with house.untouched(them):
        for some in {*((name,) for name in names), tuple(names)}:
            _names_foreign_ids(operation, some, names, us, them, writes=writes)


def _names_foreign_ids(
    operation: str, some: tuple[str, ...], names: list[str], us: Owner, them: Owner, *, writes: bool
) -> None:
    def shape(found: Mapping[str, str]) -> Json:
        # What is written for us must not be what our other rows read.
        own = belongings(us.client, names) if writes else {}
        ids = {**_ids(us), **own, **{name: found[name] for name in some}}
        answer = send(operation, ids, us.headers)
        assert answer.status_code == 200, (some, answer.text)
        return _shape(answer.json(), ids)

    # Reads at once: a run that is not there is looked for again and again before that is said.
    with ThreadPoolExecutor(1 if writes else 2) as pool:
        foreign, absent = answers = list(pool.map(shape, (_ids(them), _missing(them))))
    if "errors" in absent:
        assert foreign == absent, (operation, some, answers)
    else:
        # A free id may be taken, and a filter may name nothing; what is another's is neither taken nor shown.
        assert "errors" in foreign or foreign == absent, (operation, some, answers)
    told = json.dumps(foreign)
    assert not any(known in told for known in {*them.ids.values(), *them.waiting.values()}), (operation, some)


def _shape(answer: Json, named: Mapping[str, str]) -> Json:
    """Return an answer without the ids that it was asked about."""
    text = json.dumps(answer)
    for name, known in named.items():
        text = text.replace(known, name)
    shape: Json = json.loads(re.sub(r'"(createdAt|updatedAt)": "[^"]*"', r'"\1": ""', text))
    return shape


def _lists_its_own(operation: str, house: House) -> None:
    """List all that a project has: it is its own, and nothing of another's."""
    for us, others in ((house.them, house.us), (house.us, house.them)):
        told = send(operation, {}, us.headers).json()
        if us is house.them:  # Of the default project, other tests may have made too many.
            assert "errors" not in told, told
        assert not any(known in json.dumps(told) for known in {*others.ids.values(), *others.waiting.values()})


def _with_one_idempotency_key(operation: str, house: House) -> None:
    """Send the same request twice with one key: the second answer shows what the first has made."""
    us = house.us
    ids = {**_ids(us), **belongings(us.client, _names(operation)), "assistant_id": us.ids["assistant_id"]}
    headers = {**us.headers, "Idempotency-Key": str(uuid.uuid4())}
    first, second = (send(operation, ids, headers).json() for _ in range(2))
    assert "errors" not in first and first == second, (first, second)
    if operation == "ask":
        made = first["data"]["askOpenAi"]
        found = house.driver.store.runs.get(ThreadId(made["threadId"]), made["currentRunId"])
        house.driver.until(found, *TERMINAL)
        assert len(us.client.beta.threads.runs.list(made["threadId"]).data) == 1


def _twice(operation: str, house: House) -> None:
    """Send the same request twice: the second does the same, or is refused."""
    us, assistant_id = house.us, house.us.ids["assistant_id"]
    ids = {**us.ids, **belongings(us.client, _names(operation)), **run(us.client, assistant_id, "say Hello")}
    if operation != "deleteAssistant":
        ids["assistant_id"] = assistant_id
    if any(name.startswith("waiting_") for name in _names(operation)):
        waiting = run(us.client, assistant_id, "call ask {}")
        ids |= {f"waiting_{name}": known for name, known in waiting.items()} | {"tool_call_id": waiting["tool_call_id"]}
    first, second = (send(operation, ids, us.headers) for _ in range(2))
    assert first.status_code == second.status_code == 200, (first.text, second.text)
    if operation in ("deleteAssistant", "deleteFile", "deleteMessage", "deleteThread"):
        assert first.json()["data"] == {operation: {"ok": True}}
    if operation == "deleteFineTuningMessage":
        assert first.json() == second.json() == {"data": {operation: {"ok": True}}}
    elif operation.startswith("delete"):
        assert "errors" in second.json(), second.text
    elif "errors" not in second.json():
        assert _shape(first.json(), ids) == _shape(second.json(), ids)
    if "waiting_run_id" in ids:
        found = house.driver.store.runs.get(ThreadId(ids["waiting_thread_id"]), ids["waiting_run_id"])
        # A run that got its outputs goes on by itself, and may end before it could be cancelled.
        if found.status == "requires_action":
            house.driver.cancel(found)
        house.driver.until(found, *TERMINAL)


def _too_large(url: str, house: House) -> None:
    answer = send("ping", {}, house.us.headers, url, content=b" " * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413 and len(answer.content) < 2_000, answer.text


def _too_deep(url: str, house: House) -> None:
    deep = b"{ping" + b"{a" * 900 + b"}" * 901
    query = json.dumps({"query": deep.decode()}).encode()
    for body in (nested(65), nested(100_000), b'{"query": "{ping}", "variables": %s}' % nested(900), query):
        answer = send("ping", {}, house.us.headers, url, content=body)
        assert answer.status_code in (200, 400) and "data" not in answer.json(), answer.text
        assert "errors" in answer.json() and len(answer.content) < 2_000
