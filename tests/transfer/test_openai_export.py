"""Exports of the Assistants API, in each shape that people have: what of them is there after an import."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.store import Store, Window
from assistant_engine.store.dynamodb import Database
from tests.support.imports import NOW, Imported, everything, messages_of

ASSISTANT = {
    "id": "asst_Nb7hCwkqvTV8FZhQxH4xk0aR",
    "object": "assistant",
    "created_at": 1_699_009_709,
    "name": "Analyst",
    "description": None,
    "model": "gpt-4o",
    "instructions": "You look at figures.",
    "tools": [{"type": "code_interpreter"}],
    "tool_resources": {"code_interpreter": {"file_ids": []}},
    "metadata": {"team": "finance"},
    "temperature": 0.3,
    "top_p": 1.0,
    "response_format": "auto",
}
THREAD = {
    "id": "thread_abc123XYZ",
    "object": "thread",
    "created_at": 1_699_012_949,
    "metadata": {"user_id": "ada"},
    "tool_resources": {},
}


def message(name: str, role: str, text: str, created_at: int, **more: Any) -> Json:
    return {
        "id": name,
        "object": "thread.message",
        "created_at": created_at,
        "thread_id": THREAD["id"],
        "role": role,
        "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        "assistant_id": ASSISTANT["id"] if role == "assistant" else None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
        **more,
    }


RUN = {
    "id": "run_OLD1",
    "object": "thread.run",
    "created_at": 1_699_012_951,
    "thread_id": THREAD["id"],
    "assistant_id": ASSISTANT["id"],
    "status": "completed",
    "completed_at": 1_699_012_960,
    "model": "gpt-4o",
    "instructions": "You look at figures.",
    "tools": [],
    "metadata": {},
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}
STEPS = [
    {
        "id": "step_OLD1",
        "object": "thread.run.step",
        "created_at": 1_699_012_952,
        "run_id": "run_OLD1",
        "thread_id": THREAD["id"],
        "type": "tool_calls",
        "status": "completed",
        "completed_at": 1_699_012_953,
        "step_details": {
            "type": "tool_calls",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "7"}}
            ],
        },
        "usage": {"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70},
    },
    {
        "id": "step_OLD2",
        "object": "thread.run.step",
        "created_at": 1_699_012_959,
        "run_id": "run_OLD1",
        "thread_id": THREAD["id"],
        "type": "message_creation",
        "status": "completed",
        "completed_at": 1_699_012_960,
        "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_OLD2"}},
        "usage": {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50},
    },
]
QUESTION = message("msg_OLD1", "user", "What is 3 + 4?", 1_699_012_950, metadata={"n": "1"})
ANSWER = message("msg_OLD2", "assistant", "7", 1_699_012_960, run_id="run_OLD1")
ALL = [ASSISTANT, THREAD, QUESTION, ANSWER, RUN, *STEPS]


def lines(path: Path, *objects: Any) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return path


def page(*objects: Json) -> Json:
    names = [each["id"] for each in objects]
    return {"object": "list", "data": list(objects), "first_id": names[0], "last_id": names[-1], "has_more": False}


def as_lines(folder: Path) -> None:
    lines(folder / "everything.jsonl", *ALL)


def as_arrays(folder: Path) -> None:
    (folder / "all.json").write_text(json.dumps(ALL, indent=2))


def as_pages(folder: Path) -> None:
    """As a client saves what it lists: newest first, in pages, an indented document for each."""
    for name, objects in {
        "assistants": [ASSISTANT],
        "threads": [THREAD],
        "messages": [ANSWER, QUESTION],
        "runs": [RUN],
        "steps": STEPS[::-1],
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(page(*objects), indent=1))


def as_thread_exports(folder: Path) -> None:
    (folder / "threads").mkdir()
    (folder / "assistants.json").write_text(json.dumps([ASSISTANT]))
    (folder / "manifest.json").write_text(
        json.dumps({"export_schema": "assistants-export-manifest/v1", "threads_failed": []})
    )
    export = {
        "export_schema": "assistants-thread-export/v1",
        "thread_id": THREAD["id"],
        "exported_at": "2026-08-01T00:00:00+00:00",
        "thread": THREAD,
        "messages": [QUESTION, ANSWER],
        "runs": [{**RUN, "steps": STEPS}],
        "files": {},
        "errors": [],
    }
    (folder / "threads" / "thread_abc123XYZ.json").write_text(json.dumps(export, indent=2))


def as_containers(folder: Path) -> None:
    nested = {**THREAD, "messages": [QUESTION, ANSWER], "runs": [{**RUN, "steps": {"data": STEPS}}]}
    (folder / "backup.json").write_text(json.dumps({"assistants": [ASSISTANT], "threads": [nested]}))


@pytest.mark.parametrize("save", [as_lines, as_arrays, as_pages, as_thread_exports, as_containers])
def test_an_export_is_there_under_its_ids(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported], save: Callable[[Path], None]
) -> None:
    save(tmp_path)

    told = import_openai(store, tmp_path, model_map={"gpt-4o": "gpt-6-luna"})

    assert told.complete, told.lines
    assistant = store.assistants.get(ASSISTANT["id"])
    assert (assistant["model"], assistant["instructions"], assistant["created_at"]) == (
        "gpt-6-luna",
        "You look at figures.",
        1_699_009_709,
    )
    assert assistant["temperature"] == 1
    assert "temperature" in told.changes(ASSISTANT["id"])
    thread = store.threads.get(THREAD["id"])
    assert (thread.created_at, thread.metadata, thread.runs) == (1_699_012_949, {"user_id": "ada"}, 1)
    assert thread.usage.total_tokens == 120
    question, answer = messages_of(store, THREAD["id"])
    assert [question["content"][0]["text"]["value"], answer["content"][0]["text"]["value"]] == ["What is 3 + 4?", "7"]
    assert (question["created_at"], question["metadata"], answer["created_at"]) == (
        1_699_012_950,
        {"n": "1"},
        1_699_012_960,
    )
    # The old ids lead to what has others now.
    run = store.runs.get(thread.id, "run_OLD1")
    assert (run.status, run.completed_at, run.created_at) == ("completed", 1_699_012_960, 1_699_012_951)
    assert store.messages.get(thread.id, "msg_OLD2") == answer
    assert answer["run_id"] == run.id
    assert question["id"] < run.id.replace("run_", "msg_") < answer["id"]
    calls, made = store.steps.page(thread.id, run.id, Window(order="asc")).objects
    assert calls["step_details"]["tool_calls"][0]["function"]["output"] == "7"
    assert made["step_details"]["message_creation"]["message_id"] == answer["id"]
    assert store.steps.message_ids(thread.id, run.id) == [answer["id"]]
    # Lists, and totals.
    assert [each.id for each in store.threads.page(Window(), user_id="ada").objects] == [thread.id]
    assert [each.id for each in store.threads.page(Window(), assistant_id=ASSISTANT["id"]).objects] == [thread.id]
    for total in (
        store.usage.of_project("2023-11-01", "2023-11-30"),
        store.usage.of_user("ada", "2023-11-01", "2023-11-30"),
        store.usage.of_assistant(ASSISTANT["id"], "2023-11-01", "2023-11-30"),
        store.usage.of_thread(thread.id, "2023-11-01", "2023-11-30"),
    ):
        assert [(day.runs, day.account.usage.total_tokens) for day in total] == [(1, 120)]


def test_importing_twice_changes_nothing(store: Store, tmp_path: Path, import_openai: Callable[..., Imported]) -> None:
    as_lines(tmp_path)
    import_openai(store, tmp_path)
    before = everything(store)

    told = import_openai(store, tmp_path)

    assert everything(store) == before
    assert told.complete
    kinds = ("assistant", "thread", "thread.message", "thread.run", "thread.run.step")
    assert [told.of(kind)[:2] for kind in kinds] == [(0, 1), (0, 1), (0, 2), (0, 1), (0, 2)]


def test_what_came_later_is_added_to_an_imported_thread(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    as_lines(first)
    later = message("msg_OLD3", "user", "And 4 + 4?", 1_699_013_000)
    again = {**RUN, "id": "run_OLD2", "created_at": 1_699_013_001, "completed_at": 1_699_013_002}
    lines(second / "more.jsonl", *ALL, later, again)
    import_openai(store, first)

    told = import_openai(store, second)

    assert told.of("thread.message") == (1, 2, 0)
    thread = store.threads.get(THREAD["id"])
    assert (thread.runs, thread.usage.total_tokens) == (2, 240)
    assert [each["content"][0]["text"]["value"] for each in messages_of(store, thread.id)][-1] == "And 4 + 4?"
    [day] = store.usage.of_project("2023-11-01", "2023-11-30")
    assert (day.runs, day.account.usage.total_tokens) == (2, 240)


def test_an_import_that_dies_anywhere_is_done_again(
    stack: Callable[[], Store], tmp_path: Path, import_openai: Callable[..., Imported], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_lines(tmp_path)
    whole = stack()
    import_openai(whole, tmp_path)
    expected = everything(whole)
    transact = Database.transact
    for survived in range(12):
        store, calls = stack(), count()

        def dying(self: Database, actions: list[Json], survived: int = survived, calls: Any = calls) -> None:
            if next(calls) == survived:
                raise KeyboardInterrupt
            transact(self, actions)

        monkeypatch.setattr(Database, "transact", dying)
        try:
            import_openai(store, tmp_path)
        except KeyboardInterrupt:
            monkeypatch.setattr(Database, "transact", transact)
            import_openai(store, tmp_path)
        else:
            assert survived > 3
            return
        finally:
            monkeypatch.setattr(Database, "transact", transact)
        assert everything(store) == expected, survived
    pytest.fail("the import writes more often than is tried")


def test_a_long_thread_keeps_its_order_where_many_messages_share_a_second(
    store: Store, tmp_path: Path, import_openai: Callable[..., Imported]
) -> None:
    said = [message(f"msg_{n:05d}", "user", str(n), 1_699_012_950 + n // 3_000) for n in range(10_000)]
    pages = tmp_path / "pages"
    pages.mkdir()
    newest_first = said[::-1]
    for number, start in enumerate(range(0, 10_000, 100)):
        (pages / f"{number:03d}.json").write_text(json.dumps(page(*newest_first[start : start + 100])))

    told = import_openai(store, pages)

    assert told.of("thread.message") == (10_000, 0, 0)
    found = messages_of(store, THREAD["id"])
    assert [int(each["content"][0]["text"]["value"]) for each in found] == list(range(10_000))
    assert [each["created_at"] for each in found] == [each["created_at"] for each in said]


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
