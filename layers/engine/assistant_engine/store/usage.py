"""Usage totals by day, and the budgets that they are held against.

A run that ends adds its account, in the very transaction that ends it, to a counter of its thread, its assistant, its
user and its project: so no total misses a run or has one twice. A counter is a day's (UTC), and several items: a run
adds to the one that its id says, so that runs which end at once seldom meet in one.

    partition                              sort key
    usage#project#<project>                usage#2026-11-22#07
    usage#assistant#<project>#<assistant>
    usage#user#<project>#<hash>
    <thread>                               (goes with the thread)
    budget#<project>                       project, or the assistant's id
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from boto3.dynamodb.conditions import Key

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.usage import RunUsage, SpeechUsage
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import Update, put, query

SHARDS = 16
"""Items of one counter and day: two transactions that write one item at the same moment are in each other's way."""

PROJECT = "project"
"""What the budget of a whole project lies under, where an assistant's lies under its id."""


@dataclass(frozen=True, slots=True)
class Total:
    """The usage of the runs that ended on a day.

    Attributes:
        day: `YYYY-MM-DD` (UTC).
        unpriced_runs: those whose model has no price, so that the account's `cost` is without them.
        ratings: of messages that the runs said.
        rating_sum: of those, in percent each.
        speech: what was heard and spoken on that day, in runs or not.
    """

    day: str
    runs: int
    unpriced_runs: int
    account: RunUsage
    ratings: int = 0
    rating_sum: int = 0
    speech: SpeechUsage = field(default_factory=SpeechUsage)

    def __add__(self, other: "Total") -> "Total":
        return Total(
            self.day,
            self.runs + other.runs,
            self.unpriced_runs + other.unpriced_runs,
            self.account + other.account,
            self.ratings + other.ratings,
            self.rating_sum + other.rating_sum,
            self.speech + other.speech,
        )

    def __sub__(self, other: "Total") -> "Total":
        """Return what is left without a part of it; never below 0, as the part may have been read a moment earlier."""
        ratings = max(0, self.ratings - other.ratings)
        return Total(
            self.day,
            max(0, self.runs - other.runs),
            max(0, self.unpriced_runs - other.unpriced_runs),
            RunUsage.of(_left(self.account.figures(), other.account.figures())),
            ratings,
            min(100 * ratings, max(0, self.rating_sum - other.rating_sum)),
            SpeechUsage.of(_left(asdict(self.speech), asdict(other.speech))),
        )


class Budget(NamedTuple):
    """A limit on what may be used in a day (UTC).

    Attributes:
        assistant_id: None for that of the whole project.
        tokens: prompt and completion; None for no limit.
        cost: billionths of a US dollar; None for no limit.
    """

    assistant_id: str | None
    tokens: int | None
    cost: int | None


