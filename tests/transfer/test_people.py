"""What a stack holds of a person can be taken out, and erased: nothing of it is left, and totals stay."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.fine_tuning import exports, rows
from assistant_engine.fine_tuning.writing import write
from assistant_engine.resources import retention, threads
from assistant_engine.store import Idempotency, Store, Window
from assistant_engine.store.fine_tuning import FineTuning
from assistant_engine.store.projects import Settings
from assistant_engine.store.transfer import Transfer
from assistant_engine.store.usage import user_partition
from assistants import people
from assistants.transfer.dump import dump
from assistants.transfer.report import Report
from tests.support import contents
from tests.support.contents import NOW_MS
from tests.support.fine_tune_format import loaded
from tests.support.imports import everything

NOW = Seconds(NOW_MS // 1000)
DAY = 86_400


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    contents.configure(monkeypatch)


@dataclass
class Scene:
    """A stack with two people: what is whose."""

    store: Store
    assistant: Json
    thread_id: str
    run_id: str
    theirs: list[str]
    shared: str
    vector_store: str
    guest_run: str


def bucket(store: Store) -> str:
    """Everything that the bucket holds, as text."""
    found = []
    for page in store.blobs.client.get_paginator("list_objects_v2").paginate(Bucket=store.blobs.bucket):
        for item in page.get("Contents", []):
            data = store.blobs.read_bytes(item["Key"])
            found += [
                item["Key"],
                (gzip.decompress(data) if item["Key"].endswith(".gz") else data).decode(errors="replace"),
            ]
    return "\n".join(found)


@pytest.fixture
def scene(store: Store) -> Scene:
    made = contents.assistant(store)
    mine, shared = (contents.file(store, f"file-{name}", f"of {name}".encode()) for name in ("ada", "shared"))
    vector_store = contents.vector_store(store, mine)
    request = {
        "metadata": {"user_id": "ada@example.com"},
        "messages": [
            {
                "role": "user",
                "content": f"I am Ada Lovelace. {contents.LONG}",
                "attachments": [{"file_id": name, "tools": [{"type": "code_interpreter"}]} for name in (mine, shared)],
            }
        ],
        "tool_resources": {"file_search": {"vector_store_ids": [vector_store]}},
    }
    thread = threads.create(store, request, NOW_MS, Idempotency("key", request))
    run = contents.run(store, made["id"], thread.id, "Ada Lovelace again", NOW_MS)
    bob = contents.thread_with_run(store, made["id"], "bob", "I am Bob.")
    store.threads.update(store.threads.get(bob.thread_id).id, None, {"code_interpreter": {"file_ids": [shared]}})
    guest = contents.run(store, made["id"], bob.thread_id, "As a guest.", Milliseconds(NOW_MS + 60_000))
    store.runs.update(guest.thread_id, guest.id, {"user_id": "ada@example.com", "k": "v"})
    store.blobs.client.put_object(Bucket=store.blobs.bucket, Key=f"outbox/{run.id}/1/call.json", Body=b"Dear Ada")
    store.blobs.client.put_object(Bucket=store.blobs.bucket, Key=f"sandbox/{thread.id}/head", Body=b"Ada's variables")
    rows = [
        {"thread_id": thread.id, "user_id": "ada@example.com", "project": "default", "text": "I am Ada Lovelace."},
        {"thread_id": bob.thread_id, "user_id": "bob", "project": "default", "text": "I am Bob."},
    ]
    body = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)
    store.blobs.client.put_object(Bucket=store.blobs.bucket, Key="export/messages/day=2026-11-18/0.jsonl.gz", Body=body)
    return Scene(store, made, thread.id, run.id, [mine], shared, vector_store, guest.id)


def test_after_erasing_a_scan_finds_nothing_of_the_person(scene: Scene, tmp_path: Path) -> None:
    store = scene.store
    before = store.usage.of_project("2026-01-01", "2027-12-31")
    transfer = Transfer(store)
    report = Report(tmp_path / "report.jsonl")
    assert "Lovelace" in bucket(store) + str(everything(store))

    people.Eraser(transfer, report, NOW).erase(people.find(transfer, "ada@example.com"), "ada@example.com")
    report.close()
    store.vector_stores.bury(scene.vector_store)  # The ingestion does it, in the background.

    left = bucket(store) + "".join(map(str, everything(store)))
    hashed = user_partition("default", "ada@example.com")
    for trace in ("Ada", "ada@example.com", hashed, scene.thread_id, scene.run_id, "file-ada", scene.vector_store):
        assert trace not in left, trace
    # Others' data and the totals stay.
    assert "I am Bob." in left
    assert store.files.read(scene.shared) == b"of shared"
    assert store.usage.of_project("2026-01-01", "2027-12-31") == before
    told = list(people.told(report.counts))
    assert {"1 thread", "2 messages", "1 run", "1 file", "1 vector_store", "1 export line"} <= set(told), told
    assert report.complete
    [bob] = store.threads.page(Window(), user_id="bob").objects
    assert store.runs.get(bob.id, scene.guest_run).metadata == {"k": "v"}


def test_erasing_again_finds_nothing_more(scene: Scene, tmp_path: Path) -> None:
    transfer = Transfer(scene.store)
    for number in range(2):
        report = Report(tmp_path / f"{number}.jsonl")
        people.Eraser(transfer, report, NOW).erase(people.find(transfer, "ada@example.com"), "ada@example.com")
    assert list(people.told(report.counts)) == []


def test_a_thread_with_an_active_run_is_reported(scene: Scene, tmp_path: Path) -> None:
    contents.begun(scene.store, scene.assistant["id"], scene.thread_id, Milliseconds(NOW_MS + 60_000))
    transfer = Transfer(scene.store)
    report = Report(tmp_path / "report.jsonl")
    people.Eraser(transfer, report, NOW).erase(people.find(transfer, "ada@example.com"), "ada@example.com")
    assert not report.complete


def test_a_person_s_export_is_a_dump_of_what_is_theirs(scene: Scene, tmp_path: Path) -> None:
    transfer = Transfer(scene.store)
    found = people.find(transfer, "ada@example.com")
    report = Report(tmp_path / "report.jsonl")

    dump(transfer, tmp_path / "data", report, "default", only=people.partitions(found, scene.store))

    text = "".join(path.read_text() for path in (tmp_path / "data").glob("*.jsonl"))
    assert "I am Ada Lovelace." in text
    assert "Bob" not in text
    assert [path.name for path in (tmp_path / "data" / "files").iterdir()] == ["file-ada"]
    assert '"object":"vector_store"' in text
    assert '"object":"usage"' in text


def test_old_threads_are_deleted_in_projects_that_say_so(store: Store) -> None:
    made = contents.assistant(store)
    other = store.of("other")
    theirs = contents.assistant(other)
    old, fresh, open_ = (contents.thread_with_run(store, made["id"], "ada", "x", NOW_MS) for _ in range(3))
    kept = contents.thread_with_run(other, theirs["id"], "ada", "x", NOW_MS)
    later = Milliseconds(NOW_MS + 40 * DAY * 1000)
    contents.run(store, made["id"], fresh.thread_id, "again", later)
    contents.begun(store, made["id"], open_.thread_id, Milliseconds(NOW_MS + 60_000))
    store.projects.set(Settings(retention_days=30))

    for _ in range(3):
        for _, see_to in retention.sweep(store, Seconds(NOW + 41 * DAY)):
            see_to()

    with pytest.raises(NotFound):
        store.threads.get(old.thread_id)
    assert store.threads.get(fresh.thread_id)
    assert store.threads.get(open_.thread_id)
    assert other.threads.get(kept.thread_id)
    assert store.threads.tombstones(Seconds(NOW + 41 * DAY)) == [old.thread_id]


def test_a_sweep_looks_at_few_threads_and_goes_on_where_it_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "THREADS_AT_ONCE", 2)
    made = contents.assistant(store)
    runs = [contents.thread_with_run(store, made["id"], "ada", "x", Milliseconds(NOW_MS + n)) for n in range(5)]
    later = Milliseconds(NOW_MS + 40 * DAY * 1000)
    for run in runs[:3]:  # These go on, and stand before the others in the list.
        contents.run(store, made["id"], run.thread_id, "again", later)
    store.projects.set(Settings(retention_days=30))

    for _ in range(3):
        for _, see_to in retention.sweep(store, Seconds(NOW + 41 * DAY)):
            see_to()

    left = [thread.id for thread in store.threads.page(Window(order="asc")).objects]
    assert left == [run.thread_id for run in runs[:3]]
    assert store.projects.settings() == Settings(retention_days=30)


def exported(store: Store, assistant_id: str) -> Json:
    """Export what an assistant's runs said, all of it for training."""
    request = {"assistant_id": assistant_id, "start_at": NOW - DAY, "end_at": NOW + DAY, "training_percentage": 100}
    asked = exports.create(store, request, NOW_MS)
    made = write(store, asked["id"], 90)
    assert made["status"] == "succeeded"
    return made


