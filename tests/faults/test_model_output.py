"""Whatever a model says, or its server makes of it: each has its one outcome, and the records hold."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import Usage
from tests.support.driver import ASK, Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.responses import calls, response

pytestmark = pytest.mark.offline_model


def says(text: Any) -> Json:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def price(symbol: str, call_id: Any = "call_a") -> Json:
    return calls("get_stock_price", json.dumps({"symbol": symbol}), call_id)


class Talk:
    """A run whose model answers so, one response (or body, as bytes) in each turn; then it says `Done.`."""

    def __init__(self, driver: Driver, server: ModelServer, responses: Iterable[Any], **more: Any) -> None:
        self.driver = driver
        self.server = server
        self.marker = f"marker-{uuid.uuid4()}"
        bodies = [*responses, response(says("Done."))] if isinstance(responses, list) else responses
        server.when(self.marker, (Behaviour(body=body) for body in bodies))
        self.run = driver.begin(self.marker, **more)

    def ended(self, status: str, seconds: float = 180) -> Run:
        return self.driver.ended(self.run, status, seconds)

    def sent(self) -> list[Json]:
        """The input of the newest model call, but the user's message."""
        items: list[Json] = self.server.requests(self.marker)[-1].body["input"]
        return items[1:]

    def calls(self) -> list[Json]:
        """All calls that the run shows in its steps, with their outputs."""
        steps = [step["step_details"] for step in self.driver.steps(self.run.thread_id, self.run.id)]
        return [call for details in steps if details["type"] == "tool_calls" for call in details["tool_calls"]]

    def outputs(self) -> list[str]:
        return [call["function"]["output"] for call in self.calls()]

    def said(self) -> list[Json]:
        """The messages that the run added to its thread."""
        return [message for message in self.driver.messages(self.run.thread_id) if message["role"] == "assistant"]


Begin = Callable[..., Talk]
BeginEach = Callable[[Iterable[Any]], Iterator[Talk]]


@pytest.fixture
def begin(driver: Driver, model_server: ModelServer) -> Begin:
    """Begin a run whose model answers with the given responses."""
    return partial(Talk, driver, model_server)


@pytest.fixture
def each(begin: Begin) -> BeginEach:
    """Begin a run for each response, one after another: at once, each would start processes of its own."""
    return lambda responses: (begin([response]) for response in responses)


def text(message: Json) -> str:
    [part] = message["content"]
    return str(part["text"]["value"])


# Calls


def test_arguments_that_are_not_json_are_an_error_for_the_model_to_see(each: BeginEach) -> None:
    bad = ["symbol=ACME\0", '{"symbol": "\\ud800"}', '{"symbol": "\ud800', "[" * 1_000]
    for talk in each(response(calls("get_stock_price", arguments)) for arguments in bad):
        run = talk.ended("completed")
        [output] = talk.outputs()
        assert output.startswith("Error: ")
        assert [item["type"] for item in talk.sent()] == ["function_call", "function_call_output"]
        assert talk.sent()[1]["output"] == output
        assert (run.attempts, run.turn, len(talk.said())) == (2, 2, 1)


def test_arguments_that_break_the_schema_are_an_error_for_the_model_to_see(each: BeginEach) -> None:
    bad = ['{"symbol": 7}', '{"symbol": "ACME", "more": 1}', "", '["ACME"]']
    for talk in each(response(calls("get_stock_price", arguments)) for arguments in bad):
        talk.ended("completed")
        [output] = talk.outputs()
        assert output.startswith("Error: bad arguments.")


def test_a_client_is_handed_the_arguments_as_they_are(begin: Begin, driver: Driver) -> None:
    for arguments in ("", '{"no JSON": \0\u202e🙂'):
        talk = begin([response(calls("ask", arguments))])
        run = driver.until(talk.run, "requires_action")
        [call] = driver.waiting_calls(run)
        assert call["function"]["arguments"] == arguments
        driver.submit(run, {call["id"]: "yes"})
        talk.ended("completed")
        assert talk.outputs() == ["yes"]


def test_an_unknown_function_is_an_error_for_the_model_to_see(each: BeginEach) -> None:
    names = ["get_weather", "", "n" * 1_000_000, "\0\ud800"]
    for talk in each(response(calls(name), price("ACME", "call_b")) for name in names):
        run = talk.ended("completed")
        unknown, known = talk.outputs()
        assert unknown == "Error: there is no function of this name."
        assert "182.4" in known
        assert (run.attempts, run.turn) == (2, 2)


def test_a_function_that_the_run_does_not_offer_is_not_called(begin: Begin) -> None:
    talk = begin([response(price("ACME"))], tools=[ASK])
    talk.ended("completed")
    assert talk.outputs() == ["Error: there is no function of this name."]


