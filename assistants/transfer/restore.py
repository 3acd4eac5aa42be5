"""Imports a dump: every object under its id, none over another.

What lies in a thread or a vector store is written before its head: until then it is as if it were not there, so an
import that was cut short is done again. What has a head is there, and has perhaps gone on since.
"""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, count, groupby
from pathlib import Path

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.store.blobs import INLINE_BYTES
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import Update
from assistant_engine.store.files import Files
from assistant_engine.store.run_item import HELD, ended_place, run_of
from assistant_engine.store.transfer import Row, Transfer
from assistant_engine.store.usage import amounts_of, counters_of, day_of
from assistant_engine.store.vector_store_actions import pointers
from assistant_engine.store.vector_stores import DUE
from assistants.errors import CommandError
from assistants.transfer import assistants as writing
from assistants.transfer.dump import MANIFEST, PARTS
from assistants.transfer.lines import ADDED, moved, row_of
from assistants.transfer.report import NEW, THERE, Report
from assistants.transfer.staging import Staging
from assistants.transfer.totals import BROKEN, Totals

_HEADS = ("thread", "vector_store")
_READ_AFTER_SECONDS = 60
"""When files of a vector store are handed to the ingestion: the store's head is there by then."""


class Restore:
    """Imports a dump.

    Args:
        project: what everything is to belong to; empty for the projects that it belonged to.
        replace: whether an assistant takes the place of one with its id.
    """

    def __init__(
        self, transfer: Transfer, report: Report, now: Seconds, *, project: str, replace: bool, dry_run: bool
    ) -> None:
        self._transfer = transfer
        self._report = report
        self._now = now
        self._project = project
        self._replace = replace
        self._dry_run = dry_run

    def folder(self, folder: Path) -> None:
        """Import what a folder holds.

        Raises:
            CommandError: it holds no dump.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
        except (OSError, ValueError):
            manifest = None
        if manifest != MANIFEST:
            raise CommandError(f"{folder} holds no dump: `python -m assistants dump FOLDER` makes one.")
        single: dict[str, Callable[[Json], None]] = {
            "assistant": self._assistant,
            "file": lambda line: self._file(line, folder),
            "usage": self._counter,
        }
        with Staging() as staging:
            self._totals = Totals(folder, self._row, self._has, staging, self._transfer.store.blobs)
            for part in PARTS:
                lines = self._read(folder / f"{part}.jsonl")
                for line in lines:
                    if line["object"] in _HEADS:
                        lines = chain([line], lines)
                        break
                    single.get(line["object"], self._setting)(line)
                else:
                    continue
                self._groups(lines)

    def _read(self, path: Path) -> Iterator[Json]:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    line = json.loads(text)
                    row_of(line)
                except BROKEN:
                    self._report.leave_out("line", f"{path.name}:{number}", "it is no line of a dump")
                    continue
                yield line

    def _has(self, line: Json) -> bool:
        """Return whether an assistant, or a row of a thread, is there."""
        if line["object"] != "assistant":
            return self._transfer.find(self._row(line)) is not None
        project = self._project or line["record"]["item"]["project"].partition("#")[0]
        with suppress(NotFound):
            return bool(self._transfer.store.of(project).assistants.get(line["id"]))
        return False

    # Single objects

    def _assistant(self, line: Json) -> None:
        project = self._project or line["record"]["item"]["project"].partition("#")[0]
        assistant = {name: value for name, value in line.items() if name != "record"}
        store = self._transfer.store.of(project)
        writing.write(store, self._report, assistant, replace=self._replace, dry_run=self._dry_run)

    def _file(self, line: Json, folder: Path) -> None:
        path = folder / "files" / Path(line["id"]).name
        if not path.is_file():
            self._report.leave_out("file", line["id"], "the dump does not hold its content")
            return
        row = self._row(line)
        there = self._transfer.find(row)
        if there is not None:
            self._there("file", line["id"], there.get("project") == row.item["project"])
            return
        if not self._dry_run:
            file: Json = json.loads(row.item["document"])
            blobs = self._transfer.store.blobs
            with path.open("rb") as data:
                blobs.client.put_object(
                    Bucket=blobs.bucket, Key=Files.key(file["id"]), Body=data, **Files.tagging(file)
                )
            self._transfer.put_new([row])
        self._report.count("file", NEW)

    def _setting(self, line: Json) -> None:
        row = self._row(line)
        there = self._transfer.find(row)
        if there is not None:
            self._there(line["object"], row.item["message_id"], there == row.item)
            return
        if not self._dry_run:
            self._transfer.put_new([row])
        self._report.count(line["object"], NEW)

    def _counter(self, line: Json) -> None:
        """Add to the stack's totals what a counter holds in addition to the dump's runs, once.

        An import that was cut short has brought no object of the project before all of this.
        """
        row = self._row(line)
        rest = self._totals.rest(row)
        mark = ADDED + hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()[:16]
        if rest and not self._dry_run:
            keys = {name: row.item[name] for name in ("thread_id", "message_id")}
            update = Update(self._transfer.tables["messages"], keys).add(rest).set({mark: True})
            try:
                self._transfer.store.database.update(update.when(Attr(mark).not_exists()))
            except ConditionFailed:
                rest = None
        self._report.count("usage", THERE if rest is None else NEW)

    def _there(self, kind: str, identifier: str, same: bool) -> None:
        if same:
            self._report.count(kind, THERE)
        else:
            self._report.leave_out(kind, identifier, "there is another one with this id")

    def _row(self, line: Json) -> Row:
        table, item = row_of(line)
        return Row(table, moved(item, self._project) if self._project else item)

    # Threads and vector stores, each with what is in it

    def _groups(self, lines: Iterable[Json]) -> None:
        heads = count()
        number = -1

        def group_of(line: Json) -> int:
            nonlocal number
            if line["object"] in _HEADS:
                number = next(heads)
            return number

        for _, group in groupby(lines, group_of):
            head = next(group)
            if head["object"] in _HEADS:
                self._group(head, group)  # noqa: B031, one of the two
            else:
                for line in (head, *group):
                    self._report.leave_out(line["object"], str(line.get("id")), "its thread or vector store is missing")

    def _group(self, head: Json, rest: Iterator[Json]) -> None:
        row = self._row(head)
        there = self._transfer.find(row)
        if there is not None:
            same = there.get("project") == row.item["project"]
            self._there(head["object"], head["id"], same)
            for line in rest:
                self._there(line["object"], str(line.get("id")), same)
            return
        rows = (self._row(line) for line in self._counted(rest, NEW))
        if self._dry_run:
            deque(rows, maxlen=0)
        else:
            make = self._store_rows if head["object"] == "vector_store" else self._thread_rows
            further, row = make(row, rows)
            self._transfer.put_new(further)
            self._transfer.put_new([row])
        self._report.count(head["object"], NEW)

    def _counted(self, lines: Iterable[Json], outcome: str) -> Iterator[Json]:
        for line in lines:
            self._report.count(line["object"], outcome)
            yield line

    def _thread_rows(self, head: Row, rows: Iterator[Row]) -> tuple[Iterator[Row], Row]:
        thread = dict(head.item)
        found: Iterable[Row] = rows
        if open_run := thread.pop("active_run", None):
            found = self._end({open_run, *thread.pop("line", ())}, thread, list(rows))
        return self._written(found), Row("messages", self._transfer.packed(thread, "tool_resources"))

    def _written(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Write the runs among a thread's rows, each with its usage; return the others, to be written."""
        for table, item in rows:
            if table == "threads":
                yield Row(table, item)
            elif item["message_id"].startswith("run_") and "ended_ms" in item:
                self._put_run(item)
            else:
                yield Row(table, self._packed(item))

    def _put_run(self, item: Json) -> None:
        """Write a run that has ended and add it to the totals, unless it is there: then they have it."""
        try:
            run = run_of(item, self._transfer.store.blobs)
        except BROKEN:
            self._report.leave_out("thread.run", item["message_id"], "it is no run of a dump")
            return
        # The thread's own totals are rows of the thread.
        _, *shared = self._transfer.store.usage.count_run_ended(run, run.account, item["ended_ms"])
        self._transfer.put_together([Row("messages", self._packed(item))], shared)

    def _packed(self, item: Json) -> Json:
        item = self._transfer.packed(item, "document", "output")
        outputs = item.get("outputs", {})
        if sum(len(output.get("text", "").encode()) for output in outputs.values()) <= INLINE_BYTES:
            return item
        blobs, kept = self._transfer.store.blobs, {}
        for number, (call, output) in enumerate(outputs.items()):
            key = f"text/{item['thread_id']}/{item['message_id']}-output-{number}"
            blobs.client.put_object(Bucket=blobs.bucket, Key=key, Body=output["text"].encode())
            kept[call] = {**{name: value for name, value in output.items() if name != "text"}, "key": key}
        return {**item, "outputs": kept}

    def _end(self, run_ids: set[str], thread: Json, rows: list[Row]) -> list[Row]:
        """Return the rows of a thread whose open runs have expired: nothing drives them."""
        ended, step = ("open_shard", "task_token", "asked_ms", "waiting_ms", "line", HELD), "step_status"
        made: list[Row] = []
        totals: dict[str, dict[str, int]] = {}
        days: dict[str, Json] = {}  # amounts by the sort keys of the thread's own totals
        for table, item in rows:
            if item.get("message_id") in run_ids:
                run = run_of(item, self._transfer.store.blobs)
                ended_ms = Milliseconds(1000 * run.expires_at)
                item = {name: value for name, value in item.items() if name not in ended} | {
                    "run_status": "expired",
                    "run_sequence": run.sequence + 1,
                    "ended_ms": ended_ms,
                    **ended_place(run.project, run.id, ended_ms),
                }
                figures = {**run.account.figures(), "unpriced_runs": int(run.account.cost is None)}
                counter, *_ = counters_of(run, day_of(ended_ms))
                day = counter["message_id"]
                days[day] = _sum(days.get(day, {}), amounts_of(run.account))
                totals[run.assistant_id] = _sum(totals.get(run.assistant_id, {}), {**figures, "ended_runs": 1})
                shown = ("prompt_tokens", "completion_tokens", "cost", "unpriced_runs")
                thread |= _sum(thread, {"runs": 1, **{name: figures.get(name, 0) for name in shown}})
                self._report.note("thread.run", run.id, "it was open, and is expired now")
            if item.get(step) == "in_progress":
                item = {**item, step: "expired", "expired_at": self._now}
            made.append(Row(table, item))
        counted = [
            Row(table, _sum(item, totals.get(item["assistant_id"], {}) if table == "threads" else days.pop(name, {})))
            for table, item in made
            for name in [item.get("message_id", "")]
        ]
        key = {"thread_id": thread["thread_id"]}
        return [*counted, *(Row("messages", {**key, "message_id": day, **days[day]}) for day in days)]

    def _store_rows(self, head: Row, rows: Iterator[Row]) -> tuple[Iterator[Row], Row]:
        """Return a vector store's rows; its files are to be read again, for a dump holds no vectors."""
        store = dict(head.item)
        expired = store.get("expires_at", self._now + 1) <= self._now
        batches: Counter[str] = Counter()
        made = []
        for table, item in rows:
            if not expired and item.get("status") in ("completed", "in_progress"):
                if item["status"] == "completed":
                    batches[item.get("batch_id", "")] += 1
                    store = _sum(store, {**_again(1), "usage_bytes": -item["usage_bytes"]})
                read = ("chunks", "parts", "warnings")
                item = {name: value for name, value in item.items() if name not in read} | {
                    "status": "in_progress",
                    "usage_bytes": 0,
                    "asked_at": self._now,
                    "open_shard": DUE,
                    "due_at": self._now + _READ_AFTER_SECONDS,
                }
            made.append(Row(table, item))
        for place, (table, item) in enumerate(made):
            if number := batches[item["message_id"]]:
                made[place] = Row(table, _sum(item, _again(number)))
        links = (Row("messages", link) for _, item in made if "ingestion" in item for link in pointers(item))
        return chain(made, links), Row("messages", store)


def _again(files: int) -> dict[str, int]:
    """Return the changes of counts for files that are read again."""
    return {"n_completed": -files, "n_in_progress": files}


def _sum(item: Json, amounts: dict[str, int]) -> Json:
    return {**item, **{name: item.get(name, 0) + amount for name, amount in amounts.items()}}