def _left(figures: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    return {name: max(0, figure - others.get(name, 0)) for name, figure in figures.items()}


def day_of(milliseconds: Milliseconds) -> str:
    """The day (UTC) of a moment in milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def shard_of(run_id: str, shards: int) -> int:
    """Return which of so many items a run adds to."""
    return zlib.crc32(run_id.encode()) % shards


def counters_of(run: Run, day: str) -> list[Json]:
    """Return the keys of the counters that a run adds to: its thread's, its assistant's, its project's, its user's."""
    partitions = [
        run.thread_id,
        _assistant_partition(run.project, run.assistant_id),
        _project_partition(run.project),
        *([user_partition(run.project, run.user)] if run.user else []),
    ]
    sort_key = f"usage#{day}#{shard_of(run.id, SHARDS):02d}"
    return [{"thread_id": partition, "message_id": sort_key} for partition in partitions]


def amounts_of(account: RunUsage) -> dict[str, int]:
    """Return what a run adds to each counter."""
    return {**account.figures(), "runs": 1, "unpriced_runs": int(account.cost is None)}


class Usages:
    """The totals and budgets of a project."""

    def __init__(self, database: Database, table: str, project: str) -> None:
        self._db = database
        self._table = table
        self._project = project

    # Totals

    def count_run_ended(self, run: Run, account: RunUsage, ended_ms: Milliseconds) -> list[Json]:
        """The actions that add a run to the totals of its thread, assistant, user and project."""
        return self._count(run, day_of(ended_ms), amounts_of(account))

    def count_rating(self, run: Run, day: str, ratings: int, score: int) -> list[Json]:
        """The actions that add a rating of what a run said to the same totals, or what it has changed by.

        Args:
            day: the day that it counts for, `YYYY-MM-DD`.
            score: in percent.
        """
        return self._count(run, day, {"ratings": ratings, "rating_sum": score})

    def _count(self, run: Run, day: str, amounts: dict[str, int]) -> list[Json]:
        return [Update(self._table, key).add(amounts).action() for key in counters_of(run, day)]

    def count_speech(
        self,
        usage: SpeechUsage,
        cause: str,
        now_ms: Milliseconds,
        *,
        thread_id: ThreadId | None = None,
        assistant_id: str | None = None,
        user: str | None = None,
    ) -> list[Json]:
        """The actions that add speech to the totals of its project and, where they are known, of the others.

        Args:
            cause: the id of what was heard or spoken.
        """
        partitions = [
            f"usage#project#{self._project}",
            *([thread_id] if thread_id else []),
            *([f"usage#assistant#{self._project}#{assistant_id}"] if assistant_id else []),
            *([user_partition(self._project, user)] if user else []),
        ]
        sort_key = f"usage#{day_of(now_ms)}#{shard_of(cause, SHARDS):02d}"
        amounts = {name: amount for name, amount in asdict(usage).items() if amount}
        return [
            Update(self._table, {"thread_id": partition, "message_id": sort_key}).add(amounts).action()
            for partition in partitions
            if amounts
        ]

    def of_project(self, first: str, last: str) -> list[Total]:
        """The project's days with runs from `first` to `last` (`YYYY-MM-DD`), both included, in order."""
        return self._days(_project_partition(self._project), first, last)

    def of_assistant(self, assistant_id: str, first: str, last: str) -> list[Total]:
        """An assistant's; one that was deleted keeps its own."""
        return self._days(_assistant_partition(self._project, assistant_id), first, last)

    def of_user(self, user_id: str, first: str, last: str) -> list[Total]:
        """Those of the runs whose own or whose thread's metadata named this `user_id`."""
        return self._days(user_partition(self._project, user_id), first, last)

    def of_thread(self, thread_id: ThreadId, first: str, last: str) -> list[Total]:
        """A thread's."""
        return self._days(thread_id, first, last)

    def _days(self, partition: str, first: str, last: str) -> list[Total]:
        key = Key("thread_id").eq(partition) & Key("message_id").between(f"usage#{first}", f"usage#{last}~")
        items = self._db.query_all(query(self._table, key))
        days: dict[str, Total] = {}
        for item in items:
            day = item["message_id"].split("#")[1]
            # A day on which something was said and no run ended has no runs.
            counts = (item.get("runs", 0), item.get("unpriced_runs", 0))
            ratings = (item.get("ratings", 0), item.get("rating_sum", 0))
            total = Total(day, *counts, RunUsage.of(item), *ratings, SpeechUsage.of(item))
            days[day] = days[day] + total if day in days else total
        return list(days.values())

    def days(
        self, first: str, last: str, *, assistant_id: str | None = None, user_id: str | None = None
    ) -> Iterator[str]:
        """The days (`YYYY-MM-DD`) with runs from `first` to `last`, the newest first; half a read unit for each.

        Args:
            assistant_id: with runs of this assistant.
            user_id: with runs of this user; the assistant then does not count.
        """
        partition = _project_partition(self._project)
        if user_id is not None:
            partition = user_partition(self._project, user_id)
        elif assistant_id is not None:
            partition = _assistant_partition(self._project, assistant_id)
        start, end = f"usage#{first}", f"usage#{last}~"
        while start < end:
            key = Key("thread_id").eq(partition) & Key("message_id").between(start, end)
            newest = query(self._table, key, attributes=("message_id",), ascending=False, limit=1, consistent=False)
            items, _ = self._db.query(newest)
            if not items:
                return
            day: str = items[0]["message_id"].split("#")[1]
            yield day
            end = f"usage#{day}"

    # Budgets

    def budgets(self) -> Iterator[Budget]:
        """The project's budgets; one that was set in the last second may be missing."""
        key = Key("thread_id").eq(f"budget#{self._project}")
        items = self._db.query_all(query(self._table, key, consistent=False))
        for item in items:
            name = item["message_id"]
            yield Budget(None if name == PROJECT else name, item.get("tokens"), item.get("cost"))

    def set_budget(self, budget: Budget) -> None:
        """Put a budget in place of the one before; one without any limit is removed."""
        key = {"thread_id": f"budget#{self._project}", "message_id": budget.assistant_id or PROJECT}
        if budget.tokens is None and budget.cost is None:
            self._db.delete(self._table, key)
            return
        self._db.transact([put(self._table, {**key, "tokens": budget.tokens, "cost": budget.cost})])


def _project_partition(project: str) -> str:
    return f"usage#project#{project}"


def _assistant_partition(project: str, assistant_id: str) -> str:
    return f"usage#assistant#{project}#{assistant_id}"


def user_partition(project: str, user_id: str) -> str:
    """Return where a user's totals are: never longer than a key may be."""
    return f"usage#user#{project}#{hashlib.sha256(user_id.encode()).hexdigest()}"
