"""Tells what a dump's totals hold in addition to its runs, and which projects of it a stack has objects of.

An imported run adds its usage to the totals in the transaction that writes it: so it counts once, however often and in
however many parts an import is repeated. What is left of a dump's totals is the usage of threads that were deleted.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.run_item import run_of
from assistant_engine.store.transfer import Row
from assistant_engine.store.usage import amounts_of, counters_of, day_of
from assistants.transfer.lines import project_of
from assistants.transfer.staging import Staging

MAX_LOOK_UPS = 100
"""Objects of a project that are looked up to tell whether a stack has any of them."""

BROKEN = (ValueError, LookupError, TypeError)
"""Errors that a line raises which does not come from a dump."""

_KIND = "counted"


class Totals:
    """Reads a dump before it is imported.

    Args:
        rows: makes the item that a line tells of, in the project that it is to belong to.
        is_there: whether the stack has a line's object.
        staging: keeps the sums over the runs.
    """

    def __init__(
        self,
        folder: Path,
        rows: Callable[[Json], Row],
        is_there: Callable[[Json], bool],
        staging: Staging,
        blobs: Blobs,
    ) -> None:
        self._is_there = is_there
        self._staging = staging
        self._projects_there: set[str] = set()
        self._looked_up: Counter[str] = Counter()
        project = ""
        for line in chain(_lines(folder / "assistants.jsonl"), _lines(folder / "threads.jsonl")):
            with suppress(*BROKEN):
                if line["object"] in ("assistant", "thread"):  # What follows a thread is in it.
                    project = rows(line).item["project"].partition("#")[0]
                self._look_up(line, project)
                if line["object"] == "thread.run":
                    self._count(run_of(rows(line).item, blobs))

    def rest(self, counter: Row) -> dict[str, int] | None:
        """Return what a counter of the dump holds in addition to the dump's runs.

        None if the stack has objects of this project: then their import has brought it, or the stack has counted it.
        """
        if project_of(counter.item) in self._projects_there:
            return None
        summed = self._staging.get(_KIND, counter.item["message_id"], counter.item["thread_id"]) or {}
        amounts = {name: value for name, value in counter.item.items() if isinstance(value, int)}
        # A run that ended while the dump was made may be in the threads and not in the totals.
        rest = {name: max(0, value - summed.get(name, 0)) for name, value in amounts.items()}
        return rest if any(rest.values()) else {}

    def _look_up(self, line: Json, project: str) -> None:
        if project not in self._projects_there and self._looked_up[project] < MAX_LOOK_UPS:
            self._looked_up[project] += 1
            if self._is_there(line):
                self._projects_there.add(project)

    def _count(self, run: Run) -> None:
        if run.ended_ms is None:
            return
        amounts = amounts_of(run.account)
        _, *shared = counters_of(run, day_of(run.ended_ms))  # The thread's goes with the thread.
        for key in shared:
            place = (_KIND, key["message_id"])
            before = self._staging.add(*place, amounts, key["thread_id"])
            if before is not None:
                summed = {name: before.get(name, 0) + amounts.get(name, 0) for name in before | amounts}
                self._staging.change(*place, summed, key["thread_id"])


def _lines(path: Path) -> Iterator[Json]:
    """Return the lines of a file that are JSON; the import reports the others."""
    with suppress(OSError), path.open(encoding="utf-8") as file:
        for text in file:
            with suppress(ValueError):
                yield json.loads(text)
