"""A run costs the same on a thread of any length: states, units and what the model is sent, counted and not timed."""

from contextlib import ExitStack
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from bench.journal import Journal, Line, Taken, taken
from bench.stack import filled_thread
from local import up as local
from tests.support.clients import connect
from tests.support.crowd import Crowd, crowd_in
from tests.support.driver import Driver
from tests.support.model_server import ModelServer
from tests.support.projects import spare_project

pytestmark = pytest.mark.offline_model


@pytest.fixture(scope="module")
def long_thread(driver: Driver) -> str:
    return filled_thread(driver.store, 1_200)


class Counter:
    """Takes runs and counts them."""

    def __init__(self, driver: Driver, journal: Journal, model_server: ModelServer) -> None:
        self._driver = driver
        self._journal = journal
        self._model_server = model_server
        self._assistant = driver.assistant()

    def run(self, thread_id: str, truncation_strategy: Json) -> dict[str, float]:
        """Return what a plain answer takes on a thread."""
        start = self._journal.end()
        execution = self._driver.ask(
            self._assistant, "say hello", thread_id=thread_id, truncation_strategy=truncation_strategy
        )
        run_id = self._driver.run(execution)["run_id"]
        name = execution.rpartition(":")[2]
        lines = [
            line
            for line in self._journal.since(start)
            if line.get("execution") == name or thread_id in line.get("threads", [])
        ]
        (request,) = self._model_server.requests(run_id)
        counted = taken(lines)
        assert counted.states == self._driver.states(execution)
        return {
            "states": len(counted.states),
            "read units": counted.read_units,
            "write units": counted.write_units,
            "bytes to the model": len(str(request.body)),
        }


@pytest.fixture
def counter(driver: Driver, journal: Journal, model_server: ModelServer) -> Counter:
    return Counter(driver, journal, model_server)


def test_a_plain_answer_reads_and_writes_no_more_than_this(driver: Driver, counter: Counter) -> None:
    """Asked for by another AWS service, of an assistant with a function, whose run is larger than a write unit."""
    taken_up = counter.run(filled_thread(driver.store, 1), {"type": "last_messages", "last_messages": 10})
    assert {name: taken_up[name] for name in ("states", "read units", "write units")} == {
        "states": 4,
        "read units": 8,
        "write units": 35,
    }


def test_a_run_that_reads_the_last_messages_costs_the_same_on_any_thread(
    driver: Driver, counter: Counter, long_thread: str
) -> None:
    strategy = {"type": "last_messages", "last_messages": 10}
    on_a_short_one = counter.run(filled_thread(driver.store, 10), strategy)
    assert counter.run(long_thread, strategy) == within_a_tenth(on_a_short_one)


def test_automatic_truncation_bounds_what_a_run_costs(driver: Driver, counter: Counter, long_thread: str) -> None:
    on_a_shorter_one = counter.run(filled_thread(driver.store, 600), {"type": "auto"})
    assert counter.run(long_thread, {"type": "auto"}) == within_a_tenth(on_a_shorter_one)


def within_a_tenth(figures: dict[str, float]) -> Any:
    assert all(figures.values())
    return pytest.approx(figures, rel=0.1)


def test_a_page_of_a_projects_runs_costs_what_is_on_it(stack: local.Local, journal: Journal) -> None:
    """Of a large project, and of a small one whose runs are among those of the same days."""

    def page(made: Crowd, limit: int) -> Any:
        return connect(stack, made.key).get("/runs", cast_to=object, options={"params": {"limit": limit}})

    def of_the_api(lines: list[Line]) -> Taken:
        return taken(line for line in lines if line.get("function", "").endswith("-api"))  # Runs may still be ending.

    def count() -> None:
        for name, made in (("large", large), ("small", small)):
            for limit in (5, 20):
                start = journal.end()
                page(made, limit)
                counted[name, limit] = of_the_api(journal.since(start)).read_units

    counted: dict[tuple[str, int], float] = {}
    with ExitStack() as made:
        large, small, _ = (
            crowd_in(*made.enter_context(spare_project(stack)), runs, messages=0) for runs in (2_000, 60, 200)
        )
        assert [run["id"] for run in page(small, 20)["data"]] == small.run_ids[:20]
        whole = of_the_api(journal.during(count))
    # Nothing goes on when a page is answered.
    assert (whole.write_units, whole.read_units) == (0, sum(counted.values()))
    # Each row is a run and its thread's head; each day is five queries, and the open runs are eight.
    assert counted["small", 20] <= counted["large", 20] + 40, counted
    assert max(counted.values()) <= 100 and max(counted["small", 5], counted["large", 5]) <= 45, counted
