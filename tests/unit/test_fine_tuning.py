"""Examples for fine-tuning: whatever was said, each line holds to its format, and says what is to be learned."""

import json
import random
from functools import partial
from typing import Any

import pytest

from assistant_engine.domain.fine_tuning import (
    MAX_BYTES,
    LeftOut,
    Taken,
    check,
    is_for_training,
    line_of,
    single,
    whole,
)
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.rating import score_of, weight_of
from tests.support.fine_tune_format import loaded
from tests.support.responses import FOUND, call, text

SETTINGS: Json = {
    "instructions": "Be brief.",
    "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}],
    "parallel_tool_calls": False,
    "truncation_strategy": {"type": "auto", "last_messages": None},
}


def message(role: str, said: Any, run_id: str | None = None, **metadata: str) -> Json:
    content = said if isinstance(said, list) else [{"type": "text", "text": {"value": said, "annotations": []}}]
    return {"id": "msg_1", "role": role, "content": content, "run_id": run_id, "metadata": metadata}


def taken(run_id: str, *turns: list[Json], **settings: Any) -> Taken:
    outputs = [
        {item["call_id"]: f"output of {item['call_id']}" for item in turn if item["type"] == "function_call"}
        for turn in turns[:-1]
    ]
    return Taken(run_id, {**SETTINGS, **settings}, list(turns), outputs)


def line(example: Any, shape: Any = "openai") -> Json:
    [made] = loaded(line_of(example, shape), shape)
    return made


def test_parallel_calls_are_one_turn_with_an_output_for_each() -> None:
    run = taken("run_1", [text("I ask."), call("a"), call("b")], [text("Done.")])
    said = [message("user", "Go."), message("assistant", "I ask.", "run_1"), message("assistant", "Done.", "run_1")]
    made = line(whole(said, {"run_1": run}, 0.5))
    assert [each["role"] for each in made["messages"]] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert made["messages"][2]["content"] == "I ask." and "weight" not in made["messages"][2]
    assert [each["content"] for each in made["messages"][3:5]] == ["output of a", "output of b"]
    assert [tool["function"]["name"] for tool in made["tools"]] == ["f", "code_interpreter"]
    assert made["parallel_tool_calls"] is False


def test_a_run_that_is_not_learned_from_leaves_what_it_said_without_its_calls() -> None:
    runs = {
        "run_1": taken("run_1", [call("a")], [text("Bad.")]),
        "run_2": taken("run_2", [text("Good.")], tools=[]),
    }
    said = [
        message("user", "One."),
        message("assistant", "Bad.", "run_1", rating="down"),
        message("user", "Two."),
        message("assistant", "Good.", "run_2"),
    ]
    made = line(whole(said, runs, 0.5))
    assert made["messages"][1:] == [
        {"role": "user", "content": "One."},
        {"role": "assistant", "content": "Bad.", "weight": 0},
        {"role": "user", "content": "Two."},
        {"role": "assistant", "content": "Good.", "weight": 1},
    ]
    assert "tools" not in made


def test_the_tools_are_the_last_run_s_and_those_that_were_called() -> None:
    runs = {
        "run_1": taken("run_1", [call("a", "old")], [text("One.")], tools=[_tool("old"), _tool("unused")]),
        "run_2": taken("run_2", [text("Two.")], tools=[_tool("new")]),
    }
    said = [message("user", "Go."), message("assistant", "One.", "run_1"), message("assistant", "Two.", "run_2")]
    assert [tool["function"]["name"] for tool in line(whole(said, runs, 0.5))["tools"]] == ["new", "old"]


def _tool(name: str) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def test_a_client_s_better_answer_is_learned_from_if_it_says_so() -> None:
    said = [
        message("user", "Go."),
        message("assistant", "Bad.", "run_1", rating="down"),
        message("assistant", "Better.", None, weight="1"),
        message("assistant", "An aside.", None),
        message("assistant", "Bye.", "run_2"),
    ]
    runs = {name: taken(name, [text(words)]) for name, words in (("run_1", "Bad."), ("run_2", "Bye."))}
    weights = {each["content"]: each.get("weight") for each in line(whole(said, runs, 0.5))["messages"][2:]}
    assert weights == {"Bad.": 0, "Better.": 1, "An aside.": 0, "Bye.": 1}


def test_context_is_bounded_by_the_run_s_truncation_and_by_size() -> None:
    said = [message("user", f"{number} " + "x" * 90_000) for number in range(5)] + [
        message("assistant", "Yes.", "run_1")
    ]
    made = line(single(said, taken("run_1", [text("Yes.")]), 0.5))
    assert [each["content"][0] for each in made["messages"][1:-1]] == ["3", "4"]
    last = {"type": "last_messages", "last_messages": 1}
    made = line(single(said, taken("run_1", [text("Yes.")], truncation_strategy=last), 0.5))
    assert [each["content"][0] for each in made["messages"][1:-1]] == ["4"]


