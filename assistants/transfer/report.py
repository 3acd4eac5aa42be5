"""Counts what a dump or an import does with each object, and tells it: progress, a table, JSON lines."""

import json
import time
from collections import Counter
from pathlib import Path
from threading import Lock

from rich import box
from rich.table import Table

from assistant_engine.domain.json_data import Json
from assistants import private

NEW, THERE, LEFT_OUT = "new", "there already", "left out"
OUTCOMES = (NEW, THERE, LEFT_OUT)

_PROGRESS_SECONDS = 5.0


class Report:
    """What became of each object that was read.

    Args:
        path: the JSON lines: one for each object that is left out or was changed, and one for each kind in the end.
        say: shows a line of progress.
    """

    def __init__(self, path: Path, say: object = None) -> None:
        self.path = path
        self.counts: Counter[tuple[str, str]] = Counter()
        self._say = say
        self._lock = Lock()
        self._began = self._told = time.monotonic()
        private.folder(path.parent)
        private.write(path, "")
        self._file = path.open("a", encoding="utf-8")

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count objects of a kind that had an outcome."""
        with self._lock:
            self.counts[kind, outcome] += number
            now = time.monotonic()
            if callable(self._say) and now - self._told > _PROGRESS_SECONDS:
                self._told = now
                self._say(self._progress(now))

    def leave_out(self, kind: str, identifier: str, why: str) -> None:
        """Count an object that is left out, and say why."""
        self._write({"object": kind, "id": identifier, "outcome": LEFT_OUT, "why": why})
        self.count(kind, LEFT_OUT)

    def note(self, kind: str, identifier: str, what: str) -> None:
        """Tell what of an object is not as it was."""
        self._write({"object": kind, "id": identifier, "outcome": "changed", "why": what})

    @property
    def complete(self) -> bool:
        """Return whether nothing was left out."""
        return not any(outcome == LEFT_OUT and number for (_, outcome), number in self.counts.items())

    def close(self) -> None:
        """Write the counts as the last lines."""
        for kind in self.kinds():
            self._write({"object": kind, **{outcome: self.counts[kind, outcome] for outcome in OUTCOMES}})
        self._file.close()

    def kinds(self) -> list[str]:
        """Return the kinds that were counted, in the order in which they came."""
        return list(dict.fromkeys(kind for kind, _ in self.counts))

    def table(self) -> Table:
        """Return the counts as a table."""
        shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for heading in ("", "read", *OUTCOMES):
            shown.add_column(heading, justify="right" if heading else "left", no_wrap=True)
        for kind in self.kinds():
            numbers = [self.counts[kind, outcome] for outcome in OUTCOMES]
            shown.add_row(kind, *(f"{number:,}" for number in (sum(numbers), *numbers)))
        return shown

    def _progress(self, now: float) -> str:
        done = sum(self.counts.values())
        parts = [f"{sum(self.counts[kind, each] for each in OUTCOMES):,} {kind}" for kind in self.kinds()]
        return f"{', '.join(parts)} ({done / max(0.001, now - self._began):,.0f} objects/s)"

    def _write(self, line: Json) -> None:
        with self._lock:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
