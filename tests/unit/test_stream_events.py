"""The events that a run's facts are told with, without clock, store and network: order, cursors, batches, and ids."""

from dataclasses import replace
from itertools import count

import pytest

from assistant_engine.domain import stream
from assistant_engine.domain.built import calls_of, content_of
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.draft import BATCH_BYTES, Argued, Called, Draft, PutOut, Said, code_so_far
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.stream import Announced, Cursor, Open, StoredTurn, Told
from assistant_engine.domain.turn import ToolStep, Turn, TurnStatus
from assistant_engine.domain.usage import Usage
from tests.support.streamed_run import RUN

NOW = Seconds(100)


def draft(*images: str) -> Draft:
    numbers = count(1)
    return Draft(list(images), lambda: f"msg_{next(numbers)}", lambda place: f"step_{place}_{next(numbers)}")


def names(entries: list[Json]) -> list[str]:
    return [entry["event"].removeprefix("thread.").removeprefix("run.") for entry in entries]


def text(value: str) -> Json:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def call(call_id: str, arguments: str = "{}", name: str = "f") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments, "output": None}}


def turn(status: TurnStatus, *content: Json, calls: tuple[Json, ...] = (), **more: object) -> Turn:
    message = {"content": list(content), "status": "incomplete" if status == "incomplete" else "completed"}
    return Turn([], Usage(), status, message if content else None, list(calls), **more)  # type: ignore[arg-type]


def stored(made: Turn, announced: Announced | None, open: Open | None) -> Told:
    told = announced or Announced(NOW)
    ids = (told.message or "msg_9", told.message_step or "step_0", told.calls_step or "step_1")
    return stream.turn_stored(RUN, StoredTurn(made, *ids, now=NOW), announced, open)


# Whole turns, in the order of the API


def test_a_plain_answer() -> None:
    made = draft()
    for word in ("Good ", "morning."):
        made.add(Said(0, word), NOW)
    began = made.take()
    assert names(began) == [
        "step.created",
        "step.in_progress",
        "message.created",
        "message.in_progress",
        "message.delta",
    ]
    assert began[-1]["delta"] == {
        "content": [{"index": 0, "type": "text", "text": {"value": "Good morning.", "annotations": []}}]
    }
    made.add(Said(0, " Sir."), NOW)
    [delta] = made.take()
    assert delta["delta"]["content"] == [{"index": 0, "type": "text", "text": {"value": " Sir."}}]
    answer = turn("completed", text("Good morning. Sir."))
    told = stored(answer, made.matching(answer), made.open)
    assert names(told.entries) == ["message.delta", "message.completed", "step.completed", "completed"]
    assert told.entries[0] == {"event": "thread.message.delta", "message": "msg_1", "sent": [18]}
    assert told.open is None


def test_a_server_without_streams_is_told_of_in_one_delta() -> None:
    told = stored(turn("completed", text("Hello.")), None, None)
    assert names(told.entries) == [
        *("step.created", "step.in_progress", "message.created", "message.in_progress"),
        *("message.delta", "message.completed", "step.completed", "completed"),
    ]
    assert told.entries[4]["sent"] == []


def test_calls_of_functions_leave_their_step_open() -> None:
    made = draft()
    for piece in (Called(0, "a", "f"), Argued(0, '{"x"'), Argued(0, ": 1}"), Called(1, "b", "g"), Argued(1, "{}")):
        made.add(piece, NOW)
    entries = made.take()
    assert names(entries) == ["step.created", "step.in_progress", *["step.delta"] * 4]
    assert calls_of([entry["delta"] for entry in entries if "delta" in entry]) == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}', "output": None}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}", "output": None}},
    ]
    calls = turn("in_progress", calls=(call("a", '{"x": 1}'), call("b", name="g")))
    announced = made.matching(calls)
    told = stored(calls, announced, made.open)
    assert told.entries == []
    assert announced and told.open == Open(announced.calls_step or "", NOW, recorded=True)


def test_code_is_told_as_input_and_its_outputs_when_they_are_there() -> None:
    made = draft()
    for piece in (Called(0, "a", "code_interpreter"), Argued(0, '{"code": "pri'), Argued(0, 'nt(1)"}')):
        made.add(piece, NOW)
    assert calls_of([entry["delta"] for entry in made.take() if "delta" in entry]) == [
        {"id": "a", "type": "code_interpreter", "code_interpreter": {"input": "print(1)", "outputs": []}}
    ]
    code = call("a", '{"code": "print(1)"}', "code_interpreter")
    told = stored(turn("in_progress", calls=(code,)), made.matching(turn("in_progress", calls=(code,))), made.open)
    assert told.entries == [] and told.open
    tools = ToolStep({"id": told.open.step, "created_at": NOW, "step_details": {"tool_calls": [code]}}, ["a"], [], {})
    ended = stream.answered(tools, ["a"])(told.open)
    assert [(entry["event"], entry.get("outputs")) for entry in ended.entries] == [
        ("thread.run.step.delta", ["a"]),
        ("thread.run.step.completed", None),
    ]
    assert ended.open is None


