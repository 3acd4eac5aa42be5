"""Calls the code interpreter as the state machine does: its broker, with ids and code."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from assistant_engine import ids
from assistant_engine.records import Json
from tests.driver import Driver


@dataclass(frozen=True, slots=True)
class Ran:
    """What a call gave back.

    Attributes:
        output: what the model reads.
        logs: what the run step shows.
        figures: ids of the files of shown charts.
        files: produced files as `{"file_id", "filename", "path", "image"}`, by path.
    """

    output: str
    logs: str
    figures: list[str] = field(default_factory=list)
    files: dict[str, Json] = field(default_factory=dict)


def new_call(thread_id: str, code: str, files: dict[str, str] | None = None, seconds: int | None = None) -> Json:
    """The payload of a call; `files` are names by file id."""
    return {
        "thread_id": thread_id,
        "run_id": ids.new_id("run_", int(time.time() * 1000)),
        "turn": 0,
        "tool_call_id": "call_1",
        "function_name": "code_interpreter",
        "arguments": json.dumps({"code": code}),
        "configured": False,
        "inline_bytes": 100_000,
        "most_bytes": 500_000,
        "files": [{"file_id": file_id, "filename": name} for file_id, name in (files or {}).items()],
        "seconds": seconds,
    }


class Interpreter:
    """The code interpreter of one thread."""

    def __init__(self, driver: Driver, thread_id: str = "") -> None:
        self.driver = driver
        self.thread_id = thread_id or f"thread_{uuid.uuid4().hex}"

    def run(self, code: str, files: dict[str, str] | None = None, seconds: int | None = None) -> Ran:
        """Run code as the thread's next call."""
        return self.deliver(new_call(self.thread_id, code, files, seconds))

    def deliver(self, call: Json) -> Ran:
        """Deliver a call, perhaps once more."""
        result = invoke(self.driver, "tool-code_interpreter", call)
        shown = result.get("shown", {"outputs": [], "files": []})
        logs = [output["logs"] for output in shown["outputs"] if output["type"] == "logs"]
        figures = [output["image"]["file_id"] for output in shown["outputs"] if output["type"] == "image"]
        assert len(logs) <= 1
        return Ran(result["output"], "".join(logs), figures, {file["path"]: file for file in shown["files"]})

    def bytes_of(self, file_id: str) -> bytes:
        """The bytes of a produced file."""
        return self.driver.store.files.read(file_id)


def invoke(driver: Driver, function: str, event: Json, **more: str) -> Any:
    """Invoke one of the stack's functions; its result."""
    answer = driver.client("lambda").invoke(
        FunctionName=driver.function_name(function), Payload=json.dumps(event).encode(), **more
    )
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result
