"""A run's sequence, which every write of a status counts, and what the table's stream tells of it."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store import runs as runs_module
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.changes import status_change
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.items import marshal, unmarshal
from assistant_engine.store.runs import Runs

RUN = Run(
    id="run_0mwrjne04stvaa240kj1x3yl",
    thread_id="thread_1",
    assistant_id="asst_1",
    status="queued",
    created_at=1,
    expires_at=600,
    settings={"instructions": "Keep this to yourself."},
    functions=[],
    tool_resources={},
    metadata={"user_id": "ada"},
    execution="run_0mwrjne04stvaa240kj1x3yl",
    answers_in_output=False,
    due_at=30,
    project="sales",
)


class Writes(Database):
    """Takes every write but the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.taken: list[Json] = []
        self.refusals = refusals

    def get(self, *_: Any, **__: Any) -> Json:
        return item(RUN)

    def update(self, **request: Any) -> Json:
        self.taken.append(request)
        if len(self.taken) <= self.refusals:
            raise ConditionFailed([{}])
        return item(RUN)

    def transact(self, actions: list[Json]) -> None:
        self.taken += [action["Update"] for action in actions if "Update" in action]


class Nothing(dict[str, Any]):
    """What the parts of the store for threads, steps and usage answer: they write no status of a run."""

    last_ms = 0

    def __getattr__(self, name: str) -> Callable[..., "Nothing"]:
        return lambda *_, **__: Nothing()


def store(database: Database) -> Runs:
    nothing: Any = Nothing()
    return Runs(database, Blobs("bucket"), "messages", nothing, nothing, nothing)


def item(run: Run) -> Json:
    """The run's item as it is stored."""
    put: Json = store(Writes())._put_run(run)["Put"]["Item"]
    return unmarshal(put)


TOOLS = ToolStep({"id": "step_1"}, [], [], {})
WRITES: dict[str, tuple[Callable[[Runs], Any], str, int]] = {
    "a model call begins": (lambda s: s.begin_attempt(RUN, 1), "in_progress", 1),
    "a model call begins again": (lambda s: s.begin_attempt(at("in_progress"), 1), "in_progress", 0),
    "the model calls tools": (
        lambda s: s.store_turn(at("in_progress"), turn("in_progress"), [], [], RunUsage(), 1),
        "in_progress",
        0,
    ),
    "the model answers": (
        lambda s: s.store_turn(at("in_progress"), turn("completed"), [], [], RunUsage(), 1),
        "completed",
        1,
    ),
    "a call was approved": (lambda s: s.resume(RUN), "in_progress", 1),
    "the client is to answer": (lambda s: s.wait_for_outputs(at("in_progress"), "token", 1), "requires_action", 1),
    "it is told again": (lambda s: s.wait_for_outputs(at("requires_action"), "token", 1), "requires_action", 0),
    "the client answered": (lambda s: s.submit_outputs(at("requires_action"), TOOLS, {}, 1), "queued", 1),
    "somebody cancels": (lambda s: s.request_cancel(RUN, 1), "cancelling", 1),
    "it is settled": (lambda s: s.settle(at("cancelling"), None, "cancelled", RunUsage(), 1), "cancelled", 1),
}


def at(status: str) -> Run:
    return replace(RUN, status=status)


def turn(status: str) -> Turn:
    return Turn(output=[], usage=Usage(), status=status)


@pytest.mark.parametrize("write", WRITES)
def test_every_write_of_a_status_counts_the_change(write: str) -> None:
    do, status, change = WRITES[write]
    database = Writes()
    do(store(database))
    (update,) = database.taken
    named = unmarshal(update["ExpressionAttributeValues"])
    assert (
        "run_status = :status, run_sequence = if_not_exists(run_sequence, :none) + :change"
        in update["UpdateExpression"]
    )
    assert (named[":status"], named[":none"], named[":change"]) == (status, 0, change)


def test_a_status_is_written_in_one_place() -> None:
    assert len(re.findall(r"run_status = :status", inspect.getsource(runs_module))) == 1
    assert item(RUN)["run_sequence"] == 1


def test_a_delivery_that_came_between_made_the_change() -> None:
    """Seen queued and found in progress: the model is called again, and that is no change of status."""
    database = Writes(refusals=1)
    store(database).begin_attempt(RUN, 1)
    seen = [unmarshal(update["ExpressionAttributeValues"]) for update in database.taken]
    assert [(named[":seen"], named[":change"]) for named in seen] == [("queued", 1), ("in_progress", 0)]


def record(new: Json | None, old: Json | None = None, name: str = RUN.id) -> Json:
    images = {"NewImage": marshal(new) if new else None, "OldImage": marshal(old) if old else None}
    keys = {"thread_id": {"S": RUN.thread_id}, "message_id": {"S": name}}
    return {"dynamodb": {"Keys": keys, **{key: image for key, image in images.items() if image}}}


def test_a_new_run_and_its_end_are_told_without_anybodys_words() -> None:
    queued = item(RUN)
    told = status_change(record(queued))
    assert told == {
        "project": "sales",
        "thread_id": "thread_1",
        "run_id": RUN.id,
        "assistant_id": "asst_1",
        "status": "queued",
        "previous_status": None,
        "sequence": 1,
        "created_at": 1,
        "usage": None,
        "cost": None,
        "last_error": None,
        "incomplete_details": None,
    }
    failed = {
        **queued,
        "run_status": "failed",
        "run_sequence": 2,
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "cost": 2_000,
        "last_error": {"code": "invalid_prompt", "message": "The image at https://example.com/ada is gone."},
    }
    assert status_change(record(failed, queued)) == {
        **told,
        "status": "failed",
        "previous_status": "queued",
        "sequence": 2,
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        "cost": 0.000002,
        "last_error": {"code": "invalid_prompt"},
    }


def test_what_is_no_change_of_a_status_is_not_told() -> None:
    queued = item(RUN)
    assert status_change(record({**queued, "due_at": 90}, queued)) is None
    assert status_change(record(None, queued)) is None
    assert status_change(record({"run_sequence": 1}, name="msg_1")) is None
    unnumbered = {name: value for name, value in queued.items() if name != "run_sequence"}
    assert status_change(record({**unnumbered, "run_status": "in_progress"}, unnumbered)) is None
