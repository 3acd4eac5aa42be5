"""Calls the code interpreter as the state machine does: its broker, with ids and code."""

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from assistant_engine import built_in, ids
from assistant_engine.built_in import Result
from assistant_engine.records import Json
from assistant_engine.store.dynamodb import marshal
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


def new_call(thread_id: str, code: str, file_ids: Iterable[str] = (), seconds: int | None = None) -> Json:
    """The payload of a call."""
    return {
        "thread_id": thread_id,
        "run_id": ids.new_id("run_", int(time.time() * 1000)),
        "turn": 0,
        "tool_call_id": "call_1",
        "function_name": "code_interpreter",
        "arguments": json.dumps({"code": code}),
        "inline_bytes": 100_000,
        "most_bytes": 500_000,
        "inputs": {"file_ids": list(file_ids), **({"seconds": seconds} if seconds else {})},
    }


class Interpreter:
    """The code interpreter of one thread."""

    def __init__(self, driver: Driver, thread_id: str = "") -> None:
        self.driver = driver
        self.thread_id = thread_id or f"thread_{uuid.uuid4().hex}"

    def run(self, code: str, file_ids: Iterable[str] = (), seconds: int | None = None) -> Ran:
        """Run code as the thread's next call."""
        return self.deliver(new_call(self.thread_id, code, file_ids, seconds))

    def deliver(self, call: Json) -> Ran:
        """Deliver a call, perhaps once more."""
        self._let_a_run_wait(call)
        answer = self.driver.invoke("tool-code_interpreter", call)
        result = Result(0, 0, "code_interpreter", answer["output"])
        told = result.parsed()
        figures = [file["file_id"] for file in told["files"] if file["image"]]
        files = {file["path"]: file for file in told["files"] if not file["image"]}
        return Ran(built_in.told(result), told["logs"], figures, files)

    def _let_a_run_wait(self, call: Json) -> None:
        """Write as much of a run as a tool looks at."""
        self.driver.client("dynamodb").put_item(
            TableName=self.driver.outputs["MessagesTable"],
            Item=marshal(
                {
                    "thread_id": call["thread_id"],
                    "message_id": call["run_id"],
                    "run_status": "in_progress",
                    "turn": call["turn"] + 1,
                    "expires_at": int(time.time()) + 600,
                }
            ),
        )

    def bytes_of(self, file_id: str) -> bytes:
        """The bytes of a produced file."""
        return self.driver.store.files.read(file_id)
