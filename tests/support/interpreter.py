"""Calls the code interpreter as the state machine does: its broker, with ids and code."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store.items import marshal
from tests.support.driver import Driver


@dataclass(frozen=True, slots=True)
class Ran:
    """Holds what a call gave back.

    Attributes:
        logs: what was printed, and what else is to be said.
        figures: charts that are shown, as `{"file_id", "filename", "path", "image"}`.
        files: other produced files, by path.
    """

    logs: str
    figures: list[Json]
    files: dict[str, Json]


def new_call(thread_id: str, code: str, file_ids: Sequence[str] = (), seconds: int | None = None) -> Json:
    """The payload of a call."""
    return {
        "thread_id": thread_id,
        "run_id": ids.new_id("run_", now_ms()),
        "turn": 0,
        "tool_call_id": "call_1",
        "function_name": "code_interpreter",
        "arguments": json.dumps({"code": code}),
        "inline_bytes": 100_000,
        "most_bytes": 500_000,
        "file_ids": list(file_ids),
        "project": DEFAULT_PROJECT,
        "seconds": seconds,
    }


class Interpreter:
    """The code interpreter of one thread."""

    def __init__(self, driver: Driver, thread_id: str = "") -> None:
        self.driver = driver
        self.thread_id = thread_id or f"thread_{uuid.uuid4().hex}"

    def run(self, code: str, file_ids: Sequence[str] = (), seconds: int | None = None) -> Ran:
        """Run code as the thread's next call."""
        return self.deliver(new_call(self.thread_id, code, file_ids, seconds))

    def deliver(self, call: Json) -> Ran:
        """Deliver a call, perhaps once more."""
        output = call_broker(self.driver, call)["output"]
        assert output.startswith("{"), output
        told = json.loads(output)
        figures = [file for file in told["files"] if file["image"]]
        return Ran(told["logs"], figures, {file["path"]: file for file in told["files"] if not file["image"]})

    def bytes_of(self, file_id: str) -> bytes:
        """The bytes of a produced file."""
        return self.driver.store.files.read(file_id)


def call_broker(driver: Driver, call: Json) -> Json:
    """Invoke the broker with a call of a run that waits for it; its result."""
    run = {"thread_id": call["thread_id"], "message_id": call["run_id"], "run_status": "in_progress"}
    waits = {**run, "turn": call["turn"] + 1, "expires_at": int(time.time()) + 600}
    driver.client("dynamodb").put_item(TableName=driver.outputs["MessagesTable"], Item=marshal(waits))
    answer: Json = invoke(driver, "tool-code_interpreter", call)
    return answer


def invoke(driver: Driver, function: str, event: Json, **more: str) -> Any:
    """Invoke one of the stack's functions; its result."""
    answer = driver.client("lambda").invoke(
        FunctionName=driver.function_name(function), Payload=json.dumps(event).encode(), **more
    )
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result
