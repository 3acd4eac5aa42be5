"""Fills a project with what years of use leave: thousands of runs, and a thread of thousands of messages.

The items are written straight into the tables, 25 in a request, as the engine would have left them: it would take an
hour to run them.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TerminalStatus
from assistant_engine.domain.message import new_message
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.runs.ended_elsewhere import EndedRun
from assistant_engine.store import Store
from assistant_engine.store.items import marshal
from assistant_engine.store.message_item import item_of
from assistant_engine.store.usage import day_of, user_partition
from local import up as local
from tests.support.projects import spare_project

DAYS = 20
THREADS = 200
USERS = 10
_DAY_MS = 86_400_000
_SETTINGS: Json = {"model": "gpt-6-luna", "instructions": "", "tools": []}


@dataclass(frozen=True)
class Crowd:
    """What was written.

    Attributes:
        key: of the project.
        thread_id: the thread with the many messages; message n says `message n`, counted from 0.
        run_ids: of all runs, the newest first.
    """

    project: str
    key: str
    thread_id: str
    run_ids: list[str]
    assistants: list[str]


@contextmanager
def crowd(stack: local.Local, runs: int = 10_000, messages: int = 10_000, days_ago: int = 0) -> Iterator[Crowd]:
    """Fill a project of its own; the engine's settings are those of the stack.

    Args:
        days_ago: when the newest run was: other projects' runs of the same days are read with them.
    """
    with spare_project(stack) as (project, key):
        yield crowd_in(project, key, runs, messages, days_ago)


def crowd_in(project: str, key: str, runs: int = 10_000, messages: int = 10_000, days_ago: int = 0) -> Crowd:
    """Fill a project that is there already; see `crowd`."""
    return Crowd(project, key, *_fill(Store(project), runs, messages, days_ago))


def _fill(store: Store, runs: int, messages: int, days_ago: int) -> tuple[str, list[str], list[str]]:
    now = Milliseconds(int(time.time() * 1000) - 60_000 - days_ago * _DAY_MS)
    assistants = [ids.new_id("asst_", now) for _ in range(3)]
    made = list(_runs(store, runs, now, assistants))
    table = os.environ["MESSAGES_TABLE"]
    _write(store, table, (run.item(store.blobs) for run in made))
    _write(store, table, _counters(store.project, made))
    heads = {run.run.thread_id: run.run.created_ms for run in reversed(made)}
    _write(store, table, (_head(store, name, created) for name, created in heads.items()))
    _write(store, os.environ["THREADS_TABLE"], _directory(made))
    thread_id = _long_thread(store, messages, Milliseconds(now - 30_000_000))
    return thread_id, [run.run.id for run in made], assistants


def _runs(store: Store, count: int, now: Milliseconds, assistants: list[str]) -> Iterator[EndedRun]:
    """Make runs spread over the days up to now, the newest first."""
    threads = [ThreadId(ids.new_id("thread_", Milliseconds(now - DAYS * _DAY_MS))) for _ in range(THREADS)]
    statuses: tuple[TerminalStatus, ...] = ("completed", "completed", "completed", "failed", "cancelled", "expired")
    for number in range(count):
        created = Milliseconds(now - number * (DAYS * _DAY_MS // count))
        status = statuses[number % len(statuses)]
        error = {"code": "server_error", "message": "The model did not answer."} if status == "failed" else None
        run_id = ids.new_id("run_", created)
        run = Run(
            id=run_id,
            thread_id=threads[number % THREADS],
            assistant_id=assistants[number % len(assistants)],
            status=status,
            created_at=seconds_of(created),
            expires_at=seconds_of(created) + 600,
            settings=_SETTINGS,
            functions=[],
            tool_resources={},
            metadata={},
            execution=run_id,
            answers_in_output=False,
            due_at=seconds_of(created),
            project=store.project,
            turn=1,
            account=RunUsage(Usage(1_000 + number % 90, 100), model_calls=1, cost=1_000_000 * (number % 70)),
            user=f"user-{number % USERS}",
            created_ms=created,
            last_error=error,
        )
        yield EndedRun(run, Milliseconds(created + 5_000), [])


def _counters(project: str, runs: Iterable[EndedRun]) -> Iterator[Json]:
    """Return the counters of usage of the project, its threads, assistants and users, one item for each day."""
    places = sorted(
        (
            (partition, day_of(each.ended_ms), each.run.account)
            for each in runs
            for partition in _partitions(project, each)
        ),
        key=lambda place: place[:2],
    )
    for (partition, day), group in groupby(places, key=lambda place: place[:2]):
        accounts = [account for *_, account in group]
        total = sum(accounts[1:], accounts[0])
        yield {
            "thread_id": partition,
            "message_id": f"usage#{day}#00",
            "runs": len(accounts),
            "unpriced_runs": 0,
            **total.figures(),
        }


def _directory(runs: Iterable[EndedRun]) -> Iterator[Json]:
    """Return what the directory counts of each assistant's runs on a thread."""

    def pair(each: EndedRun) -> tuple[str, str]:
        return each.run.assistant_id, each.run.thread_id

    for (assistant_id, thread_id), group in groupby(sorted(runs, key=pair), key=pair):
        accounts = [each.run.account for each in group]
        figures = sum(accounts[1:], accounts[0]).figures()
        counted = {"runs": len(accounts), "ended_runs": len(accounts), "unpriced_runs": 0}
        yield {"assistant_id": assistant_id, "thread_id": thread_id, **counted, **figures}


def _partitions(project: str, each: EndedRun) -> tuple[str, ...]:
    assert each.run.user
    return (
        each.run.thread_id,
        f"usage#project#{project}",
        f"usage#assistant#{project}#{each.run.assistant_id}",
        user_partition(project, each.run.user),
    )


def _head(store: Store, name: str, created_ms: Milliseconds) -> Json:
    thread = Thread(ThreadId(name), seconds_of(created_ms), {}, {}, last_ms=created_ms)
    return store.threads.head_of(thread, Milliseconds(created_ms + 1))


def _long_thread(store: Store, count: int, since: Milliseconds) -> str:
    name = ThreadId(ids.new_id("thread_", since))
    head = Thread(name, seconds_of(since), {"user_id": "user-0"}, {}, last_ms=Milliseconds(since + 2 * count))
    table = os.environ["MESSAGES_TABLE"]

    def message(number: int) -> Json:
        at = Milliseconds(since + 1 + 2 * number)
        role = "assistant" if number % 2 else "user"
        said = new_message({"role": role, "content": f"message {number}\n\n" + "word " * (number % 60)}, seconds_of(at))
        return item_of({"id": ids.new_id("msg_", at), **said, "thread_id": name}, store.blobs)

    _write(store, table, [store.threads.head_of(head, head.last_ms)])
    _write(store, table, map(message, range(count)))
    return name


def _write(store: Store, table: str, items: Iterable[Json]) -> None:
    left = iter(items)
    while some := list(islice(left, 25)):
        waiting: Any = {table: [{"PutRequest": {"Item": marshal(item)}} for item in some]}
        while waiting:
            waiting = store.database.client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]