def test_a_hundred_calls_in_one_turn_are_all_carried_out(begin: Begin) -> None:
    talk = begin([response(*(price(f"S{number}", f"call_{number}") for number in range(100)))])
    run = talk.ended("completed", seconds=300)
    outputs = talk.outputs()
    assert len(outputs) == 100
    assert all(f"S{number}" in output for number, output in enumerate(outputs))
    assert (run.attempts, run.turn) == (2, 2)


def test_of_more_calls_than_a_turn_may_have_the_first_are_carried_out(begin: Begin) -> None:
    talk = begin([response(*(calls("none", "{}", f"call_{number}") for number in range(500)))])
    talk.ended("completed")
    assert [call["id"] for call in talk.calls()] == [f"call_{number}" for number in range(128)]
    assert [item["type"] for item in talk.sent()].count("function_call") == 128


def test_an_endless_loop_of_tool_calls_ends_at_the_limit_of_turns(begin: Begin) -> None:
    talk = begin(repeat(response(calls("none"))))
    run = talk.ended("failed", seconds=300)
    assert run.last_error is not None
    assert run.last_error["code"] == "server_error"
    assert "100 turns" in run.last_error["message"]
    assert (run.turn, run.attempts, run.usage) == (100, 100, Usage(7_000, 3_000))
    *answered, last = talk.driver.steps(run.thread_id, run.id)[-100:]
    assert {step["status"] for step in answered} == {"completed"}
    assert (last["status"], last["last_error"]) == ("failed", run.last_error)
    assert talk.calls()[-1]["function"]["output"] is None


def test_an_endless_loop_of_tool_calls_ends_at_the_limit_of_calls(begin: Begin) -> None:
    talk = begin(repeat(response(*(calls("none", "{}", f"call_{number}") for number in range(128)))))
    run = talk.ended("failed", seconds=300)
    assert run.last_error is not None
    assert run.last_error["code"] == "server_error"
    assert "2000 tools" in run.last_error["message"]
    assert (run.turn, run.attempts, run.usage) == (16, 16, Usage(1_120, 480))


def test_a_call_without_name_or_arguments_fails_the_run(each: BeginEach) -> None:
    bad = [calls(None), calls("ask", {"symbol": "ACME"}), {"type": "function_call", "call_id": "call_a"}]
    for talk in each(response(says("Let me see."), call) for call in bad):
        run = talk.ended("failed")
        assert run.last_error is not None
        assert run.last_error["code"] == "server_error"
        assert "function call" in run.last_error["message"]
        assert (run.attempts, run.turn, run.usage, talk.said()) == (1, 0, Usage(), [])


def test_each_call_of_a_turn_has_an_id_of_its_own(begin: Begin) -> None:
    """Ids that are missing, given twice or no names are replaced: for the client, and for the model in what follows."""
    given = ["call_a", "call_a", None, "", 7, "x" * 65, "../../a", "a b", "\0", "\ud800", "..", "é", "functions.f:0"]
    symbols = [f"S{number}" for number in range(len(given))]
    talk = begin([response(*map(price, symbols, given))])
    talk.ended("completed")
    ids = [call["id"] for call in talk.calls()]
    assert len(set(ids)) == len(ids)
    assert (ids[0], ids[-1]) == ("call_a", "functions.f:0")
    assert all(symbol in output for symbol, output in zip(symbols, talk.outputs(), strict=True))
    sent = talk.sent()
    assert [item["call_id"] for item in sent if item["type"] == "function_call"] == ids
    answers = {item["call_id"]: item["output"] for item in sent if item["type"] == "function_call_output"}
    assert list(answers.items()) == list(zip(ids, talk.outputs(), strict=True))


def test_ids_may_start_anew_in_each_turn(begin: Begin) -> None:
    talk = begin([response(price("ACME", "call_0")), response(price("DUNE", "call_0"))])
    run = talk.ended("completed")
    acme, dune = talk.outputs()
    assert "182.4" in acme
    assert "9.62" in dune
    assert run.turn == 3


# Answers


def test_an_empty_answer_completes_the_run_with_an_empty_message(each: BeginEach, driver: Driver) -> None:
    nothing: list[list[Any]] = [
        [],
        [says("")],
        [{"type": "message", "content": None}, {"type": "reasoning", "summary": []}],
        [None, 7, "text", {}, {"type": "message", "content": [None, {}, {"type": "output_text"}]}],
    ]
    for talk in each(response(*output) for output in nothing):
        run = talk.ended("completed")
        [message] = talk.said()
        assert (text(message), message["status"]) == ("", "completed")
        assert (run.attempts, run.turn, run.usage) == (1, 1, Usage(70, 30))
    # What says nothing is not sent again: some servers refuse a message without text.
    following = driver.ask(driver.assistant(), f"say again {talk.marker}", thread_id=talk.run.thread_id)
    driver.run(following)
    assert [item["role"] for item in talk.sent()] == ["user"]


