"""Reads the log of a run as it is written."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import KEPT_SECONDS, START, Cursor, ends
from assistant_engine.runs.event_view import EventView
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store

LOOK_SECONDS = 0.025
"""How often the log is read at first."""

LOOK_SHARE = 0.025
"""How often it is read later: so large a share of the time since the run's last step passes between two looks."""

BUSY_SECONDS = 0.15
"""How much time passes at most while deltas come."""

QUIET_SECONDS = 1.0
"""How much passes at most when nothing has come for `QUIET_AFTER_SECONDS`."""

QUIET_AFTER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a run.

    Attributes:
        cursor: the place right after it.
        data: in the API's shape.
    """

    cursor: Cursor
    name: str
    data: Json


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a reader, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def cursor_in(store: Store, run: Run, text: str | None, param: str) -> Cursor:
    """Return the place in a run's log that a client gives, its start without one.

    Raises:
        InvalidRequest: the run has no log, or not any more; the log has no such place.
    """
    if not run.streams:
        raise InvalidRequest(
            f"The run {run.id} does not stream: it was started without 'stream: true'. Please retrieve it instead.",
            code="run_does_not_stream",
        )
    if now_ms() >= 1_000 * (run.expires_at + KEPT_SECONDS):
        raise InvalidRequest(
            f"The events of the run {run.id} are no longer kept. Please retrieve it instead.", code="events_expired"
        )
    if text is None:
        return START
    cursor = Cursor.of(text)
    entries = store.log.entries(run, cursor.position) if cursor else None
    if cursor is None or entries is None or not 1 <= cursor.number <= len(entries):
        raise InvalidRequest(
            f"Invalid '{param}': it is not the id of an event of this run.", param=param, code="invalid_cursor"
        )
    return cursor


def follow(
    store: Store,
    run: Run,
    after: Cursor,
    *,
    contents: bool = False,
    whole: bool = False,
    clock: Clock | None = None,
) -> Iterator[Event | None]:
    """Give the events of a run after a place in its log, as they are written; None each time that none has come.

    It ends when the run has ended or waits for its client.

    Args:
        contents: whether steps show the text that file searches found.
        whole: go on after a wait for the client that is over.
    """
    clock = clock or Clock()
    view = EventView(store, run, contents=contents)
    position, skipped = (after.position - 1, after.number) if after.number else (after.position, 0)
    heard = moved = clock.now()
    looked = waits = False
    while True:
        # What was written before the stream began is in it at once. Later a look that comes too soon is one of many.
        for read, entries in store.log.read(run, position, consistent=not looked):
            position = read
            view.prepare(entries[skipped:])
            for number, entry in enumerate(entries[skipped:], skipped + 1):
                heard = clock.now()
                moved = moved if entry["event"].endswith(".delta") else heard
                data = view.data(entry)
                if data is not None:
                    yield Event(Cursor(position, number), entry["event"], data)
                waits = ends(entry)
                if waits and (not whole or is_terminal(entry["run"]["status"])):
                    return
            if skipped >= len(entries):
                waits = ends(entries[-1])
            skipped = 0
        if waits:
            return
        looked = True
        yield None
        now = clock.now()
        clock.sleep(pause(now - moved, now - heard))


def pause(moved: float, heard: float) -> float:
    """Return the seconds until the next look at a log.

    Args:
        moved: seconds since an event came that is no delta: a model began to answer, a tool to work.
        heard: since any event came.
    """
    most = BUSY_SECONDS if heard < QUIET_AFTER_SECONDS else QUIET_SECONDS
    return max(LOOK_SECONDS, min(most, LOOK_SHARE * moved))
