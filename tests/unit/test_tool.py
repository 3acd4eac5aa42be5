"""A tool class: its schema, its arguments, and what becomes of its errors."""

import json
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from jsonschema_rs import Draft202012Validator, meta
from pydantic import BaseModel, Field

from assistant_engine import tool
from assistant_engine.domain.json_data import Json
from assistant_engine.tools import result

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

    def half(self) -> str:
        """Give half of a pair."""
        return "half \ud83d"

    def _hidden(self) -> None: ...


def invoke(name: str, arguments: str, limit: int = 1_000, most: int = 9_000, cls: type = Calculator) -> Json:
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
    told = tool.handler(cls)(event, None)
    assert 0 < told.pop("began_ms") <= told.pop("ended_ms")
    return told


def test_an_output_that_utf8_can_not_express_is_mended() -> None:
    assert invoke("half", "{}")["output"] == "half \ufffd"


def test_the_size_of_an_output_is_what_it_takes_in_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    put = []
    monkeypatch.setenv("BUCKET", "a-bucket")
    monkeypatch.setattr(result, "_s3", lambda: SimpleNamespace(put_object=lambda **o: put.append(o)))
    monkeypatch.setenv("TOOL", "laboratory")
    key = "outputs/laboratory/thread_1/run_1/3/call_1"
    # Ten quotes, escaped and quoted, are 22 bytes of the state machine's JSON.
    assert invoke("quote", '{"count": 10}', limit=21) == {"tool_call_id": "call_1", "output_key": key}
    assert put[0]["Body"] == b'"' * 10
    assert invoke("quote", '{"count": 10}', limit=22) == {"tool_call_id": "call_1", "output": '"' * 10}


def test_an_output_beyond_all_bounds_is_cut() -> None:
    assert invoke("quote", '{"count": 50}', most=10)["output"] == '"' * 10 + " [truncated]"


def test_schemas_come_from_the_hints_and_the_docstring() -> None:
    described = tool.describe(Calculator)
    assert described["class_name"] == "Calculator"
    assert set(described["functions"]) == {"divide", "half", "quote", "whose"}
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
        "needs_approval": False,
    }


class Place(BaseModel):
    """Says where something is."""

    city: str
    floor: int = 0


class Shop:
    """A tool with every kind of argument."""

    def __init__(self, configuration: dict[str, Any]) -> None: ...

    @tool.needs_approval
    def order(
        self,
        items: list[str],
        place: Place,
        size: Literal["small", "large"] = "small",
        gift: str | int | None = None,
        extras: list[Place] | None = None,
    ) -> dict[str, Any]:
        """Order something."""
        return {"items": items, "city": place.city, "size": size, "gift": gift, "extras": len(extras or [])}


def test_a_schema_has_lists_unions_enumerations_defaults_and_models() -> None:
    order = tool.describe(Shop)["functions"]["order"]
    schema = order["parameters"]
    meta.validate(schema)
    accepts = Draft202012Validator(schema).is_valid
    place = {"city": "Oslo"}
    assert accepts({"items": ["a"], "place": place})
    assert accepts({"items": [], "place": place, "gift": 3, "size": "large", "extras": [place, {**place, "floor": 2}]})
    wrong: list[Json] = [
        {"place": place},
        {"items": "a", "place": place},
        {"items": [], "place": {}},
        {"items": [1], "place": place},
        {"items": [], "place": place, "size": "huge"},
    ]
    assert not any(map(accepts, wrong))
    assert order["needs_approval"]


def test_arguments_reach_the_method_as_its_hints_say() -> None:
    arguments = json.dumps({"items": ["a"], "place": {"city": "Oslo"}, "gift": 3, "extras": [{"city": "Rome"}]})
    told = json.loads(invoke("order", arguments, cls=Shop)["output"])
    assert told == {"items": ["a"], "city": "Oslo", "size": "small", "gift": 3, "extras": 1}
    assert "place.city" in invoke("order", '{"items": [], "place": {}}', cls=Shop)["output"]


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "text", ["a", 1], {"a": {"b": None}}, "", 10**30])
def test_an_output_is_of_any_json_type(value: Any) -> None:
    class Echo:
        def __init__(self, configuration: dict[str, Any]) -> None: ...

        def say(self) -> Any:
            return value

    output = invoke("say", "{}", cls=Echo)["output"]
    assert output == value if isinstance(value, str) else json.loads(output) == value


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("a lone \ud800", "a lone \ufffd"),
        ({"a": "\udfff"}, '{"a": "\ufffd"}'),
        (LOOP, "Error: ValueError: Circular reference detected"),
        ({(1, 2): 3}, "Error: TypeError: keys must be str, int, float, bool or None, not tuple"),
    ],
)
def test_what_no_json_can_say_is_an_output_all_the_same(value: Any, output: str) -> None:
    class Echo:
        def __init__(self, configuration: dict[str, Any]) -> None: ...

        def say(self) -> Any:
            return value

    assert invoke("say", "{}", cls=Echo)["output"] == output


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
