"""Checks what the table's stream tells of a run's changes of status."""

from dataclasses import replace

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.changes import status_change
from assistant_engine.store.items import marshal, unmarshal
from assistant_engine.store.run_item import item_of
from tests.support import examples

RUN = replace(
    examples.RUN,
    id="run_0mwrjne04stvaa240kj1x3yl",
    status="queued",
    settings={"instructions": "Keep this to yourself."},
    metadata={"user_id": "ada"},
    project="sales",
)


def item(run: Run) -> Json:
    """The run's item as it is stored."""
    return unmarshal(marshal(item_of(run, Blobs("bucket"))))


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
        "created_at": RUN.created_at,
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


def test_a_run_that_was_brought_along_is_no_news() -> None:
    ended = {**item(RUN), "run_status": "completed"}
    assert status_change(record(ended)) is None
