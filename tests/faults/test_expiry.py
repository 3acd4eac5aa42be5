"""Expiry, whatever the run is busy with, and tool outputs that are not those that it waits for."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.runs import control
from assistant_engine.runtime.clock import now_ms
from tests.support.driver import LABORATORY, Driver
from tests.support.traces import traces

pytestmark = pytest.mark.offline_model

SECONDS = (5, 15)
"""After which a run expires. One that has not got by then where it is to wait is begun anew, and has longer."""


def submit(driver: Driver, run: Run, outputs: list[Json]) -> None:
    control.submit_tool_outputs(driver.store, run.thread_id, run.id, outputs, now_ms())


def assert_on_time(driver: Driver, run: Run) -> None:
    """The execution ends with the run; the sweeper, which comes each minute, was not needed."""
    described = driver.wait(driver.execution(run))
    assert described["error"] == "expired"
    assert run.expires_at - 1 <= described["stopDate"].timestamp() < run.expires_at + 40


Look = Callable[[Driver, Run], bool]


def has_asked(driver: Driver, run: Run) -> bool:
    return driver.store.runs.get(run.thread_id, run.id).status == "requires_action"


def has_called_the_model(driver: Driver, run: Run) -> bool:
    return driver.store.runs.get(run.thread_id, run.id).attempts == 1


def has_called_the_tool(driver: Driver, run: Run) -> bool:
    return "begun" in traces(driver, run)


BUSY: dict[str, tuple[str, Look]] = {
    "client": ("call ask {}", has_asked),
    "late client": ("call ask {}", has_asked),
    "model": ("wait 60\nsay Never.", has_called_the_model),
    "tool": ('call take {"seconds": 50}', has_called_the_tool),
}
"""The user's message, and a function that tells whether the run is busy, by what keeps it busy."""


def busy(driver: Driver, text: str, is_busy: Look) -> Run:
    """Begin a run that expires, and return it as soon as it is busy."""
    assistant = driver.assistant(functions=LABORATORY)
    for seconds in SECONDS:
        run = driver.begin(text, assistant_id=assistant, expires_after=seconds)
        while time.time() < run.expires_at:
            if is_busy(driver, run):
                return driver.store.runs.get(run.thread_id, run.id)
            time.sleep(0.05)
    raise AssertionError(f"not busy within {SECONDS[-1]} s: {text}")


@pytest.fixture(scope="module")
def expiring(driver: Driver) -> dict[str, Run]:
    """Begin runs that expire, all at once, so that the tests wait for it once; return them by what keeps them busy."""
    with ThreadPoolExecutor(len(BUSY)) as pool:
        begun = {name: pool.submit(busy, driver, *kind) for name, kind in BUSY.items()}
        return {name: run.result() for name, run in begun.items()}


@pytest.mark.usefixtures("expiring")  # They go on meanwhile.
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


def test_late_tool_outputs_are_refused_and_change_nothing(driver: Driver, expiring: dict[str, Run]) -> None:
    run = expiring["late client"]
    [call] = driver.waiting_calls(run)
    output = [{"tool_call_id": call["id"], "output": "late"}]
    time.sleep(max(0.0, run.expires_at - time.time()))
    # Whether the execution has written it yet or not, the time is up.
    with pytest.raises(InvalidRequest, match='Runs in status "expired" do not accept tool outputs'):
        submit(driver, run, output)
    before = driver.ended(run, "expired")
    with pytest.raises(InvalidRequest, match='Runs in status "expired" do not accept tool outputs'):
        submit(driver, run, output)
    assert driver.store.runs.get(run.thread_id, run.id) == before


def test_a_run_that_waits_for_its_client_expires(driver: Driver, expiring: dict[str, Run]) -> None:
    run = expiring["client"]
    assert_on_time(driver, driver.ended(run, "expired"))
    assert [step["status"] for step in driver.steps(run.thread_id, run.id)] == ["expired"]


def test_a_run_expires_while_the_model_is_busy(driver: Driver, expiring: dict[str, Run]) -> None:
    run = expiring["model"]
    ended = driver.ended(run, "expired")
    assert_on_time(driver, ended)
    assert (ended.turn, len(driver.messages(run.thread_id))) == (0, 1)


def test_a_run_expires_while_a_tool_is_busy(driver: Driver, expiring: dict[str, Run]) -> None:
    run = expiring["tool"]
    assert_on_time(driver, driver.ended(run, "expired"))
    assert traces(driver, run) == ["begun", "stopped"]
    [step] = driver.steps(run.thread_id, run.id)
    assert (step["status"], step["step_details"]["tool_calls"][0]["function"]["output"]) == ("expired", None)
