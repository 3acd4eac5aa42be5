"""Objects of exports one by one: what becomes of old versions, of files, and of what can't be imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.thread import Thread
from assistant_engine.store import Store, Window
from tests.support.exports import (
    ANSWER,
    ASSISTANT,
    QUESTION,
    RUN,
    THREAD,
    as_lines,
    lines,
    message,
)
from tests.support.imports import NOW, Imported, everything, messages_of


def test_flat_messages_of_the_migration_guides_become_threads(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    flat = [
        {
            "thread_id": f"thread_flat{n % 3}",
            "assistant_id": ASSISTANT["id"],
            "message_id": f"msg_flat{n}",
            "role": "assistant" if n // 3 % 2 else "user",
            "text": str(n),
            "created_at": 1_699_012_950 + n // 9,
        }
        for n in range(30)
    ]

    told = import_openai(store, lines(tmp_path / "threads.ndjson", *flat))

    assert told.complete
    assert [int(m["content"][0]["text"]["value"]) for m in messages_of(store, "thread_flat1")] == list(range(1, 30, 3))
    listed = store.threads.page(Window(order="asc"), assistant_id=ASSISTANT["id"]).objects
    assert [thread.id for thread in listed] == ["thread_flat0", "thread_flat1", "thread_flat2"]


def test_an_assistant_of_the_first_version_has_its_files_and_their_vector_store(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file-abc.txt").write_text("Figures.")
    first = {
        "id": "asst_v1",
        "created_at": 1_699_009_709,
        "name": "Old",
        "instructions": "Look it up.",
        "model": "gpt-4-1106-preview",
        "tools": [{"type": "retrieval"}, {"type": "code_interpreter"}],
        "file_ids": ["file-abc", "file-gone"],
    }
    (tmp_path / "assistant.json").write_text(json.dumps(first))

    told = import_openai(store, tmp_path, model="gpt-6-luna")

    assistant = store.assistants.get("asst_v1")
    assert assistant["model"] == "gpt-6-luna"
    assert assistant["tools"] == [{"type": "file_search"}, {"type": "code_interpreter"}]
    assert assistant["tool_resources"]["code_interpreter"] == {"file_ids": ["file-abc", "file-gone"]}
    [vector_store] = assistant["tool_resources"]["file_search"]["vector_store_ids"]
    assert store.vector_stores.get(vector_store)["file_counts"]["in_progress"] == 1
    assert store.files.read("file-abc") == b"Figures."
    assert [each["id"] for each in store.files.page(Window()).objects] == ["file-abc"]
    assert not told.complete
    assert list(told.left_out("vector_store.file")) == [f"{vector_store} file-gone"]
    [due] = store.vector_stores.due(Seconds(NOW))
    assert due[0] == vector_store


def test_vector_stores_are_filled_again_from_the_bytes_of_their_files(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "prices.csv").write_text("a,1")
    file = {
        "id": "file-XYZ",
        "object": "file",
        "bytes": 3,
        "created_at": 1_699_000_000,
        "filename": "prices.csv",
        "purpose": "assistants",
    }
    gone = {**file, "id": "file-GONE", "filename": "gone.csv"}
    vector_store = {
        "id": "vs_abc",
        "object": "vector_store",
        "created_at": 1_699_000_100,
        "name": "Prices",
        "metadata": {"a": "b"},
        "expires_after": {"anchor": "last_active_at", "days": 7},
    }
    members = [
        {
            "id": each["id"],
            "object": "vector_store.file",
            "created_at": 1_699_000_101,
            "vector_store_id": "vs_abc",
            "attributes": {"k": 1.5},
        }
        for each in (file, gone)
    ]

    told = import_openai(store, lines(tmp_path / "all.jsonl", file, gone, vector_store, *members))

    assert told.of("file") == (1, 0, 1)
    assert told.of("vector_store.file") == (1, 0, 1)
    made = store.vector_stores.get("vs_abc")
    assert (made["name"], made["created_at"], made["metadata"], made["file_counts"]["total"]) == (
        "Prices",
        1_699_000_100,
        {"a": "b"},
        1,
    )
    assert store.vector_store_files.get("vs_abc", "file-XYZ")["attributes"] == {"k": 1.5}
    assert import_openai(store, tmp_path).of("vector_store.file") == (0, 1, 1)


def test_what_can_not_be_imported_is_reported(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    bad = [
        {"object": "thread.message", "id": "msg_x", "role": "user", "content": "no thread", "created_at": 1},
        message("msg_long", "user", "x" * 256_001, 1_699_012_950),
        message("msg_system", "system", "Be kind.", 1_699_012_950),
        message("msg_none", "user", "no time", 0) | {"created_at": "never", "thread_id": "thread_untimed"},
        {**THREAD, "id": "thread_meta", "metadata": {str(n): "x" for n in range(17)}, "extra": 1},
        {**THREAD, "id": "../../etc"},
        {**ASSISTANT, "model": None},
        {**ASSISTANT, "id": "asst_odd", "tools": [{"type": "teleport"}], "surprise": 1},
        {**ASSISTANT, "id": "asst_fields", "surprise": 1},
        {
            "object": "thread.message",
            "id": "msg_part",
            "thread_id": "thread_meta",
            "role": "user",
            "created_at": 1_699_012_950,
            "content": [{"type": "hologram"}, {"type": "text", "text": {"value": "kept"}}],
        },
        QUESTION,
        {**QUESTION, "content": [{"type": "text", "text": {"value": "Other.", "annotations": []}}]},
        QUESTION,
        {"unrelated": True},
        17,
    ]
    path = lines(tmp_path / "bad.jsonl", *bad)
    with path.open("a") as file:
        file.write('{"object": "thread.mess\n[1, 2\n{"id": NaN}\n')
    (tmp_path / "broken.json").write_text('{"object": "list",\n "data": [\n {"id": "a"}\n')
    (tmp_path / "cut.json").write_text(json.dumps([{**QUESTION, "id": "msg_in_time"}, QUESTION])[:-20])

    told = import_openai(store, tmp_path)

    assert not told.complete
    assert "no thread_id" in told.left_out("thread.message")["msg_x"]
    assert "256,000" in told.left_out("thread.message")["msg_long"]
    assert "role" in told.left_out("thread.message")["msg_system"]
    assert "created_at" in told.left_out("thread.message")["msg_none"]
    assert "another one" in told.left_out("thread.message")["msg_OLD1"]
    assert "twice" in told.changes("msg_OLD1")
    assert set(told.left_out("metadata")) == {"thread thread_meta"}
    assert len(store.threads.get("thread_meta").metadata) == 16
    assert set(told.left_out("thread")) >= {"bad.jsonl:6", "thread_untimed"}
    assert "names no model" in told.left_out("assistant")[ASSISTANT["id"]]
    assert "tools" in told.left_out("assistant")["asst_odd"]
    assert "surprise" in told.changes("asst_fields")
    assert set(told.left_out("content")) == {"msg_part"}
    assert [m["content"][0]["text"]["value"] for m in messages_of(store, "thread_meta")] == ["kept"]
    assert set(told.left_out("line")) == {
        "bad.jsonl:14",
        "bad.jsonl:15",
        "bad.jsonl:16",
        "bad.jsonl:17",
        "bad.jsonl:18",
        "broken.json",
        "cut.json[1]",
    }
    assert store.messages.get(store.threads.get(THREAD["id"]).id, "msg_in_time")
    with pytest.raises(NotFound):
        store.threads.get("thread_untimed")


def test_a_run_that_was_under_way_ends(store: Store, tmp_path: Path, import_openai: Callable[..., Imported]) -> None:
    answered = {**RUN, "status": "in_progress", "completed_at": None, "usage": None}
    silent = {**answered, "id": "run_OLD9", "created_at": 1_699_012_970}

    import_openai(store, lines(tmp_path / "all.jsonl", THREAD, QUESTION, ANSWER, answered, silent))

    thread = store.threads.get(THREAD["id"])
    completed, expired = (store.runs.get(thread.id, name) for name in ("run_OLD1", "run_OLD9"))
    assert (completed.status, completed.completed_at) == ("completed", 1_699_012_960)
    assert expired.status == "expired"
    assert list(store.runs.open(Seconds(2_000_000_000))) == []
    day = [each for shard in range(4) for each in store.runs.ended("2023-11-03", shard)]
    assert sorted(run_id for _, run_id in day) == sorted([completed.id, expired.id])


def test_a_dry_run_writes_nothing_and_tells_the_same(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    as_lines(tmp_path)

    dry = import_openai(store, tmp_path, dry_run=True)

    assert everything(store) == [[], [], []]
    assert dry.counts == import_openai(store, tmp_path).counts


def test_another_assistant_with_the_id_stays_unless_it_is_to_be_replaced(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    path = lines(tmp_path / "all.jsonl", ASSISTANT)
    import_openai(store, path, model="gpt-6-luna")
    lines(path, {**ASSISTANT, "name": "Newer"})

    told = import_openai(store, path, model="gpt-6-luna")
    assert "another one" in told.left_out("assistant")[ASSISTANT["id"]]
    assert store.assistants.get(ASSISTANT["id"])["name"] == "Analyst"

    assert import_openai(store, path, model="gpt-6-luna", replace=True).complete
    assert store.assistants.get(ASSISTANT["id"])["name"] == "Newer"


def test_ids_of_other_projects_are_left_alone(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    as_lines(tmp_path)
    import_openai(store, tmp_path)
    before = everything(store)

    told = import_openai(store.of("other"), tmp_path)

    assert everything(store) == before
    assert "another one" in told.left_out("thread")[THREAD["id"]]
    assert told.left_out("assistant")


def test_functions_are_kept_where_their_tool_is_deployed(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    entry = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
    gone = {"module_name": "old", "class_name": "Old", "function_name": "look_up"}
    known = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
    body = {**ASSISTANT, "functions": [entry, gone, {**gone, "function_name": "unknown"}, {}], "tools": [known]}

    told = import_openai(store, lines(tmp_path / "all.jsonl", body))

    assistant = store.assistants.get(ASSISTANT["id"])
    assert assistant["functions"] == [{**entry, "configuration": {}}]
    assert [tool["function"]["name"] for tool in assistant["tools"]] == ["look_up"]
    assert list(told.left_out("function")) == [f"{ASSISTANT['id']} unknown"]


def test_lists_have_imported_objects_at_their_own_time(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    times = {"zZ": 1_600_000_000, "0a": 1_700_000_000, "mm": 1_650_000_000}
    threads = [{**THREAD, "id": f"thread_{name}", "created_at": at} for name, at in times.items()]
    assistants = [{**ASSISTANT, "id": f"asst_{name}", "created_at": at} for name, at in times.items()]
    import_openai(store, lines(tmp_path / "all.jsonl", *threads, *assistants))

    def pages(of: Any, **window: Any) -> list[str]:
        return [each.id if isinstance(each, Thread) else each["id"] for each in of(Window(**window)).objects]

    for prefix, of in (("thread", store.threads.page), ("asst", store.assistants.page)):
        first, second, third = (f"{prefix}_{name}" for name in ("zZ", "mm", "0a"))
        assert pages(of, order="asc") == [first, second, third]
        assert pages(of, order="asc", after=first, limit=1) == [second]
        assert pages(of, after=second) == [first]
        assert pages(of, before=second) == [third]