@pytest.mark.parametrize("cut_short", [False, True])
def test_a_person_s_examples_are_erased(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_short: bool
) -> None:
    assistant = contents.assistant(store, instructions="Be brief.")
    ada = contents.thread_with_run(store, assistant["id"], "ada", "I am Ada Lovelace.")
    bob = contents.thread_with_run(store, assistant["id"], "bob", "I am Bob.")
    made = exported(store, assistant["id"])
    before = loaded(store.files.read(made["training_file"]))
    assert len(before) == 2 and "ada" not in json.dumps(before).replace("Ada", "")
    transfer = Transfer(store)
    report = Report(tmp_path / "report.jsonl")
    eraser = people.Eraser(transfer, report, NOW)
    holdings = people.find(transfer, "ada")
    if cut_short:  # The file is written, its manifest is not.
        with monkeypatch.context() as patch:
            patch.setattr(FineTuning, "put_manifest", lambda *_: pytest.fail("killed"))
            with pytest.raises(BaseException, match="killed"):
                eraser.erase(holdings, "ada")
    eraser.erase(holdings, "ada")
    data = store.files.read(made["training_file"])
    assert loaded(data) == [line for line in before if "Bob" in json.dumps(line)]
    [manifest] = store.fine_tuning.manifests(assistant["id"])
    file = manifest["files"]["training"]
    assert file["lines"] == [{"thread_id": bob.thread_id, "run_ids": [bob.id]}]
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert (file["bytes"], store.files.get(made["training_file"])["bytes"]) == (len(data), len(data))
    assert ada.thread_id not in json.dumps(manifest)
    assert people.told(report.counts)


