"""A dump is whole: imported into an empty stack and dumped again, it is the same byte for byte."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.runtime import settings
from assistant_engine.store import Store, Window
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.items import marshal
from assistant_engine.store.transfer import Transfer
from assistants.errors import CommandError
from assistants.transfer.dump import PARTS, dump
from assistants.transfer.report import Report
from assistants.transfer.restore import Restore
from tests.support import contents, tables
from tests.support.contents import NOW_MS
from tests.support.imports import Imported, everything

NOW = Seconds(NOW_MS // 1000)


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    contents.configure(monkeypatch)


@pytest.fixture(scope="module")
def filled(aws: None) -> dict[str, str]:
    """Fill tables, which no test changes, with everything; return the variables that name them."""
    variables = tables.make(f"t-{uuid.uuid4().hex[:8]}")
    with pytest.MonkeyPatch.context() as patch:
        contents.configure(patch)
        contents.fill(tables.use(patch, variables))
    return variables


@pytest.fixture
def source(filled: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    """Point the store at the filled tables."""
    return tables.use(monkeypatch, filled)


@pytest.fixture
def take(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Dump a stack into a folder."""

    def run(store: Store, project: str = "") -> Path:
        folder = tmp_path_factory.mktemp("dump") / "dump"
        report = Report(folder.parent / "report.jsonl")
        dump(Transfer(store), folder, report, project)
        assert report.complete
        return folder

    return run


@pytest.fixture
def bring(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Imported]:
    """Import a dump."""

    def run(store: Store, folder: Path, **options: Any) -> Imported:
        report = Report(tmp_path_factory.mktemp("report") / "report.jsonl")
        options = {"project": "", "replace": False, "dry_run": False, **options}
        Restore(Transfer(store), report, NOW, **options).folder(folder)
        return Imported(report)

    return run