def test_a_search_is_an_empty_object_until_it_is_completed() -> None:
    made = draft()
    for piece in (Called(0, "a", "file_search"), Argued(0, '{"query": "x"}')):
        made.add(piece, NOW)
    [*_, delta] = made.take()
    assert delta["delta"]["step_details"]["tool_calls"] == [
        {"index": 0, "id": "a", "type": "file_search", "file_search": {}}
    ]


def test_calls_after_a_text_are_told_when_the_message_is_stored() -> None:
    made = draft()
    for piece in (Said(0, "I look."), Called(1, "a", "f"), Argued(1, "{}")):
        made.add(piece, NOW)
    assert names(made.take())[-1] == "message.delta"
    mixed = turn("in_progress", text("I look."), calls=(call("a"),))
    told = stored(mixed, made.matching(mixed), made.open)
    assert names(told.entries) == [
        *("message.delta", "message.completed", "step.completed"),
        *("step.created", "step.in_progress", "step.delta"),
    ]
    assert told.entries[-1]["calls"] == ["a"]
    assert told.open == Open("step_1", NOW, recorded=True)


def test_what_the_provider_ran_ends_before_the_text_that_follows() -> None:
    made = draft()
    for piece in (
        *(Called(0, "a", "code_interpreter", hosted=True), Argued(0, "6 * 7"), PutOut(0, "42")),
        Said(1, "It is 42."),
    ):
        made.add(piece, NOW)
    assert names(made.take()) == [
        *("step.created", "step.in_progress", *["step.delta"] * 3, "step.completed"),
        *("step.created", "step.in_progress", "message.created", "message.in_progress", "message.delta"),
    ]
    code = call("a", '{"code": "6 * 7"}', "code_interpreter")
    answer = turn("completed", text("It is 42."), calls=(code,), outputs={"a": '{"logs": "42", "files": []}'})
    told = stored(answer, made.matching(answer), made.open)
    assert names(told.entries) == ["message.delta", "message.completed", "step.completed", "completed"]


def test_images_that_code_drew_come_before_the_text() -> None:
    made = draft("file-1")
    made.add(Said(0, "See."), NOW)
    content = content_of([entry["delta"] for entry in made.take() if "delta" in entry])
    image = {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "auto"}}
    assert content == [image, text("See.")]
    answer = turn("completed", image, text("See."))
    announced = made.matching(answer)
    assert announced and announced.sent == (1, 4)


def test_a_refusal_and_an_answer_that_is_cut() -> None:
    made = draft()
    made.add(Said(0, "I can", refusal=True), NOW)
    cut = turn("incomplete", {"type": "refusal", "refusal": "I can"}, incomplete_details={"reason": "x"})
    told = stored(cut, made.matching(cut), made.open)
    assert names(told.entries) == ["message.delta", "message.incomplete", "step.completed", "incomplete"]


# What comes to nothing


@pytest.mark.parametrize(
    "other",
    [
        turn("completed", text("Something else.")),
        turn("in_progress", calls=(call("a"),)),
        turn("completed", {"type": "refusal", "refusal": "Good morning."}),
    ],
)
def test_an_answer_that_is_not_what_was_told_is_told_anew(other: Turn) -> None:
    made = draft()
    made.add(Said(0, "Good morning."), NOW)
    assert made.matching(other) is None
    told = stored(other, None, made.open)
    assert names(told.entries)[:4] == ["message.incomplete", "step.failed", "step.created", "step.in_progress"]
    assert (
        told.entries[0]["id"] == "msg_1" and told.entries[2]["id"] != made.open and "msg_1" not in str(told.entries[2:])
    )


def test_text_after_calls_leaves_one_step_open_at_a_time() -> None:
    made = draft()
    for piece in (Called(0, "a", "f"), Argued(0, "{}"), Said(1, "Well.")):
        made.add(piece, NOW)
    mixed = turn("in_progress", text("Well."), calls=(call("a"),))
    assert made.matching(mixed) is None
    told = stored(mixed, None, made.open)
    open_steps = 0
    for name in names(told.entries):
        open_steps += {"step.created": 1, "step.completed": -1, "step.failed": -1}.get(name, 0)
        assert open_steps <= 1
    assert told.open and told.open.recorded


