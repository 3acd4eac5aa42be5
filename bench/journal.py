"""Reads what the metered embedded AWS wrote down (`local.meter`), and what AWS would bill for it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = dict[str, Any]

API_FUNCTIONS = ("api", "stream", "poll")
"""The functions behind the REST API that a run's client asks."""

QUIET_SECONDS = 1.0
"""A run is over when nothing more was written for so long: its execution outlives what its client waits for."""


class Journal:
    """The journal of a metered embedded AWS."""

    def __init__(self, path: Path) -> None:
        path.touch()  # From here on it is written.
        self._path = path

    def end(self) -> int:
        """Return where the journal ends now, for `since`."""
        return self._path.stat().st_size

    def since(self, start: int) -> list[Line]:
        """The lines that were written from there on."""
        with self._path.open() as lines:
            lines.seek(start)
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def during(self, work: Callable[[], object]) -> list[Line]:
        """Return what was written for some work: from when all is quiet before it until all is quiet after it."""
        self._until_quiet()
        start = self.end()
        work()
        self._until_quiet()
        return self.since(start)

    def _until_quiet(self) -> None:
        deadline = time.monotonic() + 30
        while time.time() - self._path.stat().st_mtime < QUIET_SECONDS and time.monotonic() < deadline:
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Taken:
    """Holds what AWS would bill, as numbers of one run or of several.

    Attributes:
        states: the names of the states entered; each is a transition.
        functions: the names of the functions invoked, without the stack's prefix.
        milliseconds: billed, of all functions together.
        gigabyte_seconds: the same by memory.
        read_units, write_units: of DynamoDB, those of indexes among the latter.
        read_bytes: of the items that were read.
        requests: of the functions, by service and operation (`dynamodb:Query`, `s3:GET`).
    """

    states: list[str]
    functions: list[str]
    milliseconds: int
    gigabyte_seconds: float
    read_units: float
    write_units: float
    read_bytes: int
    requests: Counter[str]

    @property
    def api_requests(self) -> int:
        """Requests to the API, each an invocation of one of its functions."""
        return sum(self.functions.count(name) for name in API_FUNCTIONS)


def taken(lines: Iterable[Line], prefix: str = "oae-dev-") -> Taken:
    """Return what lines of the journal come to. The sweeper is left out: it comes each minute, whatever runs."""
    lines = [line for line in lines if not line.get("function", "").endswith("sweeper")]
    states = [line["state"] for line in lines if line["kind"] == "state"]
    invocations = [line for line in lines if line["kind"] == "invocation"]
    requests = [line for line in lines if line["kind"] == "request" and line["function"]]
    return Taken(
        states=states,
        functions=[line["function"].removeprefix(prefix) for line in invocations],
        milliseconds=sum(line["milliseconds"] for line in invocations),
        gigabyte_seconds=sum(line["milliseconds"] / 1_000 * line["megabytes"] / 1_024 for line in invocations),
        read_units=sum(line.get("read_units", 0) for line in requests),
        write_units=sum(line.get("write_units", 0) + line.get("index_units", 0) for line in requests),
        read_bytes=sum(line.get("bytes", 0) for line in requests),
        requests=Counter(f"{line['service']}:{line['operation']}" for line in requests),
    )