def test_a_refusal_is_a_message_with_a_refusal(begin: Begin) -> None:
    refusal = {"type": "refusal", "refusal": "I can't help with that."}
    talk = begin([response({"type": "message", "role": "assistant", "content": [refusal]})])
    talk.ended("completed")
    [message] = talk.said()
    assert message["content"] == [refusal]


def test_a_filtered_answer_is_incomplete(begin: Begin) -> None:
    filtered = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    for output in ([says("Half an ans")], []):
        talk = begin([response(*output, **filtered)])
        run = talk.ended("incomplete")
        assert (run.incomplete_details, run.last_error, run.usage) == (None, None, Usage(70, 30))
        [message] = talk.said()
        assert (message["status"], message["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_an_answer_that_is_cut_off_is_incomplete_and_calls_nothing(begin: Begin) -> None:
    reasons: list[Any] = [{"reason": "max_output_tokens"}, "text"]
    for details in reasons:
        half = [says("Half an ans"), calls("get_stock_price", '{"symb'), {"type": "function_call"}]
        talk = begin([response(*half, status="incomplete", incomplete_details=details)])
        run = talk.ended("incomplete")
        assert (run.incomplete_details, run.usage) == ({"reason": "max_completion_tokens"}, Usage(70, 30))
        [message] = talk.said()
        assert (text(message), message["status"], talk.calls()) == ("Half an ans", "incomplete", [])


def test_text_is_kept_as_it_is_but_for_lone_surrogates(begin: Begin) -> None:
    given = "NUL \0, right to left \u202e אבג, 👩‍👩‍👧‍👦, é, \ud83d\ude42, lone \ud800 and \udc00."
    talk = begin([response(says(given), calls("get_stock_price", json.dumps({"symbol": given})))])
    talk.ended("completed")
    kept = "NUL \0, right to left \u202e אבג, 👩‍👩‍👧‍👦, é, 🙂, lone \ufffd and \ufffd."
    assert text(talk.said()[0]) == kept
    assert talk.sent()[0]["content"][0]["text"] == kept


def test_items_are_sent_again_word_for_word_but_for_what_json_does_not_know(begin: Begin) -> None:
    odd = {"type": "unheard_of", "id": "x_1", "deep": [[{"a": None}]], "number": 1e300}
    body = json.dumps(response(odd, {**price("ACME"), "nan": float("nan"), "inf": 0})).replace(
        '"inf": 0', '"inf": 1e999'
    )
    talk = begin([body.encode()])
    talk.ended("completed")
    assert talk.sent()[:2] == [odd, {**price("ACME"), "nan": None, "inf": None}]


def test_a_message_of_the_model_is_its_own_whatever_role_it_claims(begin: Begin) -> None:
    """It shows the model no image: neither a file of somebody else's, nor what stands at an address."""
    images = [{"type": "input_image", "file_id": "file_x"}, {"type": "input_image", "image_url": "http://127.0.0.1/"}]
    odd = [{"type": "message", "role": role, "content": content} for role in ("user", 7) for content in (images, None)]
    talk = begin([response(*odd, price("ACME"))])
    talk.ended("completed")
    assert talk.sent()[:4] == [{**item, "role": "assistant"} for item in odd]


def test_a_long_answer_is_kept_whole(begin: Begin) -> None:
    talk = begin([response(says("long " * 200_000))])
    talk.ended("completed")
    assert len(text(talk.said()[0])) == 1_000_000


# What is no response


def test_what_is_no_response_fails_the_run_at_once(each: BeginEach) -> None:
    bodies: list[Any] = [
        b"",
        b"<html>Hello</html>",
        b"[" * 100_000,
        b'{"status": "completed", "output": [' + b" " * 3_000_000 + b"]}",
        response(says("Hello"), status="unheard of"),
        {"status": "failed", "error": "text"},
    ]
    for body, talk in zip(bodies, each(bodies), strict=True):
        run = talk.ended("failed")
        assert run.last_error == {
            "code": "server_error",
            "message": "The model's server answered with something that is not a response.",
        }, body
        assert (run.attempts, run.turn, run.usage, talk.said()) == (1, 0, Usage(), []), body


def test_usage_that_makes_no_sense_counts_as_none(each: BeginEach) -> None:
    cases: list[tuple[Any, Usage]] = [
        (None, Usage()),
        ({"input_tokens": -5, "output_tokens": "5"}, Usage()),
        ({"input_tokens": 10**40, "output_tokens": 5.0}, Usage(0, 5)),
    ]
    talks = each(response(says("Hello"), usage=given) for given, _ in cases)
    for (given, usage), talk in zip(cases, talks, strict=True):
        run = talk.ended("completed")
        assert run.usage == usage, given
        assert talk.driver.store.threads.get(run.thread_id).usage == usage
