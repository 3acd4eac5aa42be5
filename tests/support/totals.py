"""Usage totals against the runs that they are of."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import RunUsage, SpeechUsage
from assistant_engine.store.items import unmarshal
from assistant_engine.store.usage import Total, user_partition
from tests.support.driver import Driver

EVER = ("2000-01-01", "2999-12-31")
SECONDS = 60
"""How long totals may differ from what was read a moment before: runs that tests left behind still end."""

ERASED: set[str] = set()
"""Assistants that ran for a person who was erased: their totals stay, and nothing else tells of those runs."""

Figures = Counter[str]


def summed(ended: Iterable[Run]) -> list[Total]:
    """Return what the totals of these runs must be, by day."""
    days: dict[str, Total] = {}
    for run in ended:
        assert run.ended_ms is not None
        day = datetime.fromtimestamp(run.ended_ms / 1000, UTC).date().isoformat()
        total = Total(day, 1, int(run.account.cost is None), run.account)
        days[day] = days[day] + total if day in days else total
    return [days[day] for day in sorted(days)]


@dataclass
class Sums:
    """Holds what was counted, by whom it was counted for.

    Attributes:
        runs: of the runs that are still there, by thread and assistant.
        directory: of all runs, also those of deleted threads, by thread and assistant.
        by_thread, by_user: of the runs that are still there; users by their counters' partitions.
        counters: the totals, by partition.
        kept: the threads that were not deleted.
    """

    runs: dict[tuple[str, str], Figures] = field(default_factory=lambda: defaultdict(Counter))
    directory: dict[tuple[str, str], Figures] = field(default_factory=lambda: defaultdict(Counter))
    by_thread: dict[str, Figures] = field(default_factory=lambda: defaultdict(Counter))
    by_user: dict[str, Figures] = field(default_factory=lambda: defaultdict(Counter))
    counters: dict[str, Figures] = field(default_factory=lambda: defaultdict(Counter))
    kept: set[str] = field(default_factory=set)


def every_total_is_the_sum_over_its_runs(driver: Driver) -> None:
    """Hold every total of every project against all the runs that a session has left behind."""
    deadline = time.monotonic() + SECONDS
    while wrong := differences(sums := read(driver)):
        assert time.monotonic() < deadline, wrong[:5]
        time.sleep(1)
    runs = sum(figures["runs"] for figures in sums.runs.values())
    print(f"the totals of {len(sums.counters)} counters add up over {runs} runs that are still there")


def read(driver: Driver) -> Sums:
    """Read all that there is."""
    sums = Sums()
    for item in everything(driver, "MessagesTable"):
        thread_id, name = item["thread_id"], item["message_id"]
        if name == "thread" and "deleted" not in item:
            sums.kept.add(thread_id)
        elif name.startswith("usage#"):
            sums.counters[thread_id].update(numbers(item))
        elif name.startswith("run_") and "ended_ms" in item:
            figures = Counter(RunUsage.of(item).figures() | {"runs": 1, "unpriced_runs": int("cost" not in item)})
            sums.runs[thread_id, item["assistant_id"]].update(figures)
            sums.by_thread[thread_id].update(figures)
            if "used_by" in item:
                sums.by_user[user_partition(item["belongs_to"], item["used_by"])].update(figures)
    for item in everything(driver, "ThreadsTable"):
        figures = numbers(item)
        figures["runs"] = figures.pop("ended_runs", 0)
        if figures["runs"]:
            sums.directory[item["thread_id"], item["assistant_id"]].update(figures)
    return sums


def differences(sums: Sums) -> list[str]:
    """Return where two of these differ: runs, the directory, and the counters of threads, assistants and projects."""
    compared: dict[str, tuple[Figures, Figures]] = {}
    for (thread_id, assistant_id), figures in sums.directory.items():
        if thread_id in sums.kept:
            compared[f"{thread_id} {assistant_id}"] = figures, sums.runs[thread_id, assistant_id]
    for thread_id, figures in sums.by_thread.items():
        if thread_id in sums.kept:
            compared[thread_id] = figures, sums.counters[thread_id]
    of_assistants: dict[str, Figures] = defaultdict(Counter)
    for (_, assistant_id), figures in sums.directory.items():
        of_assistants[assistant_id].update(figures)
    of_projects: dict[str, Figures] = defaultdict(Counter)
    for partition, figures in sums.counters.items():
        if partition.startswith("usage#assistant#"):
            _, _, project, assistant_id = partition.split("#")
            counted = of_assistants.pop(assistant_id, Counter())
            compared[partition] = figures, figures if assistant_id in ERASED else counted
            of_projects[project].update(figures)
    compared |= {f"no counter of {name}": (figures, Counter()) for name, figures in of_assistants.items()}
    for partition, figures in list(sums.counters.items()):
        if partition.startswith("usage#project#"):
            compared[partition] = figures, of_projects.pop(partition.split("#")[2], Counter())
    compared |= {f"no counter of {name}": (figures, Counter()) for name, figures in of_projects.items()}
    wrong = [f"{name}: {+one} is not {+other}" for name, (one, other) in compared.items() if +one != +other]
    # A user's counter also has runs of threads that were deleted.
    lost = {partition: figures - sums.counters[partition] for partition, figures in sums.by_user.items()}
    return wrong + [f"{partition} lacks {figures}" for partition, figures in lost.items() if figures]


def numbers(item: Json) -> Figures:
    """Return the figures of an item but those of what there is without runs: ratings of messages, and speech."""
    others = {"ratings", "rating_sum", *(each.name for each in fields(SpeechUsage))}
    return Counter({name: value for name, value in item.items() if isinstance(value, int) and name not in others})


def everything(driver: Driver, table: str) -> Iterator[Json]:
    """Every item of a table: the only scan there is."""
    pages = (
        driver.client("dynamodb").get_paginator("scan").paginate(TableName=driver.outputs[table], ConsistentRead=True)
    )
    for page in pages:
        yield from map(unmarshal, page["Items"])
