"""The runs of a project, the newest first.

No index is made for this list, so that a run costs no write for being listed. Runs that are under way are in the index
of open runs, among those of every project. All others are in the index of ended runs, under the day on which they
ended, each project's together; the counters of usage tell on which days the project, an assistant or a user had any.
Which runs match is read from the runs themselves. A request reads a limited number of them, so a page may end before it
is full.

Days are read from the newest on. What ended on a day was created on it or before, and a run lasts at most a day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from operator import itemgetter

from boto3.dynamodb.conditions import Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import ACTIVE, TERMINAL, Status
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.usage import NANODOLLARS, RunUsage
from assistant_engine.runtime.settings import MessagesTable, configured
from assistant_engine.store import Store
from assistant_engine.store.expressions import query
from assistant_engine.store.items import is_ours, project_of
from assistant_engine.store.pages import Page, Window
from assistant_engine.store.partition import HEAD, key_of
from assistant_engine.store.run_item import ENDED_SHARDS, ended_run, ended_shard
from assistant_engine.store.usage import day_of

MAX_READ = 500
"""Runs that are read for a page."""

_LASTS = timedelta(days=2)
"""How long after its creation, at most, a run ends: within a day, and soon after it where the sweeper settles it."""

_CLOCKS_DIFFER = 60_000
"""Milliseconds by which a run's id may be later than its end."""

_NEVER = Milliseconds(2**46)
"""Later than every run is created: the year 4199."""

_ANY_TIME = Seconds(2**40)
"""Later than every run is due."""

