"""Executions that are stopped, time out, are lost or come back: their runs end as they should, and only once."""

import time

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.runs import control, tool_calls
from assistant_engine.runtime.clock import now_ms
from tests.support.driver import LABORATORY, Driver
from tests.support.traces import traces, until_trace

pytestmark = pytest.mark.offline_model


@pytest.mark.parametrize(("text", "status"), [("call ask {}", "requires_action"), ("wait 300", "in_progress")])
def test_an_execution_that_is_aborted_fails_its_run_by_its_event(driver: Driver, text: str, status: str) -> None:
    run = driver.begin(text)
    driver.until(run, status)
    driver.step_functions.stop_execution(executionArn=driver.execution(run))
    ended = driver.ended(run, "failed", seconds=120)
    assert ended.last_error is not None
    assert ended.last_error["code"] == "server_error"


def test_an_execution_that_is_aborted_fails_its_run_by_the_sweeper_when_the_event_is_lost(driver: Driver) -> None:
    rules = driver.client("events")
    [rule] = [r["Name"] for r in rules.list_rules()["Rules"] if "aws.states" in r.get("EventPattern", "")]
    rules.disable_rule(Name=rule)
    try:
        run = driver.begin("call ask {}")
        driver.until(run, "requires_action")
        driver.step_functions.stop_execution(executionArn=driver.execution(run))
        driver.sweep(run, at=int(time.time()))
        assert driver.ended(run, "failed").last_error is not None
    finally:
        rules.enable_rule(Name=rule)


def test_a_run_that_moves_is_looked_at_before_its_time_is_up(driver: Driver) -> None:
    """Otherwise a run of a day, whose execution was lost without an event, would lock its thread for a day."""
    run = driver.begin("call ask {}", expires_after=86_400)
    waiting = driver.until(run, "requires_action")
    assert waiting.due_at <= time.time() + 60
    driver.sweep(waiting, at=int(time.time()))
    assert time.time() < driver.store.runs.get(run.thread_id, run.id).due_at <= time.time() + 60


def test_the_sweeper_starts_a_run_whose_execution_never_started(driver: Driver) -> None:
    run = driver.created("say Found.")
    driver.sweep(run, at=int(time.time()))
    assert driver.ended(run, "completed").attempts == 1


def test_the_sweeper_wakes_a_run_whose_outputs_were_committed_but_not_sent(driver: Driver) -> None:
    run = driver.begin("call ask {}")
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    given = [{"tool_call_id": call["id"], "output": "here"}]
    control.submit_tool_outputs(driver.store, run.thread_id, run.id, given, now_ms())
    driver.sweep(run, at=int(time.time()))
    assert driver.ended(run, "completed").turn == 2


def test_the_sweeper_expires_what_is_due(driver: Driver) -> None:
    run = driver.created("say Never.", expires_after=1)
    time.sleep(max(0.0, run.expires_at - time.time()))
    driver.sweep(run, at=run.expires_at)
    assert driver.ended(run, "expired").attempts == 0


def test_the_sweeper_cancels_what_nobody_else_did(driver: Driver) -> None:
    run = driver.created("say Never.")
    control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms()))
    driver.sweep(run, at=int(time.time()))
    driver.ended(run, "cancelled")


def test_a_tool_that_dies_is_an_output_and_is_not_called_again(driver: Driver) -> None:
    run = driver.begin("call die {}", assistant_id=driver.assistant(functions=LABORATORY))
    driver.ended(run, "completed")
    assert traces(driver, run) == ["begun"]
    assert "the tool gave no answer" in driver.messages(run.thread_id)[-1]["content"][0]["text"]["value"]


def test_a_redriven_execution_ends_without_effect(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped inside `call_tools`; redriven, it goes on there, and finds that its run has ended."""
    monkeypatch.setenv("TOOLS", '{"laboratory": "its function"}')
    run = driver.begin('call take {"seconds": 30}', assistant_id=driver.assistant(functions=LABORATORY))
    until_trace(driver, run, "begun")
    tools = driver.store.steps.pending(driver.store.runs.get(run.thread_id, run.id))
    assert tools is not None
    [call] = tool_calls.calls(driver.store.runs.get(run.thread_id, run.id), tools)
    driver.step_functions.stop_execution(executionArn=driver.execution(run))
    before = driver.ended(run, "failed")

    told = driver.invoke("tool-laboratory", call["payload"])
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 1, "execution": run.execution, "outputs": [told]}
    assert driver.invoke("in_progress", event)["status"] == "failed"
    assert driver.ended(run, "failed") == before
    assert traces(driver, run).count("begun") == 1
