"""The rows of the functions' handlers and of the state machine: the doors that only AWS and the operator reach."""

import json
import re
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store.items import marshal
from assistant_engine.tools import registry
from layers.tool_folders import tool_folders
from tests.support.bad_input import nested
from tests.support.clients import upload
from tests.support.door import Cell, Door, Elsewhere, House, Trial
from tests.support.projects import Owner, missing

MAX_PAYLOAD = 6_291_456
"""Bytes of an invocation ("Lambda quotas")."""

TWICE = Elsewhere(
    "test_steps_that_are_invoked_twice_at_once_act_once", "test_a_fault_at_any_effect_of_a_step_changes_no_record"
)
CLOUDFORMATION = "CloudFormation alone calls it, with what the template names."
ROUTES = "API Gateway alone calls it, with requests to the routes: they are its doors."

Event = dict[str, Any]


def function_doors() -> list[Door]:
    """Return a row for each function but the tools', and for the state machine."""
    return [
        Door(
            "cdk/run.asl.json",
            no_key=lambda house: _refused_start(house, house.nobody),
            foreign_key=lambda house: _refused_start(house, house.stranger),
            foreign_id=_a_run_request_with_foreign_ids,
            too_large=Elsewhere("test_a_run_request_of_any_size_is_answered_or_refused_in_words"),
            too_deep=_a_run_request_that_is_too_deep,
            repeated=Elsewhere("test_an_eventbridge_rule_starts_one_run_for_each_event"),
        ),
        _door("lambdas/steps/queued.py", foreign_id=_foreign("queued", _run_requests), repeated=TWICE),
        _door("lambdas/steps/in_progress.py", foreign_id=_foreign("in_progress", _turns), repeated=TWICE),
        _door("lambdas/steps/requires_action.py", foreign_id=_foreign("requires_action", _waits), repeated=TWICE),
        _door(
            "lambdas/steps/record_failure.py",
            foreign_id=_foreign("record_failure", _failures),
            repeated=Elsewhere("test_settling_that_dies_is_done_again"),
        ),
        _door(
            "lambdas/sweeper/sweeper.py",
            foreign_id="It looks after the runs of all projects.",
            repeated=Elsewhere("test_a_sweep_that_is_disturbed_is_made_good_by_the_next"),
        ),
        _door(
            "lambdas/export/export.py",
            foreign_id="It exports the runs of all projects, for the operator.",
            repeated=Elsewhere("test_the_same_day_again_is_the_same_files_without_what_was_deleted"),
        ),
        _door(
            "lambdas/fine_tuning/fine_tuning.py",
            foreign_id=_foreign("fine_tuning", _exports),
            repeated=Elsewhere("test_the_same_request_again_gives_the_same_bytes"),
        ),
        _door(
            "lambdas/events/publish_run_events.py",
            foreign_id=Elsewhere("test_a_foreign_run_in_the_stream_is_no_change"),
            repeated=Elsewhere("test_a_publisher_that_dies_or_is_refused_in_the_midst_of_a_batch_loses_no_event"),
        ),
        _door(
            "lambdas/events/deliver_webhook.py",
            foreign_id="It delivers the events of all projects, to the operator.",
            repeated=Elsewhere("test_every_change_is_on_the_bus_and_a_webhook_that_failed_gets_all_in_order"),
        ),
        _door(
            "lambdas/tools/file_search/ingestion/ingestion.py",
            foreign_id=_foreign("ingestion", _ingestions),
            repeated=Elsewhere("test_a_message_that_comes_again_changes_nothing"),
        ),
        _door(
            "lambdas/tools/code_interpreter/sandbox/sandbox.py",
            foreign_id="It knows no ids: it gets the addresses of a call's files, signed.",
            repeated=Elsewhere("test_a_call_delivered_twice_runs_once"),
        ),
        _door("lambdas/api/api.py", foreign_id=ROUTES, too_deep=ROUTES, repeated=ROUTES),
        _door(
            "lambdas/speech/speech.py",
            foreign_id="It knows no ids: it gets the keys of objects.",
            repeated=Elsewhere("test_a_run_delivered_twice_hears_once", "test_a_message_is_spoken_once"),
        ),
        _door(
            "lambdas/graphql/entry.py",
            foreign_id=_foreign("entry", _questions),
            repeated=Elsewhere("test_an_event_that_is_delivered_twice_asks_once"),
        ),
        _door(
            "lambdas/console/console.py",
            foreign_id="It reads nothing but its own files.",
            too_deep=ROUTES,
            repeated="It changes nothing.",
        ),
        *(
            _door(
                f"lambdas/deployment/{name}.py", **dict.fromkeys(("foreign_id", "too_deep", "repeated"), CLOUDFORMATION)
            )
            for name in ("copy_libraries", "prefix_list", "protect_tables")
        ),
        _door(
            "lambdas/deployment/delete_old_versions.py",
            foreign_id="It is deployed with SnapStart alone, and knows no records.",
            too_deep="It is deployed with SnapStart alone; EventBridge alone calls it, with what the template names.",
            repeated=Elsewhere("test_versions_that_no_run_waits_on_are_deleted"),
        ),
    ]


