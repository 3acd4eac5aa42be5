"""Messages and turns as the Responses API speaks them, and back."""

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message, text_of
from assistant_engine.domain.usage import Usage
from assistant_engine.model.request import build_request, fit
from assistant_engine.model.response import read_turn
from tests.support.model_requests import SETTINGS, request
from tests.support.responses import call, response, text


def said(text: str, role: str = "user") -> Json:
    return new_message({"role": role, "content": text}, Seconds(1))


def test_a_plain_request_sends_the_messages_and_stores_nothing() -> None:
    body = request([said("Hello"), said("Hi", "assistant")])
    assert body == {
        "model": "a-model",
        "instructions": "Be brief.",
        "store": False,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        ],
    }


def test_a_temperature_that_is_not_the_default_is_sent() -> None:
    body = request(temperature=0.2, top_p=0.5)
    assert (body["temperature"], body["top_p"]) == (0.2, 0.5)


def test_functions_are_flattened_and_not_strict_unless_asked() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}]
    choice = {"type": "function", "function": {"name": "f"}}
    body = request(tools=tools, tool_choice=choice, parallel_tool_calls=False)
    assert [(tool["name"], tool["strict"]) for tool in body["tools"]] == [("f", False), ("code_interpreter", False)]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["parallel_tool_calls"] is False


def test_a_named_tool_choice_is_for_the_first_turn_only() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    settings = {**SETTINGS, "tools": tools, "tool_choice": "required"}
    body = build_request(settings, [], [[call("c1")]], [{"c1": "out"}], Usage(), {})
    assert "tool_choice" not in body


def test_turns_are_sent_again_word_for_word_with_their_outputs_after_them() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "encrypted_content": "xyz", "summary": []}
    turn = [reasoning, call("c1"), call("c2")]
    body = request([said("Go")], [turn], [{"c2": "two", "c1": "one"}])
    assert body["input"][1:4] == turn
    assert [(item["call_id"], item["output"]) for item in body["input"][4:]] == [("c1", "one"), ("c2", "two")]


def test_calls_of_two_turns_may_have_one_id() -> None:
    body = request([said("Go")], [[call("c1")], [call("c1")]], [{"c1": "first"}, {"c1": "second"}])
    assert [item["output"] for item in body["input"] if "output" in item] == ["first", "second"]


def test_reasoning_without_its_content_is_not_sent_again() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    body = request([said("Go")], [[reasoning, call("c1")]], [{"c1": "one"}])
    assert [item["type"] for item in body["input"]] == ["message", "function_call", "function_call_output"]
    assert "id" not in body["input"][1]


def test_images_of_the_assistant_stay_out() -> None:
    message = said("Look", "assistant")
    message["content"].append({"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "auto"}})
    assert [part["type"] for part in request([message])["input"][0]["content"]] == ["output_text"]


def test_a_json_schema_is_flattened() -> None:
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    body = request(response_format={"type": "json_schema", "json_schema": schema})
    assert body["text"] == {"format": {"type": "json_schema", **schema}}
    assert request(response_format={"type": "json_object"})["text"] == {"format": {"type": "json_object"}}


def test_the_completion_budget_is_what_the_run_has_left() -> None:
    assert request(max_completion_tokens=256)["max_output_tokens"] == 156


def first_letters(body: Json) -> list[str]:
    return [item["content"][0]["text"][0] for item in body["input"]]


def test_the_oldest_messages_give_way_and_the_newest_stays() -> None:
    body = request([said("x" * 4_000), said("y" * 4_000), said("z" * 4_000)])
    assert fit(body, 2_200, 3, keep_first=False)
    assert first_letters(body) == ["y", "z"]
    assert not fit(body, 10, 2, keep_first=False)
    assert first_letters(body) == ["z"]


def test_the_middle_gives_way_where_the_first_message_is_kept() -> None:
    body = request([said("a"), said("x" * 4_000), said("y" * 4_000), said("z" * 4_000)])
    assert fit(body, 2_200, 4, keep_first=True)
    assert first_letters(body) == ["a", "y", "z"]


def test_a_first_message_that_takes_too_much_is_not_kept() -> None:
    body = request([said("x" * 4_000), said("y" * 4_000), said("z" * 4_000)])
    assert fit(body, 2_200, 3, keep_first=True)
    assert first_letters(body) == ["y", "z"]


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ({}, Usage(7, 3)),
        ({"input_tokens_details": {"cached_tokens": 5}}, Usage(7, 3, cached_tokens=5)),
        ({"output_tokens_details": {"reasoning_tokens": 2}}, Usage(7, 3, reasoning_tokens=2)),
        ({"input_tokens_details": {"cached_tokens": 9}, "output_tokens_details": None}, Usage(7, 3, cached_tokens=7)),
        ({"input_tokens_details": [5], "output_tokens_details": {"reasoning_tokens": "2"}}, Usage(7, 3)),
        ({"input_tokens_details": {"cached_tokens": -1}}, Usage(7, 3)),
        (
            {"input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2}},
            Usage(7, 3, cached_tokens=5, cache_write_tokens=2),
        ),
        (
            {"input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 9}},
            Usage(7, 3, cached_tokens=5, cache_write_tokens=2),
        ),
        ({"input_tokens_details": {"cache_write_tokens": "2"}}, Usage(7, 3)),
    ],
)
def test_cached_and_reasoning_tokens_are_among_the_others(details: Json, usage: Usage) -> None:
    told = response(text("Hello"), usage={"input_tokens": 7, "output_tokens": 3, **details})
    assert read_turn(told, "asst_1", "run_1", Seconds(9)).usage == usage


def test_an_answer_completes_the_run() -> None:
    turn = read_turn(response(text("Hello")), "asst_1", "run_1", Seconds(9))
    assert (turn.status, turn.usage, turn.calls) == ("completed", Usage(70, 30), [])
    assert turn.message is not None
    assert text_of(turn.message) == "Hello"
    assert (turn.message["assistant_id"], turn.message["run_id"], turn.message["status"]) == (
        "asst_1",
        "run_1",
        "completed",
    )


def test_text_beside_calls_is_a_message_and_the_run_goes_on() -> None:
    turn = read_turn(response(text("Let me look."), call("c1"), call("c2")), "asst_1", "run_1", Seconds(9))
    assert turn.status == "in_progress"
    assert turn.message is not None
    assert [made["id"] for made in turn.calls] == ["c1", "c2"]


def test_an_answer_cut_off_makes_the_run_incomplete() -> None:
    cut = response(text("Hel"), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    turn = read_turn(cut, "asst_1", "run_1", Seconds(9))
    assert (turn.status, turn.incomplete_details) == ("incomplete", {"reason": "max_completion_tokens"})
    assert turn.message is not None
    assert turn.message["incomplete_details"] == {"reason": "max_tokens"}


def test_a_filtered_answer_has_no_reason_on_the_run() -> None:
    cut = response(text("Hel"), status="incomplete", incomplete_details={"reason": "content_filter"})
    turn = read_turn(cut, "asst_1", "run_1", Seconds(9))
    assert (turn.status, turn.incomplete_details) == ("incomplete", None)
    assert turn.message is not None
    assert turn.message["incomplete_details"] == {"reason": "content_filter"}


def test_a_refusal_is_a_message() -> None:
    refusal = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    turn = read_turn(response(refusal), "asst_1", "run_1", Seconds(9))
    assert turn.status == "completed"
    assert turn.message is not None
    assert turn.message["content"] == [{"type": "refusal", "refusal": "No."}]
