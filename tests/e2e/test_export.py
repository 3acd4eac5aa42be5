"""The export of a day: every run and every message once, the same bytes when it is done again."""

import gzip
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId, new_thread
from assistant_engine.runtime.clock import now_ms
from assistants.export import export
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

KINDS = ("runs", "messages")


def written(driver: Driver, day: str) -> dict[str, bytes]:
    """The files of a day, by their keys."""
    s3, bucket = driver.client("s3"), driver.outputs["Bucket"]
    return {
        item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        for kind in KINDS
        for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"export/{kind}/day={day}/").get("Contents", [])
    }


def rows(files: dict[str, bytes], kind: str, thread_id: str) -> list[Json]:
    """The lines of a thread."""
    lines = [
        json.loads(line)
        for key, body in sorted(files.items())
        if key.startswith(f"export/{kind}/")
        for line in gzip.decompress(body).decode().splitlines()
    ]
    return sorted((line for line in lines if line["thread_id"] == thread_id), key=lambda line: line[f"{kind[:-1]}_id"])


def test_a_day_is_exported_with_every_run_and_every_message_once(driver: Driver) -> None:
    words = uuid.uuid4().hex
    long = f"say {words} " + "x" * 40_000
    user = {"user_id": "ada"}
    first = driver.run(driver.ask(driver.assistant(), long, thread={"metadata": user}))
    thread_id = first["thread_id"]
    store = driver.store
    store.messages.add(store.threads.get(thread_id), _said("And then?"), now_ms())
    second = driver.run(driver.ask(driver.assistant(), "say Later.", thread_id=thread_id))
    store.messages.add(store.threads.get(thread_id), _said("Nobody has read this."), now_ms())
    run = store.runs.get(thread_id, second["run_id"])
    assert run.ended_ms is not None
    day = f"{datetime.fromtimestamp(run.ended_ms / 1000, UTC):%Y-%m-%d}"
    function, client = driver.function_name("export"), driver.client("lambda")
    counts = export(client, function, day)
    files = written(driver, day)

    assert len(files) == 8
    told = rows(files, "runs", thread_id)
    assert [line["run_id"] for line in told] == [first["run_id"], second["run_id"]]
    assert (
        told[1].items()
        >= {
            "assistant_id": run.assistant_id,
            "project": "default",
            "user_id": "ada",
            "model": driver.model,
            "status": "completed",
            "last_error": None,
            "prompt_tokens": run.usage.prompt_tokens,
            "completion_tokens": run.usage.completion_tokens,
            "model_calls": 1,
            "engine_ms": run.account.engine_ms,
            "cost": None,
        }.items()
    )
    assert told[1]["ended_at"].startswith(day) and told[1]["created_at"] < told[1]["ended_at"]

    said = rows(files, "messages", thread_id)
    expected = [
        (first, "user", long),
        (first, "assistant", long.removeprefix("say ")),
        (second, "user", "And then?"),
        (second, "user", "say Later."),
        (second, "assistant", "Later."),
    ]
    assert [(line["run_id"], line["role"], line["text"]) for line in said] == [
        (run["run_id"], role, text) for run, role, text in expected
    ]
    assert {line["user_id"] for line in said} == {"ada"}
    lines = [gzip.decompress(body).count(b"\n") for key, body in files.items() if "/runs/" in key]
    assert sum(lines) == counts["runs"]


def test_the_same_day_again_is_the_same_files_without_what_was_deleted(driver: Driver) -> None:
    """On a day of its own, on which nothing else ends."""
    day = "2001-01-01"
    kept, deleted = (driver.run(driver.ask(driver.assistant(), f"say {name}")) for name in ("Kept.", "Deleted."))
    for run in (kept, deleted):
        driver.client("dynamodb").update_item(
            TableName=driver.outputs["MessagesTable"],
            Key={"thread_id": {"S": run["thread_id"]}, "message_id": {"S": run["run_id"]}},
            UpdateExpression="SET ended_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": f"{day}#0"}},
        )
    function, client = driver.function_name("export"), driver.client("lambda")
    assert export(client, function, day) == {"runs": 2, "messages": 4}
    before = written(driver, day)
    assert export(client, function, day) == {"runs": 2, "messages": 4}
    assert written(driver, day) == before

    driver.store.threads.delete(deleted["thread_id"], seconds_of(now_ms()))
    driver.store.threads.bury(deleted["thread_id"])
    assert export(client, function, day) == {"runs": 1, "messages": 2}
    after = written(driver, day)
    assert [line["text"] for line in rows(after, "messages", kept["thread_id"])] == ["say Kept.", "Kept."]
    assert rows(after, "runs", deleted["thread_id"]) == rows(after, "messages", deleted["thread_id"]) == []


def test_the_schedule_s_event_exports_the_day_before(driver: Driver) -> None:
    yesterday = datetime.fromtimestamp(time.time() - 86_400, UTC).date()
    told: Any = driver.invoke("export", {"shard": 3})
    assert (told["day"], told["shard"]) == (str(yesterday), 3)


def _said(text: str) -> Json:
    [message] = new_thread({"messages": [{"role": "user", "content": text}]}, ThreadId(""), now_ms())[1]
    return message
