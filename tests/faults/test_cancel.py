"""Cancelling: from every status, against everything that may happen at the same moment."""

import time

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.run import Run
from assistant_engine.runs import control, executions
from assistant_engine.runtime.clock import now_ms
from tests.driver import LABORATORY, Driver

pytestmark = pytest.mark.offline_model


def cancel(driver: Driver, run: Run) -> Run:
    """Cancel as the HTTP API does."""
    cancelled = control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms()))
    executions.wake(driver.step_functions, cancelled)
    return cancelled


def traces(driver: Driver, run: Run) -> list[str]:
    """What the laboratory did for a run, in order."""
    prefix = f"laboratory/{run.id}/"
    listed = driver.client("s3").list_objects_v2(Bucket=driver.store.blobs.bucket, Prefix=prefix)
    names = [item["Key"].removeprefix(prefix).split("-") for item in listed.get("Contents", [])]
    return [what for what, _ in sorted(names, key=lambda name: name[1])]


def until_trace(driver: Driver, run: Run, what: str) -> None:
    deadline = time.monotonic() + 60
    while what not in traces(driver, run):
        assert time.monotonic() < deadline, traces(driver, run)
        time.sleep(0.2)


def test_a_queued_run_is_cancelled_before_the_model_is_called(driver: Driver) -> None:
    run = driver.created("say Never.")
    assert cancel(driver, run).status == "cancelling"
    driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    ended = driver.ended(run, "cancelled")
    assert (ended.attempts, ended.turn, len(driver.messages(run.thread_id))) == (0, 0, 1)


def test_a_run_is_cancelled_while_the_model_answers(driver: Driver) -> None:
    run = driver.begin("wait 300\nsay Never.")
    driver.until(run, "in_progress")
    cancel(driver, run)
    ended = driver.ended(run, "cancelled", seconds=120)
    assert (ended.attempts, ended.turn, len(driver.messages(run.thread_id))) == (1, 0, 1)
    assert driver.wait(driver.execution(run))["error"] == "cancelled"


def test_a_run_is_cancelled_while_it_waits_for_its_client(driver: Driver) -> None:
    run = driver.begin("call ask {}")
    driver.until(run, "requires_action")
    cancel(driver, run)
    driver.ended(run, "cancelled")
    assert [step["status"] for step in driver.steps(run.thread_id, run.id)] == ["cancelled"]


def test_a_run_is_cancelled_while_it_waits_for_a_busy_model(driver: Driver) -> None:
    run = driver.begin("fail 429 retry after 60")
    driver.until(run, "in_progress")
    cancel(driver, run)
    time.sleep(0.1)
    late = {"name": run.execution, "status": "RUNNING"}
    deadline = time.monotonic() + 90
    while driver.store.runs.get(run.thread_id, run.id).status != "cancelled":
        assert time.monotonic() < deadline
        driver.invoke("sweeper", late)
        time.sleep(1)
    driver.ended(run, "cancelled")


def test_a_tool_that_runs_is_told_to_stop_and_its_output_is_dropped(driver: Driver) -> None:
    assistant = driver.assistant(functions=LABORATORY)
    run = driver.begin('call take {"seconds": 50}', assistant_id=assistant)
    until_trace(driver, run, "begun")
    cancel(driver, run)
    driver.ended(run, "cancelled", seconds=40)
    assert traces(driver, run) == ["begun", "stopped"]
    [step] = driver.steps(run.thread_id, run.id)
    assert (step["status"], step["step_details"]["tool_calls"][0]["function"]["output"]) == ("cancelled", None)


def test_cancelling_again_or_after_the_end_changes_nothing(driver: Driver) -> None:
    run = driver.begin("say Done.")
    before = driver.ended(run, "completed")
    with pytest.raises(InvalidRequest, match="Cannot cancel run with status 'completed'"):
        cancel(driver, run)
    assert driver.store.runs.get(run.thread_id, run.id) == before
    waiting = driver.created("say Never.")
    assert cancel(driver, waiting) == cancel(driver, waiting)
