"""The model call as a stream: what is heard of it while it comes, and what is made of it in the end."""

import time
from typing import Any

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.draft import Argued, Called, Piece, PutOut, Said
from assistant_engine.domain.json_data import Json
from assistant_engine.model import client, exchange
from assistant_engine.model.exchange import Cancelled
from assistant_engine.model.response import read_turn
from assistant_engine.model.streaming import Listener
from tests.support import responses
from tests.support.model_server import Behaviour, ModelServer, failure

ANSWER = responses.response(responses.text("Good morning to you."))


def ask(server: ModelServer, *behaviours: Behaviour, cancelled: bool = False) -> tuple[Json, list[Json]]:
    """Return the response, and the events that were heard before it. A cancellation comes after the first event."""
    heard: list[Json] = []

    def hear(event: Json | None) -> float:
        heard.extend([event] if event else [])
        return 0.05

    server.when("Hello", behaviours)
    body = {"model": "some", "input": "Hello", "stream": True}
    return client.respond(body, "run_1/0/1", 30, 0, lambda: cancelled and bool(heard), hear), heard


def pieces(events: list[Json]) -> list[Piece]:
    listener = Listener()
    return [piece for event in events for piece in listener.pieces(event)]


def test_the_events_are_heard_and_the_last_one_is_the_answer(server: ModelServer) -> None:
    answer, heard = ask(server, Behaviour(events=responses.events(ANSWER)))
    assert answer == ANSWER
    assert pieces(heard) == [Said((0, 0), word) for word in ("Good ", "morning ", "to ", "you.")]


def test_a_server_that_answers_whole_is_heard_in_the_end_alone(server: ModelServer) -> None:
    assert ask(server, Behaviour(body=ANSWER)) == (ANSWER, [])


@pytest.mark.parametrize(
    "refusal",
    [
        {"message": "This model does not support streaming.", "param": None},
        {"message": "Unsupported value.", "param": "stream"},
    ],
)
def test_a_server_that_refuses_to_stream_is_asked_without(server: ModelServer, refusal: Json) -> None:
    behaviours = [Behaviour(400, body={"error": {"code": None, **refusal}}), Behaviour(body=ANSWER)]
    assert ask(server, *behaviours) == (ANSWER, [])
    assert [request.body.get("stream") for request in server.journal] == [True, None]
    assert ask(server, Behaviour(body=ANSWER)) == (ANSWER, [])
    assert len(server.journal) == 3  # A warm function knows it by then.


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(events=responses.events(ANSWER), close="within"), "server_error"),
        (Behaviour(events=responses.events(ANSWER)[:-1]), "server_error"),
        (
            Behaviour(events=[{"type": "error", "code": "rate_limit_exceeded", "message": "Slow."}]),
            "rate_limit_exceeded",
        ),
        (Behaviour(events=[{"type": "error", "error": {"code": "server_error", "message": "No."}}]), "server_error"),
        (
            Behaviour(
                events=[
                    {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}}
                ]
            ),
            "server_error",
        ),
        (failure(429, "rate_limit_exceeded"), "rate_limit_exceeded"),
    ],
)
def test_a_stream_that_breaks_off_is_tried_again(server: ModelServer, behaviour: Behaviour, code: str) -> None:
    with pytest.raises(client.TryAgain) as raised:
        ask(server, behaviour)
    assert raised.value.code == code


def test_an_error_that_does_not_pass_is_final(server: ModelServer) -> None:
    with pytest.raises(client.Refused) as raised:
        ask(server, Behaviour(events=[{"type": "error", "code": "invalid_prompt", "message": "Not that."}]))
    assert not isinstance(raised.value, client.TryAgain)
    assert (raised.value.code, raised.value.message) == ("invalid_prompt", "Not that.")


def test_a_stream_is_dropped_when_the_run_is_cancelled(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CANCEL_CHECK_SECONDS", 0.05)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        ask(server, Behaviour(events=responses.events(ANSWER)[:-1] * 50, gap=0.1), cancelled=True)
    assert time.monotonic() - began < 10


def test_output_that_the_response_leaves_out_is_what_was_sent(server: ModelServer) -> None:
    events = responses.events(ANSWER)
    events[-1] = {"type": "response.completed", "response": {**ANSWER, "output": []}}
    answer, _ = ask(server, Behaviour(events=events))
    assert answer == ANSWER


def test_calls_are_heard_with_their_arguments() -> None:
    whole = responses.response(responses.calls("first", '{"a": 1}', "a"), responses.calls("second", "{}", "a"))
    assert pieces(responses.events(whole)) == [
        Called(0, "a", "first"),
        *(Argued(0, '{"a": '), Argued(0, "1}")),
        Called(1, "call_0", "second"),  # Of two calls with one id, the second has one of our own, as in the record.
        Argued(1, "{}"),
    ]


def test_what_the_provider_carries_out_is_heard() -> None:
    assert pieces(responses.events(responses.response(responses.RAN))) == [
        Called(0, "ci_1", "code_interpreter", hosted=True),
        *(Argued(0, "print(6 "), Argued(0, "* "), Argued(0, "7)")),
        PutOut(0, "42"),
    ]


@pytest.mark.parametrize("odd", [{}, {"type": "response.output_text.delta", "delta": 7}, {"type": "x", "item": 7}])
def test_what_else_a_server_sends_is_passed_over(odd: Any) -> None:
    assert pieces([odd, {"type": "response.output_item.added", "output_index": 0, "item": []}]) == []


def test_a_citation_s_mark_is_where_it_was_told_and_stored() -> None:
    note = {"type": "file_citation", "file_id": "file-1", "filename": "a.txt", "index": 4}
    text = {"type": "output_text", "text": "One. Two.", "annotations": [note]}
    whole = responses.response({"type": "message", "role": "assistant", "content": [text]})
    at = {"output_index": 0, "content_index": 0}
    events: list[Json] = [
        {"type": "response.output_text.delta", **at, "delta": "One. "},
        {"type": "response.output_text.annotation.added", **at, "annotation_index": 0, "annotation": dict(note)},
        {"type": "response.output_text.delta", **at, "delta": "Two."},
    ]
    listener = Listener()
    told = "".join(piece.text for event in events for piece in listener.pieces(event) if isinstance(piece, Said))
    turn = read_turn(listener.settled(whole), "asst_1", "run_1", Seconds(9))
    assert turn.message
    assert turn.message["content"][0]["text"]["value"] == told == "One. 【0†a.txt】Two."