def test_an_attempt_that_died_is_told_of_before_the_next_one() -> None:
    made = draft()
    made.add(Said(0, "Good mor"), NOW)
    made.take()
    told = stream.begun(RUN, NOW)(made.open)
    assert names(told.entries) == ["message.incomplete", "step.failed"]
    assert (told.entries[0]["reason"], told.open) == ("run_failed", None)
    recorded = Open("step_1", NOW, recorded=True)
    assert stream.begun(RUN, NOW)(recorded) == Told([], recorded)
    assert names(stream.begun(replace(RUN, status="queued"), NOW)(None).entries) == ["in_progress"]


@pytest.mark.parametrize(
    ("status", "reason", "step"),
    [
        ("cancelled", "run_cancelled", "cancelled"),
        ("expired", "run_expired", "expired"),
        ("failed", "run_failed", "failed"),
    ],
)
def test_a_run_that_ends_ends_its_step_first(status: str, reason: str, step: str) -> None:
    told = stream.settled(RUN, status, NOW)(Open("step_1", NOW, "msg_1"))  # type: ignore[arg-type]
    assert names(told.entries) == ["message.incomplete", f"step.{step}", status]
    assert told.entries[0]["reason"] == reason
    recorded = stream.settled(RUN, status, NOW)(Open("step_1", NOW, recorded=True))  # type: ignore[arg-type]
    assert recorded.entries[0] == {"event": f"thread.run.step.{step}", "step": "step_1"}


# Runs


def test_a_run_is_told_of_from_its_creation() -> None:
    queued = replace(RUN, status="queued")
    assert names(stream.created(queued, with_thread=True).entries) == ["created", "created", "queued"]
    assert names(stream.created(queued, with_thread=False).entries) == ["created", "queued"]
    tools = ToolStep(
        {"id": "s", "created_at": 1, "step_details": {"tool_calls": [call("a"), call("b")]}}, ["a"], ["a"], {}
    )
    [waits] = stream.waits(RUN, tools)(None).entries
    assert (waits["calls"], waits["approve"]) == (["a", "b"], ["a"])
    answered = stream.answered(tools, ["a", "b"], queued=RUN)(Open("s", NOW, recorded=True))
    assert names(answered.entries) == ["step.completed", "queued"]
    assert stream.changed(RUN, "in_progress")(None).entries == []


def test_every_event_of_the_api_has_its_name_once() -> None:
    assert len(stream.EVENTS) == len(set(stream.EVENTS)) == 25


# Cursors and batches


def test_cursors_sort_as_text() -> None:
    cursors = [Cursor(1, 1), Cursor(1, 2), Cursor(2, 1), Cursor(9, 12), Cursor(10, 1), Cursor(999_999, 999)]
    assert sorted(map(str, cursors)) == [str(cursor) for cursor in cursors]
    assert [Cursor.of(str(cursor)) for cursor in cursors] == cursors


@pytest.mark.parametrize("odd", ["", "1-1", "000001-001x", "000001_001", "٠٠٠٠٠١-٠٠١", "latest"])
def test_what_is_no_cursor_is_none(odd: str) -> None:
    assert Cursor.of(odd) is None


def test_a_batch_holds_what_an_item_may() -> None:
    made = draft()
    made.add(Said(0, "語" * 100_000), NOW)
    assert made.is_full
    said = ""
    while made.is_waiting:
        entries = made.take()
        assert len(str(entries).encode()) < 2 * BATCH_BYTES
        deltas = [entry["delta"] for entry in entries if "delta" in entry]
        said += "".join(part["text"]["value"] for part in content_of(deltas))
    assert said == "語" * 100_000
    assert made.announced and made.announced.sent == (100_000,)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('{"code": "a', "a"),
        ('{ "code" :"a\\n\\', "a\n"),
        ('{"code": "\\ud83d', ""),
        ('{"code": "\\ud83d\\ude00"}', "😀"),
        ('{"code": "\\u00', ""),
        ('{"code": "say \\"hi\\"", "x": 1}', 'say "hi"'),
        ('{"other": 1, "code": "a"}', ""),
        ("print(1)", ""),
    ],
)
def test_code_is_read_as_far_as_it_is_known(arguments: str, code: str) -> None:
    assert code_so_far(arguments) == code
