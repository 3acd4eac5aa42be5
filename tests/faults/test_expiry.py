"""Expiry, whatever the run is busy with, and tool outputs that are not those that it waits for."""

import time

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.runs import control
from assistant_engine.runtime.clock import now_ms
from tests.driver import LABORATORY, Driver
from tests.faults.test_cancel import traces

pytestmark = pytest.mark.offline_model


def submit(driver: Driver, run: Run, outputs: list[Json]) -> None:
    control.submit_tool_outputs(driver.store, run.thread_id, run.id, outputs, now_ms())


def assert_on_time(driver: Driver, run: Run) -> None:
    """The execution ends with the run; the sweeper, which comes each minute, was not needed."""
    described = driver.wait(driver.execution(run))
    assert described["error"] == "expired"
    assert run.expires_at - 1 <= described["stopDate"].timestamp() < run.expires_at + 40


def test_a_run_that_waits_for_its_client_expires(driver: Driver) -> None:
    run = driver.begin("call ask {}", expires_after=15)
    driver.until(run, "requires_action")
    assert_on_time(driver, driver.ended(run, "expired"))
    assert [step["status"] for step in driver.steps(run.thread_id, run.id)] == ["expired"]


def test_a_run_expires_while_the_model_is_busy(driver: Driver) -> None:
    run = driver.begin("wait 60\nsay Never.", expires_after=8)
    ended = driver.ended(run, "expired")
    assert_on_time(driver, ended)
    assert (ended.turn, len(driver.messages(run.thread_id))) == (0, 1)


def test_a_run_expires_while_a_tool_is_busy(driver: Driver) -> None:
    assistant = driver.assistant(functions=LABORATORY)
    run = driver.begin('call take {"seconds": 50}', assistant_id=assistant, expires_after=12)
    assert_on_time(driver, driver.ended(run, "expired"))
    assert traces(driver, run) in (["begun", "stopped"], [])
    [step] = driver.steps(run.thread_id, run.id)
    assert (step["status"], step["step_details"]["tool_calls"][0]["function"]["output"]) == ("expired", None)


def test_late_tool_outputs_are_refused_and_change_nothing(driver: Driver) -> None:
    run = driver.begin("call ask {}", expires_after=15)
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    output = [{"tool_call_id": call["id"], "output": "late"}]
    time.sleep(max(0.0, run.expires_at - time.time()))
    # Whether the execution has written it yet or not, the time is up.
    with pytest.raises(InvalidRequest, match='Runs in status "expired" do not accept tool outputs'):
        submit(driver, run, output)
    before = driver.ended(run, "expired")
    with pytest.raises(InvalidRequest, match='Runs in status "expired" do not accept tool outputs'):
        submit(driver, run, output)
    assert driver.store.runs.get(run.thread_id, run.id) == before


def test_repeated_partial_and_foreign_tool_outputs_are_refused_and_change_nothing(driver: Driver) -> None:
    run = driver.begin("call ask {}\ncall ask {}")
    waiting = driver.until(run, "requires_action")
    first, second = ({"tool_call_id": call["id"], "output": "here"} for call in driver.waiting_calls(waiting))
    foreign = {"tool_call_id": "call_of_nobody", "output": "there"}
    for outputs in ([first], [first, first, second], [first, second, foreign], [foreign], []):
        with pytest.raises(InvalidRequest) as refused:
            submit(driver, run, outputs)
        assert (refused.value.status, refused.value.param) == (400, "tool_outputs")
    assert driver.store.runs.get(run.thread_id, run.id) == waiting
    assert len(driver.waiting_calls(waiting)) == 2

    submit(driver, run, [first, second])
    with pytest.raises(InvalidRequest):
        submit(driver, run, [first, second])
    driver.invoke("sweeper", {"name": run.execution, "status": "RUNNING"})
    driver.ended(run, "completed")