def read_again(store: Store) -> None:
    """What the ingestion does with the files of imported vector stores."""
    for store_id, sort_key in store.vector_stores.due(Seconds(NOW + 3_600)):
        member = store.vector_store_files.at(store_id, sort_key)
        assert member is not None
        contents.read(store, store_id, member["file_id"])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_dump_imported_and_dumped_again_is_the_same_byte_for_byte(
    stack: Callable[[], Store], source: Store, take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    first = take(source)
    before = everything(source)
    target = stack()

    told = bring(target, first)
    read_again(target)

    assert told.complete, told.lines
    second = take(target)
    assert bytes_of(second) == bytes_of(first)
    assert len(bytes_of(first)["threads.jsonl"].splitlines()) > 20
    # And so are the items, but for a deleted thread's row in the directory.
    assistants, threads, messages = (len(table) for table in everything(target))
    assert [assistants, threads + 1, messages] == [len(table) for table in before]
    # Again, nothing changes.
    whole = everything(target)
    told = bring(target, first)
    assert told.complete
    assert everything(target) == whole
    assert {outcome for (_, outcome), number in told.counts.items() if number} == {"there already"}


def test_an_open_run_is_dumped_as_it_is_and_imported_as_expired(
    stack: Callable[[], Store], take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    source = stack()
    made = contents.assistant(source)
    run = contents.thread_with_run(source, made["id"], "ada", "Hello.")
    open_run = contents.begun(source, made["id"], run.thread_id, Milliseconds(NOW_MS + 1_000))
    folder = take(source)
    [line] = [
        line
        for line in map(json.loads, (folder / "threads.jsonl").read_text().splitlines())
        if line.get("id") == open_run.id
    ]
    assert line["status"] == "in_progress"
    target = stack()

    for _ in range(2):
        bring(target, folder)
        thread = target.threads.get(run.thread_id)
        expired = target.runs.get(thread.id, open_run.id)
        assert (expired.status, thread.active_run, thread.runs) == ("expired", None, 2)
        assert list(target.runs.open(Seconds(2 * NOW))) == []
        days = target.usage.of_project("2026-01-01", "2027-12-31")
        assert sum(day.runs for day in days) == 2
    assert contents.run(target, made["id"], thread.id, "Go on.", Milliseconds(NOW_MS + 9_000)).status == "completed"


def test_a_dump_s_import_that_dies_anywhere_is_done_again(
    stack: Callable[[], Store],
    source: Store,
    take: Callable[..., Path],
    bring: Callable[..., Imported],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = take(source)
    transact, update = Database.transact, Database.update
    left = 0

    def dying(whole: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Database, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
            return whole(self, *arguments)

        return run

    for survived in range(1, 60, 5):
        target, left = stack(), survived
        with monkeypatch.context() as patch:
            patch.setattr(Database, "transact", dying(transact))
            patch.setattr(Database, "update", dying(update))
            try:
                bring(target, folder)
            except KeyboardInterrupt:
                pass
            else:
                assert survived > 20
                return
        bring(target, folder)
        read_again(target)
        assert bytes_of(take(target)) == bytes_of(folder), survived


def test_a_stack_that_its_own_dump_is_brought_to_keeps_its_totals(
    stack: Callable[[], Store], take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    source = stack()
    contents.fill(source)
    folder = take(source)
    bring(source, folder)
    assert bytes_of(take(source)) == bytes_of(folder)


def totals_of(store: Store) -> dict[str, int]:
    """The runs in the totals of each project."""
    return {
        project: sum(day.runs for day in store.of(project).usage.of_project("2026-01-01", "2027-12-31"))
        for project in ("default", "other")
    }


def test_parts_of_a_dump_that_are_imported_one_after_another_count_once(
    stack: Callable[[], Store], take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    source = stack()
    contents.fill(source)
    whole, part = take(source), take(source, "other")
    later = contents.thread_with_run(source, "My-Bot_1", "ada", "Later.", Milliseconds(NOW_MS + 500_000))
    again = take(source)
    target = stack()

    # One project first, then everything.
    bring(target, part)
    assert totals_of(target) == {"default": 0, "other": 1}
    bring(target, whole)
    read_again(target)
    assert bytes_of(take(target)) == bytes_of(whole)

    # The source went on: a later dump brings what is new, with its usage.
    before = totals_of(target)
    for _ in range(2):
        assert bring(target, again).complete
        assert target.runs.get(later.thread_id, later.id).status == "completed"
        assert totals_of(target) == {**before, "default": before["default"] + 1}


def test_a_project_can_be_taken_out_and_brought_in_under_another_name(
    stack: Callable[[], Store], source: Store, take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    folder = take(source, "other")
    text = "".join((folder / f"{part}.jsonl").read_text() for part in PARTS)
    assert "Secret." in text
    assert "3 + 4" not in text
    target = stack()

    assert bring(target, folder, project="new").complete

    moved = target.of("new")
    [thread] = moved.threads.page(Window(), user_id="eve").objects
    assert [day.runs for day in moved.usage.of_user("eve", "2026-01-01", "2027-12-31")] == [1]
    assert list(target.of("other").threads.page(Window()).objects) == []
    assert contents.run(moved, next(iter(moved.assistants.page(Window()).objects))["id"], thread.id, "On.", NOW_MS)


def test_a_restored_backup_is_dumped_like_the_tables_that_it_was_made_of(
    source: Store, take: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(source)
    # DynamoDB restores into tables of other names; the bucket stays.
    restored = tables.make(f"restored-{uuid.uuid4().hex[:8]}")
    for table, items in zip(tables.KEYS, everything(source), strict=True):
        for item in items:
            source.database.client.put_item(
                TableName=restored[f"{table.upper()}_TABLE"], Item=marshal(json.loads(item))
            )
    for name in tables.KEYS:
        monkeypatch.setenv(f"{name.upper()}_TABLE", restored[f"{name.upper()}_TABLE"])
    settings.forget()

    assert bytes_of(take(Store())) == bytes_of(first)


def test_broken_lines_of_a_dump_are_reported(
    stack: Callable[[], Store], source: Store, take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    folder = take(source)
    (folder / "assistants.jsonl").open("a").write('{"object": "assistant"}\n{"obj\n[]\n')
    (folder / "files" / "file-0mwrk00aelwhpuyeyse0ki7c").unlink()

    told = bring(stack(), folder)

    assert len(told.left_out("line")) == 3
    assert "content" in told.left_out("file")["file-0mwrk00aelwhpuyeyse0ki7c"]


def test_a_folder_without_a_dump_and_one_that_is_not_empty_are_refused(
    store: Store, tmp_path: Path, take: Callable[..., Path], bring: Callable[..., Imported]
) -> None:
    with pytest.raises(CommandError, match="holds no dump"):
        bring(store, tmp_path)
    (tmp_path / "x").touch()
    with pytest.raises(CommandError, match="not empty"):
        dump(Transfer(store), tmp_path, Report(tmp_path.parent / f"{tmp_path.name}.jsonl"))


def test_a_dump_is_for_its_owner_alone(source: Store, take: Callable[..., Path]) -> None:
    folder = take(source)
    assert {oct(path.stat().st_mode & 0o077) for path in folder.rglob("*")} == {"0o0"}
