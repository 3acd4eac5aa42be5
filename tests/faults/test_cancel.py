"""Cancelling: from every status, against everything that may happen at the same moment."""

import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from assistant_engine.domain.errors import InvalidRequest
from tests.support.background import in_background
from tests.support.driver import LABORATORY, Driver
from tests.support.traces import traces, until_trace

pytestmark = pytest.mark.offline_model


@pytest.fixture(scope="module", autouse=True)
def meanwhile(driver: Driver) -> Iterator[dict[str, Future[None]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    with in_background(while_a_tool_runs, while_the_model_answers, given=(driver,)) as futures:
        yield futures


def test_a_queued_run_is_cancelled_before_the_model_is_called(driver: Driver) -> None:
    run = driver.created("say Never.")
    assert driver.cancel(run).status == "cancelling"
    driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    ended = driver.ended(run, "cancelled")
    assert (ended.attempts, ended.turn, len(driver.messages(run.thread_id))) == (0, 0, 1)


def test_a_run_is_cancelled_while_it_waits_for_its_client(driver: Driver) -> None:
    run = driver.begin("call ask {}")
    driver.until(run, "requires_action")
    driver.cancel(run)
    driver.ended(run, "cancelled")
    assert [step["status"] for step in driver.steps(run.thread_id, run.id)] == ["cancelled"]


def test_a_run_is_cancelled_while_it_waits_for_a_busy_model(driver: Driver) -> None:
    run = driver.begin("fail 429 retry after 60")
    deadline = time.monotonic() + 60
    while "backoff" not in driver.states(driver.execution(run)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert driver.cancel(run).due_at <= time.time() + 30
    driver.sweep(run, at=int(time.time()))
    driver.ended(run, "cancelled")


def while_the_model_answers(driver: Driver) -> None:
    """A run is cancelled while the model answers."""
    run = driver.begin("wait 300\nsay Never.")
    driver.until(run, "in_progress")
    driver.cancel(run)
    ended = driver.ended(run, "cancelled", seconds=120)
    assert (ended.attempts, ended.turn, len(driver.messages(run.thread_id))) == (1, 0, 1)
    assert driver.wait(driver.execution(run))["error"] == "cancelled"


def test_a_run_is_cancelled_while_the_model_answers(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["while_the_model_answers"].result()


def while_a_tool_runs(driver: Driver) -> None:
    """Cancelling a run stops its tool and drops the output."""
    assistant = driver.assistant(functions=LABORATORY)
    run = driver.begin('call take {"seconds": 50}', assistant_id=assistant)
    until_trace(driver, run, "begun")
    driver.cancel(run)
    driver.ended(run, "cancelled", seconds=40)
    assert traces(driver, run) == ["begun", "stopped"]
    [step] = driver.steps(run.thread_id, run.id)
    assert (step["status"], step["step_details"]["tool_calls"][0]["function"]["output"]) == ("cancelled", None)


def test_a_tool_that_runs_is_told_to_stop_and_its_output_is_dropped(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["while_a_tool_runs"].result()


def test_cancelling_again_or_after_the_end_changes_nothing(driver: Driver) -> None:
    run = driver.begin("say Done.")
    before = driver.ended(run, "completed")
    with pytest.raises(InvalidRequest, match="Cannot cancel run with status 'completed'"):
        driver.cancel(run)
    assert driver.store.runs.get(run.thread_id, run.id) == before
    waiting = driver.created("say Never.")
    assert driver.cancel(waiting) == driver.cancel(waiting)