@pytest.mark.parametrize(
    ("reason", "turns", "said"),
    [
        ("hosted_tool", [[FOUND, text("Yes.")]], ["Yes."]),
        ("deleted", [[text("Yes.")]], []),
        ("deleted", [[text("I ask."), call("a")], [text("Yes.")]], ["Yes."]),
        ("empty", [[text("")]], [""]),
        ("refusal", [[text("")]], [[{"type": "refusal", "refusal": "No."}]]),
        ("image", [[text("Yes.")]], [[{"type": "image_file", "image_file": {"file_id": "file-a"}}]]),
        ("too_large", [[text("x" * MAX_BYTES)]], ["x" * MAX_BYTES]),
        ("weight", [[text("Yes.")]], [message("assistant", "Yes.", "run_1", weight="0.4")]),
    ],
)
def test_a_run_that_can_t_be_learned_from_says_why(reason: str, turns: list[list[Json]], said: list[Any]) -> None:
    run = taken("run_1", *turns)
    answers = [each if isinstance(each, dict) else message("assistant", each, "run_1") for each in said]
    conversation = [message("user", "Go."), *answers]
    with pytest.raises(LeftOut) as why:
        check(run, conversation)
        line_of(whole(conversation, {"run_1": run}, 0.5), "openai")
    assert why.value.reason == reason


def test_whatever_was_said_each_line_holds_to_its_format() -> None:
    """3,000 threads drawn at random, with the same seed each time."""
    draw = random.Random(7)
    made = {"openai": 0, "bedrock": 0}
    for number in range(3_000):
        said, runs = _thread(draw)
        for shape in ("openai", "bedrock"):
            for make in (partial(whole, said, runs, 0.5), *(partial(single, said, run, 0.5) for run in runs.values())):
                try:
                    loaded(line_of(make(), shape), shape)
                    made[shape] += 1
                except LeftOut as why:
                    assert why.reason == "weight", number
    assert min(made.values()) > 3_000


def _thread(draw: random.Random) -> tuple[list[Json], dict[str, Taken]]:
    said: list[Json] = []
    runs: dict[str, Taken] = {}
    for number in range(draw.randint(1, 5)):
        for _ in range(draw.randint(0, 2)):
            said.append(message(draw.choice(["user", "user", "assistant"]), f"Said {number}."))
        run_id, turns = f"run_{number}", []
        for turn in range(draw.randint(0, 2)):
            calls = [call(f"call_{turn}_{each}", draw.choice("fgh")) for each in range(draw.randint(1, 3))]
            turns.append([*([text("I ask.")] if draw.random() < 0.3 else []), *calls])
        turns.append([text("Done.")])
        metadata = draw.choice([{}, {}, {"rating": "down"}, {"weight": "0"}])
        for items in turns:
            if items[0]["type"] == "message":
                said.append(message("assistant", items[0]["content"][0]["text"], run_id, **metadata))
        if draw.random() < 0.8 or not runs:
            runs[run_id] = taken(run_id, *turns, tools=[_tool(name) for name in "fgh"])
    return said, runs


def test_the_split_is_as_large_as_asked_for_and_follows_from_seed_and_thread() -> None:
    threads = [f"thread_{number}" for number in range(10_000)]
    for percentage in (0, 20, 80, 100):
        chosen = [is_for_training(3, thread, percentage) for thread in threads]
        assert abs(sum(chosen) - 100 * percentage) < 150
        assert chosen == [is_for_training(3, thread, percentage) for thread in threads]
    assert sum(is_for_training(seed, "thread_1", 50) for seed in range(1_000)) in range(430, 570)


def test_ratings_and_weights_are_read_from_metadata() -> None:
    assert [score_of({"rating": word}) for word in ("up", " Down ", "1", "3", "5", "6", "", "fine")] == [
        *(100, 0, 0, 50, 100, None, None, None)
    ]
    given: list[dict[str, str]] = [
        {},
        {"weight": "0"},
        {"weight": "0.25", "rating": "up"},
        {"weight": "2"},
        {"rating": "4"},
    ]
    assert [weight_of(metadata) for metadata in given] == [1, 0, 0.25, 1, 0.75]
    assert weight_of({"weight": "nan"}) == 1


def test_a_line_is_json_of_one_line_in_utf_8() -> None:
    run = taken("run_1", [text("Zeile\n\u2028 – ✓")])
    data = line_of(whole([message("assistant", "Zeile\n\u2028 – ✓", "run_1")], {"run_1": run}, 0.5), "openai")
    assert data.count(b"\n") == 1
    assert json.loads(data)["messages"][-1]["content"] == "Zeile\n\u2028 – ✓"
