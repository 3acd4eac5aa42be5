"""Checks that the data of states stays below Step Functions' 256 KiB, the answer of Lambda around it included."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.runs import tool_calls
from assistant_engine.tools import registry
from assistant_engine.tools.call import Call
from assistant_engine.tools.result import result_of

LIMIT = 262_144
METADATA = {
    "ExecutedVersion": "1" * 10,
    "SdkHttpMetadata": {
        "AllHttpHeaders": {f"header-{number}": ["x" * 80] for number in range(10)},
        "HttpStatusCode": 200,
    },
    "SdkResponseMetadata": {"RequestId": "x" * 36},
    "StatusCode": 200,
}
"""More than what Step Functions puts around the payload of a `lambda:invoke`."""
FILES = [ids.new_id("file-", Milliseconds(number)) for number in range(5_000)]
RESOURCES = {"code_interpreter": {"file_ids": FILES}}


def task_result(payload: Any) -> int:
    """Bytes of a task's raw result."""
    return len(json.dumps({**METADATA, "Payload": payload}).encode())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run of a thread with thousands of files."""
    arn = f"arn:aws:lambda:ap-southeast-4:123456789012:function:{'x' * 40}:v1000"
    monkeypatch.setattr(registry, "alias_arn", lambda module: arn)
    return SimpleNamespace(
        id=ids.new_id("run_", Milliseconds(0)),
        thread_id=ids.new_id("thread_", Milliseconds(0)),
        turn=100,
        project="p" * 64,
        functions=[],
        expires_at=1_000,
        settings={"tools": [{"type": "code_interpreter"}, {"type": "file_search"}]},
        tool_resources=RESOURCES,
    )


class Tools:
    """A turn of many calls, each with as long arguments as are taken."""

    def __init__(self, count: int) -> None:
        self.calls: list[Json] = []
        names = ("code_interpreter", "file_search")
        for number in range(count):
            function = {"name": names[number % 2], "arguments": ""}
            self.calls.append({"id": f"call_{number:024}", "function": function})
        for call in self.calls:
            code = tool_calls._share(self) - json_size(json.dumps({"code": ""}))  # type: ignore[arg-type]
            call["function"]["arguments"] = json.dumps({"code": "x" * max(0, code)})

    def unanswered(self, *, server: bool) -> list[Json]:
        return self.calls if server else []


@pytest.mark.parametrize("count", [1, 2, 10, 50, 128])
def test_the_calls_of_a_turn_fit(run: Any, count: int) -> None:
    head = SimpleNamespace(tool_resources=RESOURCES)
    store: Any = SimpleNamespace(threads=SimpleNamespace(get_head=lambda thread_id: head))
    tools: Any = Tools(count)
    calls, inputs = tool_calls.calls(run, tools), tool_calls.inputs(store, run, tools, Seconds(400))
    assert inputs["code_interpreter"]["file_ids"] == FILES[-1_000:]
    assert inputs["code_interpreter"]["seconds"] == 600
    result = {"status": "call_tools", "turn": 100, "calls": calls, "inputs": inputs}
    assert task_result(result) < LIMIT
    payload = {**calls[0]["payload"], **inputs["code_interpreter"]}
    assert len(json.dumps({"FunctionName": calls[0]["function"], "Payload": payload})) < LIMIT


@pytest.mark.parametrize("count", [1, 2, 10, 50, 128])
def test_the_outputs_of_a_turn_fit(run: Any, count: int) -> None:
    tools: Any = Tools(count)
    outputs = []
    for call in tools.calls:
        inline = tool_calls.inline_bytes(tools)
        made = result_of(Call(run.thread_id, run.id, 99, call["id"]), "x" * (inline - 2), inline)
        assert "output" in made
        assert task_result(made) < LIMIT
        outputs.append(made)
    asked = {"thread_id": run.thread_id, "run_id": run.id, "turn": 100, "execution": "x" * 80, "outputs": outputs}
    assert len(json.dumps({"FunctionName": "x" * 140, "Payload": asked})) < LIMIT


def test_a_run_that_is_about_to_expire_gives_its_code_a_second(run: Any) -> None:
    head = SimpleNamespace(tool_resources=RESOURCES)
    store: Any = SimpleNamespace(threads=SimpleNamespace(get_head=lambda thread_id: head))
    tools: Any = Tools(1)
    assert tool_calls.inputs(store, run, tools, Seconds(1_500))["code_interpreter"]["seconds"] == 1
