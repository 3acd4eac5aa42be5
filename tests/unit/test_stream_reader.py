"""The reader of a log with a clock of the test's own: how often it looks, keep-alives, the end, and the lease."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import START, Cursor
from assistant_engine.runs import streams
from assistant_engine.runs.stream_reader import BUSY_SECONDS, LOOK_SECONDS, LOOK_SHARE, QUIET_SECONDS, Clock, Event
from assistant_engine.runs.streams import Broken, Done
from assistant_engine.store.open_streams import Lease
from tests.support.streamed_run import RUN

BEGUN = {"event": "thread.run.in_progress", "run": {"status": "in_progress"}}
WAITS = {"event": "thread.run.requires_action", "run": {"status": "requires_action"}}
SAID = {"event": "thread.message.delta", "id": "msg_1", "delta": {}}
ENDED = {"event": "thread.run.failed", "run": {"status": "failed"}}


class FakeStore:
    """A store with one run, whose log has items from certain moments on."""

    def __init__(self, *items: tuple[float, list[Json]]) -> None:
        self.items = items
        self.time = 0.0
        self.looks: list[float] = []
        self.consistent: list[bool] = []
        self.renewed: list[float] = []
        self.closed = 0
        self.fails_at = float("inf")
        self.log = self.runs = self.open_streams = self

    def reading_ahead(self) -> tuple["FakeStore", None]:
        return self, None

    def get(self, *_: object) -> Run:
        return replace(RUN, status="failed")

    def read(self, run: Run, after: int, *, consistent: bool) -> Iterator[tuple[int, list[Json]]]:
        if self.time >= self.fails_at:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Query")
        self.looks.append(self.time)
        self.consistent.append(consistent)
        for position, (moment, entries) in enumerate(self.items, 1):
            if position > after and moment <= self.time:
                yield position, entries

    def renew(self, lease: Lease, now: int) -> bool:
        self.renewed.append(self.time)
        return True

    def close(self, lease: Lease) -> None:
        self.closed += 1

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def streamed(store: FakeStore, after: Cursor = START, **more: Any) -> list[Any]:
    fake: Any = store
    clock = Clock(lambda: store.time, store.sleep)
    return list(streams.stream(fake, RUN, after, Lease(1, "me"), clock=clock, **more))


def names(events: list[Any]) -> list[str]:
    return [f"{each.cursor} {each.name}" if isinstance(each, Event) else type(each).__name__ for each in events]


def test_a_stream_ends_with_its_run() -> None:
    store = FakeStore((0, [BEGUN, BEGUN]), (0.5, [ENDED, BEGUN]))
    assert names(streamed(store)) == [
        *("000001-001 thread.run.in_progress", "000001-002 thread.run.in_progress"),
        *("000002-001 thread.run.failed", "Done"),
    ]
    assert store.closed == 1


@pytest.mark.parametrize(("place", "rest"), [(Cursor(1, 1), 2), (Cursor(1, 2), 1), (Cursor(2, 1), 0)])
def test_a_stream_goes_on_after_a_place(place: Cursor, rest: int) -> None:
    store = FakeStore((0, [BEGUN, BEGUN]), (0, [ENDED]))
    *events, done = streamed(store, place, whole=True)
    assert (len(events), isinstance(done, Done)) == (rest, True)
    assert all(event.cursor > place for event in events)


def test_a_wait_for_the_client_ends_a_stream_unless_it_is_over() -> None:
    waiting = ((0.0, [BEGUN, WAITS]), (0.0, [BEGUN]), (0.0, [ENDED]))
    assert names(streamed(FakeStore(*waiting)))[-2:] == ["000001-002 thread.run.requires_action", "Done"]
    assert names(streamed(FakeStore(*waiting), whole=True))[-2:] == ["000003-001 thread.run.failed", "Done"]
    assert names(streamed(FakeStore(*waiting[:1]), whole=True))[-1] == "Done"


def gaps_of(store: FakeStore) -> list[tuple[float, float]]:
    """When each look was, and how long after it the next one."""
    return [(earlier, later - earlier) for earlier, later in pairwise(store.looks)]


def test_it_looks_often_at_first_and_later_after_a_share_of_the_time_that_passed() -> None:
    store = FakeStore((0, [BEGUN]), (3.001, [BEGUN]), (50, [ENDED]))
    streamed(store)
    gaps = gaps_of(store)
    assert [gap for at, gap in gaps if at < 3] == [
        pytest.approx(max(LOOK_SECONDS, LOOK_SHARE * at)) for at, _ in gaps if at < 3
    ]
    assert next(gap for at, gap in gaps if at > 3.001) == pytest.approx(LOOK_SECONDS)  # Something new has begun.
    assert max(gap for _, gap in gaps) == pytest.approx(QUIET_SECONDS)


def test_deltas_are_seen_soon_however_long_the_model_speaks() -> None:
    store = FakeStore((0, [BEGUN]), *((0.25 * number, [SAID]) for number in range(1, 80)), (20, [ENDED]))
    streamed(store)
    gaps = gaps_of(store)
    assert max(gap for _, gap in gaps) == pytest.approx(BUSY_SECONDS)
    # As many units as looks every 0.15 s that are strongly consistent, at most.
    assert 0.5 * len(store.looks) <= 20 / 0.15
    assert [gap for at, gap in gaps if at < 1] == [pytest.approx(LOOK_SECONDS)] * sum(at < 1 for at, _ in gaps)


def test_only_the_first_look_is_strongly_consistent() -> None:
    store = FakeStore((0, [BEGUN]), (1, [ENDED]))
    streamed(store)
    assert store.consistent == [True] + [False] * (len(store.looks) - 1)


def test_a_quiet_stream_is_kept_alive_and_its_lease_renewed() -> None:
    store = FakeStore((0, [BEGUN]), (65, [ENDED]))
    events = names(streamed(store))
    assert events.count("KeepAlive") == 4
    assert len(store.renewed) == 3


def test_a_stream_that_lasts_too_long_says_where_to_go_on() -> None:
    store = FakeStore((0, [BEGUN]))
    *_, last = streamed(store)
    assert isinstance(last, Broken)
    assert last.error.code == "stream_timeout" and "starting_after=000001-001" in last.error.message
    assert streams.LONGEST_SECONDS <= store.time < 900
    assert store.closed == 1


def test_a_table_that_fails_ends_a_stream_with_an_error() -> None:
    store = FakeStore((0, [BEGUN]))
    store.fails_at = 3
    *_, last = streamed(store)
    assert isinstance(last, Broken) and last.error.code == "stream_broken"
    assert store.closed == 1


def test_a_client_that_goes_gives_its_place_back() -> None:
    store = FakeStore((0, [BEGUN]))
    fake: Any = store
    events = streams.stream(fake, RUN, START, Lease(1, "me"), clock=Clock(lambda: store.time, store.sleep))
    assert isinstance(next(events), Event)
    events.close()  # type: ignore[attr-defined]
    assert store.closed == 1
