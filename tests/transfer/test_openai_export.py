"""Exports of the Assistants API, in each shape that people have: what of them is there after an import."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store, Window
from assistant_engine.store.dynamodb import Database
from tests.support.exports import (
    ALL,
    ASSISTANT,
    RUN,
    THREAD,
    as_arrays,
    as_containers,
    as_lines,
    as_pages,
    as_thread_exports,
    lines,
    message,
    page,
)
from tests.support.imports import Imported, everything, messages_of


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
    attached = [{"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}]
    lines(tmp_path / "more.jsonl", message("msg_file", "user", "Read it.", 1_699_012_940, attachments=attached))
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
    said = [message(f"msg_{n:05d}", "user", str(n), 1_699_012_950 + n // 1_500) for n in range(5_000)]
    pages = tmp_path / "pages"
    pages.mkdir()
    newest_first = said[::-1]
    for number, start in enumerate(range(0, 5_000, 100)):
        (pages / f"{number:03d}.json").write_text(json.dumps(page(*newest_first[start : start + 100])))

    told = import_openai(store, pages)

    assert told.of("thread.message") == (5_000, 0, 0)
    found = messages_of(store, THREAD["id"])
    assert [int(each["content"][0]["text"]["value"]) for each in found] == list(range(5_000))
    assert [each["created_at"] for each in found] == [each["created_at"] for each in said]