def tool_doors() -> list[Door]:
    """Return a row for each folder of `lambdas/tools`."""
    return [_tool_door(folder.name) for folder in tool_folders()]


def _tool_door(module: str) -> Door:
    foreign_id: dict[str, Cell] = {
        "code_interpreter": Elsewhere("test_files_of_another_project_are_not_there"),
        "file_search": _a_search_in_a_foreign_store,
    }
    repeated: dict[str, Cell] = {
        "code_interpreter": Elsewhere("test_a_call_delivered_twice_runs_once"),
        "file_search": "It changes nothing but when its stores were last used.",
        "finance": Elsewhere("test_a_mail_delivered_twice_is_sent_once"),
    }
    return _door(
        f"lambdas/tools/{module}/{module}.py",
        foreign_id=foreign_id.get(module, partial(_a_call_of_a_foreign_run, module)),
        too_deep=partial(_arguments_that_are_too_deep, module),
        repeated=repeated.get(module, partial(_a_call_delivered_twice, module)),
    )


def _door(name: str, *, foreign_id: Cell, repeated: Cell, too_deep: Cell = "") -> Door:
    module = PurePosixPath(name).stem
    return Door(
        name,
        no_key=lambda house: _refused_invocations(house, house.nobody, module),
        foreign_key=lambda house: _refused_invocations(house, house.stranger, module),
        foreign_id=foreign_id,
        too_large=partial(_too_large, module),
        too_deep=too_deep or partial(_too_deep, module),
        repeated=repeated,
    )


def _refused_invocations(house: House, client: Callable[[str], Any], module: str) -> None:
    for function in house.functions.get(module, []):
        with pytest.raises(ClientError) as refused:
            client("lambda").invoke(FunctionName=function, Payload=b"{}")
        _is_denied(refused.value)


def _refused_start(house: House, client: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError) as refused:
        client("stepfunctions").start_execution(stateMachineArn=house.driver.state_machine_arn, input="{}")
    _is_denied(refused.value)


def _is_denied(error: ClientError) -> None:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 401, 403), error
    assert any(word in error.response["Error"]["Code"] for word in ("AccessDenied", "Authentication")), error


def _too_large(module: str, house: House) -> None:
    """Lambda refuses it: the function is not invoked."""
    for function in house.functions.get(module, []):
        with pytest.raises(ClientError) as refused:
            _invoke(house, function, b'"' + b"x" * (MAX_PAYLOAD - 1) + b'"')
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def _too_deep(module: str, house: House) -> None:
    """The function fails or passes over it; it writes nothing, and repeats nothing of it."""
    with house.untouched(house.us):
        for function in house.functions[module]:
            told, _ = _invoke(house, function, b'{"request": %s}' % nested(900))
            assert "[[[" not in told


