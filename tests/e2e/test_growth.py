"""A run costs the same on a thread of any length: states, units and what the model is sent, counted and not timed."""

from functools import partial
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from bench.journal import Journal, taken
from bench.stack import filled_thread
from local import up as local
from tests.support.clients import connect
from tests.support.crowd import crowd
from tests.support.driver import Driver
from tests.support.model_server import ModelServer

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


def test_a_page_of_a_projects_runs_costs_the_same_however_many_there_are(stack: local.Local, journal: Journal) -> None:
    units = []
    for runs, days_ago in ((200, 400), (2_000, 800)):  # days of their own: nobody else's runs are read with them
        with crowd(stack, runs, messages=0, days_ago=days_ago) as made:
            client = connect(stack, made.key)
            page = taken(journal.during(partial(client.get, "/runs", cast_to=object)))
        assert page.write_units == 0
        units.append(page.read_units)
    # What other tests left open is read with it.
    assert units[1] <= units[0] + 10 and max(units) <= 150, units
