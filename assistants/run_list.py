"""Lists the runs of a stack."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.ids import time_of
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store import Store, Window
from assistant_engine.store.run_item import ENDED_SHARDS
from assistants.errors import CommandError
from assistants.progress import COLOURS
from assistants.terminal import plain
from assistants.watch import dollars

WIDTH = 1_000
"""Characters that a line may have, whatever the terminal says: an id that is cut is of no use, and those that were
brought along have up to 128."""

_ANY_TIME = Seconds(2**40)
"""Later than every run is due."""


class NoRun(CommandError):
    """No run fits; the message names what was looked for."""


def newest(store: Store, limit: int, *, thread_id: str = "", day: str | None = None) -> list[Run]:
    """Return the newest runs, at most `limit`, the newest first.

    Args:
        thread_id: those of this thread; an operator sees every project's.
        day: those that ended on this day (`YYYY-MM-DD`, UTC). Without both, those that are under way and those that
            ended today. What ended in the last moments may be missing: indexes are eventually consistent.
    """
    if thread_id:
        return list(store.runs.page(ThreadId(thread_id), Window(limit, "desc")).objects)
    places = set() if day else set(store.runs.open(_ANY_TIME))
    day = day or f"{datetime.now(UTC):%Y-%m-%d}"
    for shard in range(ENDED_SHARDS):
        places.update(store.runs.ended(day, shard))
    chosen = sorted(places, key=lambda place: (time_of(place[1]), place[1]), reverse=True)[:limit]
    return [run for place in chosen if (run := store.runs.find(*place))]


def last(store: Store, thread_id: str = "") -> Run:
    """Return the newest run, of a thread if it is given, or else of those that are under way or ended today.

    Raises:
        NoRun: no run exists.
    """
    found = newest(store, 1, thread_id=thread_id)
    if not found:
        raise NoRun("There is no run: none is under way, and none has ended today (UTC).")
    return found[0]


def table(runs: Sequence[Run]) -> Table:
    """Return the runs as a table."""
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("created (UTC)", "run", "thread", "assistant", "project", "status"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("turns", "tokens", "US dollars"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        cost = run.account.cost
        shown.add_row(
            f"{datetime.fromtimestamp(run.created_at, UTC):%Y-%m-%d %H:%M:%S}",
            *map(plain, (run.id, run.thread_id, run.assistant_id, run.project)),
            f"[{COLOURS.get(run.status, 'cyan')}]{run.status}[/]",
            *(f"{run.turn:,}", f"{run.usage.total_tokens:,}"),
            "" if cost is None else dollars(cost) if run.status in TERMINAL else f"{dollars(cost)} so far",
        )
    return shown