def _invoke(house: House, function: str, payload: bytes) -> tuple[str, bool]:
    """Return what a function answers, and whether it failed."""
    tenant = {"TenantId": "a-tenant"} if function.endswith("-sandbox") else {}
    answer = house.driver.client("lambda").invoke(FunctionName=function, Payload=payload, **tenant)
    return answer["Payload"].read().decode(), "FunctionError" in answer


# Foreign ids


def _foreign(function: str, events: Callable[[Owner, dict[str, str]], list[Event]]) -> Trial:
    return partial(_names_foreign_ids, function, events)


def _names_foreign_ids(function: str, events: Callable[[Owner, dict[str, str]], list[Event]], house: House) -> None:
    """Name a run, a thread or a file of another project: it is answered like what is missing, and left alone."""
    us, them = house.us, house.them
    answers = []
    with house.untouched(us), house.untouched(them):
        for named in (them.ids, missing(them.ids)):
            [name] = house.functions[function]
            told = [_invoke(house, name, json.dumps(event).encode()) for event in events(us, named)]
            answers.append([(_anonymous(text, named), failed) for text, failed in told])
    assert answers[0] == answers[1], answers


def _anonymous(text: str, named: dict[str, str]) -> str:
    """Return an answer without the ids that it was asked about, and without the request's own."""
    for name, known in named.items():
        text = text.replace(known, name) if known else text
    return re.sub(r'"requestId": ?"[^"]*"', "", text)


def _run_requests(us: Owner, named: dict[str, str]) -> list[Event]:
    request = _run_request(named["assistant_id"], us.ids["thread_id"])
    return [{"request": request, "execution": _execution()}]


def _run_request(assistant_id: str, thread_id: str) -> Json:
    message = {"role": "user", "content": "say Hello"}
    return {"assistant_id": assistant_id, "thread_id": thread_id, "additional_messages": [message]}


def _turns(us: Owner, named: dict[str, str]) -> list[Event]:
    run = {"thread_id": us.ids["thread_id"], "run_id": named["run_id"]}
    return [{**run, "turn": 0, "execution": "nobody's", "outputs": []}]


def _waits(us: Owner, named: dict[str, str]) -> list[Event]:
    return [{"thread_id": us.ids["thread_id"], "run_id": named["run_id"], "turn": 0, "token": "a token"}]


def _failures(us: Owner, named: dict[str, str]) -> list[Event]:
    run = {"thread_id": us.ids["thread_id"], "run_id": named["run_id"]}
    return [{"request": run, "execution": _execution(), "error": "Died"}]


def _questions(us: Owner, named: dict[str, str]) -> list[Event]:
    """Ask as SilvaEngine's functions do; without a setting, it is for the default project."""
    query = """query ($assistant: String!, $thread: String!) {
      askOpenAi(assistantType: "chat", assistantId: $assistant, threadId: $thread, userQuery: "a", updatedBy: "a") {
        threadId
      }
    }"""
    pairs = ((named["assistant_id"], us.ids["thread_id"]), (us.ids["assistant_id"], named["thread_id"]))
    return [
        {
            "funct": "openai_assistant_graphql",
            "params": {"query": query, "variables": {"assistant": assistant_id, "thread": thread_id}},
        }
        for assistant_id, thread_id in pairs
    ]


def _exports(us: Owner, named: dict[str, str]) -> list[Event]:
    return [{"project": us.project, "export_id": named["export_id"]}]


def _execution() -> Event:
    name = str(uuid.uuid4())
    return {"name": name, "arn": f"arn:{name}", "start_time": "2026-01-01T00:00:00Z"}