def test_exported_files_expire(store: Store) -> None:
    assistant = contents.assistant(store, instructions="Be brief.")
    contents.thread_with_run(store, assistant["id"], "ada", "Hello.")
    made = exported(store, assistant["id"])
    file = store.files.get(made["training_file"])
    assert file["expires_at"] == made["created_at"] + 90 * DAY
    tags = store.blobs.client.get_object_tagging(Bucket=store.blobs.bucket, Key=f"files/{file['id']}")["TagSet"]
    assert tags == [{"Key": "lifetime", "Value": "90"}]


def test_rows_say_what_is_learned_and_what_was_exported(store: Store) -> None:
    assistant = contents.assistant(store, instructions="Be brief.")
    run = contents.thread_with_run(store, assistant["id"], "ada", "Hello.")
    window = (NOW - DAY, NOW + DAY)
    found = list(rows.rows(store, assistant["id"], *window))
    assert [row["role"] for row in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert [row["trained"] for row in found] == [False] * 5
    assert found[2]["tool_calls"][0]["function"] == {"name": "ask", "arguments": '{"a": "x"}'}
    assert [rows.row(store, assistant["id"], row["message_uuid"]) for row in found] == found
    answer = found[-1]["message_uuid"]
    assert rows.set_weight(store, assistant["id"], answer, 0)["weight"] == 0
    assert rows.row(store, assistant["id"], answer)["weight"] == 0
    assert exported(store, assistant["id"])["counts"]["left_out"] == {"weight": 1}
    with pytest.raises(InvalidRequest):
        rows.set_weight(store, assistant["id"], found[3]["message_uuid"], 1)
    with pytest.raises(NotFound):
        rows.row(store, assistant["id"], f"{run.thread_id}.msg_missing")
    rows.set_weight(store, assistant["id"], answer, 1)
    rows.mark_trained(store, assistant["id"], [found[1]["message_uuid"]], NOW_MS)
    assert all(row["trained"] for row in rows.rows(store, assistant["id"], *window))
    assert exported(store, assistant["id"])["counts"]["left_out"] == {"exported_before": 1}
    other = store.of("other")
    with pytest.raises(NotFound):
        list(rows.rows(other, assistant["id"], *window))
