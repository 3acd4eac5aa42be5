"""A tool class: its schema, its arguments, and what becomes of its errors."""

import json
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import Field

from assistant_engine import tool
from assistant_engine.records import Json

pytestmark = pytest.mark.usefixtures("a_run_that_waits")


class Calculator:
    """A tool for these tests."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.configuration = configuration

    def divide(self, dividend: Annotated[float, Field(description="What is divided.")], divisor: float = 2.0) -> float:
        """Divide two numbers."""
        return dividend / divisor

    def whose(self) -> str:
        """Tell the ids of the call."""
        return tool.current_call().tool_call_id

    def quote(self, count: int) -> str:
        """Give quotes."""
        return '"' * count

    def _hidden(self) -> None: ...


def invoke(name: str, arguments: str, limit: int = 1_000, most: int = 9_000) -> Json:
    event = {
        "thread_id": "thread_1",
        "run_id": "run_1",
        "tool_call_id": "call_1",
        "function_name": name,
        "arguments": arguments,
        "turn": 3,
        "inline_bytes": limit,
        "most_bytes": most,
    }
    return tool.handler(Calculator)(event, None)


def test_the_size_of_an_output_is_what_it_takes_in_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    put = []
    monkeypatch.setenv("BUCKET", "a-bucket")
    monkeypatch.setattr(tool, "_s3", lambda: SimpleNamespace(put_object=lambda **o: put.append(o)))
    key = "outputs/thread_1/run_1/3/call_1"
    # Ten quotes, escaped and quoted, are 22 bytes of the state machine's JSON.
    assert invoke("quote", '{"count": 10}', limit=21) == {"tool_call_id": "call_1", "output_key": key}
    assert put[0]["Body"] == b'"' * 10
    assert invoke("quote", '{"count": 10}', limit=22) == {"tool_call_id": "call_1", "output": '"' * 10}


def test_an_output_beyond_all_bounds_is_cut() -> None:
    assert invoke("quote", '{"count": 50}', most=10)["output"] == '"' * 10 + " [truncated]"


def test_schemas_come_from_the_hints_and_the_docstring() -> None:
    described = tool.describe(Calculator)
    assert described["class_name"] == "Calculator"
    assert set(described["functions"]) == {"divide", "quote", "whose"}
    assert described["functions"]["divide"] == {
        "description": "Divide two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "dividend": {"type": "number", "description": "What is divided."},
                "divisor": {"type": "number", "default": 2.0},
            },
            "required": ["dividend"],
            "additionalProperties": False,
        },
    }


def test_a_result_is_the_output() -> None:
    assert invoke("divide", '{"dividend": 5}') == {"tool_call_id": "call_1", "output": "2.5"}
    assert invoke("whose", "")["output"] == "call_1"


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("divide", '{"dividend": "five"}', "dividend"),
        ("divide", "{}", "dividend"),
        ("divide", '{"dividend": 1, "extra": 2}', "extra"),
        ("divide", "not json", "arguments"),
        ("divide", "[1]", "arguments"),
        ("divide", '{"dividend": 1, "divisor": 0}', "ZeroDivisionError"),
        ("_hidden", "{}", "no function"),
        ("missing", "{}", "no function"),
    ],
)
def test_errors_are_outputs_for_the_model_to_see(name: str, arguments: str, words: str) -> None:
    output = invoke(name, arguments)["output"]
    assert output.startswith("Error: ")
    assert words in output


def test_the_output_is_json_text_of_what_is_not_text() -> None:
    assert json.loads(invoke("divide", '{"dividend": 1, "divisor": 4}')["output"]) == 0.25