def _ingestions(us: Owner, named: dict[str, str]) -> list[Event]:
    store = us.ids["vector_store_id"]
    messages: list[Json] = [
        {"store": store, "file": named["file_id"], "ingestion": "1"},
        {"store": store, "removed": named["file_id"], "ingestion": "1"},
    ]
    queue = {"eventSourceARN": "arn:aws:sqs:::a-queue", "receiptHandle": "none"}
    return [{"Records": [{**queue, "body": json.dumps(message)}]} for message in messages]


def _a_run_request_with_foreign_ids(house: House) -> None:
    """Name an assistant and a thread of two projects: who may start executions may name any, but no two together."""
    us, them = house.us, house.them
    causes = []
    with house.untouched(us), house.untouched(them):
        for named in (them.ids, missing(them.ids)):
            cause = _refusal(house, _run_request(named["assistant_id"], us.ids["thread_id"]))
            causes.append(_anonymous(cause, named))
        assert causes[0] == causes[1] and "No assistant found" in causes[0], causes
        _refusal(house, _run_request(us.ids["assistant_id"], them.ids["thread_id"]))


def _refusal(house: House, request: Json) -> str:
    """Start an execution that fails because its request is wrong; return its cause."""
    described = house.driver.wait(house.driver.start(request))
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error"), described
    return str(described["cause"])


def _a_run_request_that_is_too_deep(house: House) -> None:
    request = {"assistant_id": house.us.ids["assistant_id"], "metadata": {"deep": json.loads(nested(200))}}
    with house.untouched(house.us):
        assert "[[[" not in _refusal(house, request)


# Tools


def _call(house: House, module: str, arguments: str = "{}", **more: Any) -> Event:
    """Return the event of a call that its run waits for."""
    described = registry.deployed().get(module, {"functions": {module: {}}})
    call = {
        "thread_id": f"thread_{uuid.uuid4().hex}",
        "run_id": ids.new_id("run_", now_ms()),
        "turn": 0,
        "tool_call_id": "call_1",
        "function_name": next(iter(described["functions"])),
        "arguments": arguments,
        "inline_bytes": 100_000,
        "most_bytes": 500_000,
        **more,
    }
    waits = {"run_status": "in_progress", "turn": 1, "expires_at": int(time.time()) + 600}
    item = {"thread_id": call["thread_id"], "message_id": call["run_id"], **waits}
    house.driver.client("dynamodb").put_item(TableName=house.driver.outputs["MessagesTable"], Item=marshal(item))
    return call


def _arguments_that_are_too_deep(module: str, house: House) -> None:
    for levels in (900, 100_000):
        call = _call(house, module, arguments=f'{{"a": {nested(levels).decode()}}}')
        output = house.driver.invoke(f"tool-{module}", call)["output"]
        assert output.startswith("Error: bad arguments") and len(output) < 2_000


def _a_call_of_a_foreign_run(module: str, house: House) -> None:
    call = _call(house, module)
    foreign = {"thread_id": house.us.ids["thread_id"], "run_id": house.them.waiting["run_id"]}
    assert "does not wait" in house.driver.invoke(f"tool-{module}", {**call, **foreign})["output"]


def _a_call_delivered_twice(module: str, house: House) -> None:
    call = _call(house, module)
    first, second = (house.driver.invoke(f"tool-{module}", call) for _ in range(2))
    assert first["output"] == second["output"]


def _a_search_in_a_foreign_store(house: House) -> None:
    them = house.them.client
    store = them.vector_stores.create(file_ids=[upload(them)])
    [file] = them.vector_stores.files.list(store.id)
    them.vector_stores.files.poll(file.id, vector_store_id=store.id)
    asked = {"vector_store_ids": [store.id], "queries": ["library"], "max_num_results": 10, "ranking_options": {}}
    for owner, count in ((house.us, 0), (house.them, 1)):
        found = house.driver.invoke("tool-file_search", {**asked, "project": owner.project})["results"]
        assert len(found) == count
    them.vector_stores.delete(store.id)