_Place = tuple[ThreadId, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are asked for.

    Attributes:
        statuses: any if empty.
        min_cost: billionths of a US dollar; a run whose cost is not known is not shown.
    """

    statuses: frozenset[Status] = frozenset()
    assistant_id: str | None = None
    user_id: str | None = None
    min_cost: int | None = None

    def takes(self, item: Json) -> bool:
        """Return whether the run of an item is asked for."""
        return (
            (not self.statuses or item["run_status"] in self.statuses)
            and self.assistant_id in (None, item["assistant_id"])
            and self.user_id in (None, item.get("used_by"))
            and (self.min_cost is None or item.get("cost", -1) >= self.min_cost)
        )


class ProjectRuns:
    """The runs of a store's project, as `RunSummary`.

    No property of the store: the functions that drive runs would import all this, too.
    """

    def __init__(self, store: Store) -> None:
        self._db = store.database
        self._table = configured(MessagesTable).messages_table
        self._runs = store.runs
        self._usage = store.usage
        self._project = store.project

    def page(self, wanted: Wanted, window: Window) -> Page:
        """A page of runs (`RunSummary`), the newest first; what began or ended in the last moments may be missing.

        Args:
            window: in descending order, without `before`.

        Raises:
            InvalidRequest: `after` is no run's id.
        """
        places = self._places(wanted, *window.bounds("run_"))
        found: list[Json] = []
        read, last = 0, ""
        while read < MAX_READ and (batch := list(islice(places, min(window.limit + 1, 100)))):
            items = self._items(batch, wanted)
            for _, run_id in batch:
                if run_id in items and len(found) == window.limit:
                    return Page(map(summary_of, found), has_more=True, from_end=False)
                found += [items[run_id]] if run_id in items else []
                last = run_id
            read += len(batch)
        is_cut = read >= MAX_READ
        return Page(map(summary_of, found), is_cut, from_end=False, stopped_at=last if is_cut else None)

    def ended(self, first: str, last: str) -> Iterator[Json]:
        """The items of the project's runs that ended from one day to another (`YYYY-MM-DD`), the newest day first."""
        for day in self._usage.days(first, last):
            for shard in range(ENDED_SHARDS):
                places = self._ended(day, shard, *Window().bounds("run_"))
                while batch := list(islice(places, 100)):
                    items = self._db.get_all(self._table, [key_of(*place) for place in batch])
                    yield from (item for item in items if is_ours(item) and project_of(item) == self._project)

    def _items(self, places: list[_Place], wanted: Wanted) -> dict[str, Json]:
        """The items of the project's runs that are asked for, by their ids; none of a thread that was deleted."""
        read = self._db.get_all(self._table, [key_of(*place) for place in places])
        ours = [item for item in read if is_ours(item) and project_of(item) == self._project and wanted.takes(item)]
        heads = self._db.get_all(self._table, [key_of(name, HEAD) for name in {item["thread_id"] for item in ours}])
        there = {head["thread_id"] for head in heads if head.get("project") == self._project}
        return {item["message_id"]: item for item in ours if item["thread_id"] in there}

    def _places(self, wanted: Wanted, low: str, high: str) -> Iterator[_Place]:
        """Where runs are whose ids lie between two bounds, the newest first."""
        if low > high:
            return
        waiting: list[tuple[str, ThreadId, Iterator[_Place]]] = []

        def wait(reader: Iterator[_Place]) -> None:
            if place := next(reader, None):
                waiting.append((place[1], place[0], reader))

        wait(self._open(wanted, low, high))
        days, last = self._days(wanted, low, high), ""
        day = next(days, None)
        while True:
            waiting.sort(key=itemgetter(0))
            # What ended on an earlier day than the newest of these was created is older than it.
            while day and (not waiting or day_of(Milliseconds(ids.time_of(waiting[-1][0]) - _CLOCKS_DIFFER)) <= day):
                for shard in range(ENDED_SHARDS):
                    wait(self._ended(day, shard, low, high))
                waiting.sort(key=itemgetter(0))
                day = next(days, None)
            if not waiting:
                return
            run_id, thread_id, reader = waiting.pop()
            wait(reader)
            if run_id != last:  # A run that ends at this moment may be in both indexes.
                yield thread_id, run_id
            last = run_id

    def _open(self, wanted: Wanted, low: str, high: str) -> Iterator[_Place]:
        if not wanted.statuses or wanted.statuses & set(ACTIVE):
            known = (place for place in self._runs.open(_ANY_TIME, project=self._project) if low <= place[1] <= high)
            yield from sorted(known, key=itemgetter(1), reverse=True)

    def _days(self, wanted: Wanted, low: str, high: str) -> Iterator[str]:
        """The days on which runs ended that may lie between the bounds, the newest first."""
        if not wanted.statuses or wanted.statuses & set(TERMINAL):
            until = date.fromisoformat(day_of(_moment_of(high) or _NEVER)) + _LASTS
            first = day_of(_moment_of(low) or EPOCH)
            whose = {"assistant_id": wanted.assistant_id, "user_id": wanted.user_id}
            yield from self._usage.days(first, until.isoformat(), **whose)

    def _ended(self, day: str, shard: int, low: str, high: str) -> Iterator[_Place]:
        bounds = (ended_run(self._project, bound) for bound in (low, high))
        key = Key("ended_shard").eq(ended_shard(day, shard)) & Key("ended_run").between(*bounds)
        for item in self._db.query_all(query(self._table, key, index="ended_runs", ascending=False, limit=50)):
            yield item["thread_id"], item["message_id"]


def _moment_of(bound: str) -> Milliseconds | None:
    """Return the time in a bound of ids, None if it has none."""
    timed = re.match(rf"run_[0-9a-z]{{{ids.TIME_LENGTH}}}", bound)
    return ids.milliseconds_of(timed[0]) if timed else None


def summary_of(item: Json) -> Json:
    """Return a run (`RunSummary`) from its item."""
    account = RunUsage.of(item)
    ended_ms = item.get("ended_ms")
    return {
        "id": item["message_id"],
        "object": "thread.run.summary",
        "created_at": item["created_at"],
        "ended_at": None if ended_ms is None else ended_ms // 1000,
        "thread_id": item["thread_id"],
        "assistant_id": item["assistant_id"],
        "user_id": item.get("used_by"),
        "status": item["run_status"],
        "last_error": item.get("last_error"),
        "incomplete_details": item.get("incomplete_details"),
        "usage": account.usage.api(),
        "cost": None if account.cost is None else account.cost / NANODOLLARS,
        "metadata": item["metadata"],
    }
