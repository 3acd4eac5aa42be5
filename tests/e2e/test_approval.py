"""A function that asks for approval: its tool runs after the client's yes, and only then."""

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.run import Run
from tests.support.driver import LABORATORY, Driver
from tests.support.traces import traces

pytestmark = pytest.mark.offline_model

PUBLISH = 'call publish {"text": "it"}'


def waiting(driver: Driver, text: str) -> Run:
    run = driver.begin(text, assistant_id=driver.assistant(functions=LABORATORY))
    return driver.until(run, "requires_action")


def answer_of(driver: Driver, run: Run) -> str:
    driver.ended(run, "completed")
    return str(driver.messages(run.thread_id)[-1]["content"][0]["text"]["value"])


def test_a_call_that_asks_for_approval_runs_after_a_yes(driver: Driver) -> None:
    run = waiting(driver, PUBLISH)
    assert traces(driver, run) == []
    [call] = driver.waiting_calls(run)
    driver.submit(run, {call["id"]: "yes"})
    assert "published it" in answer_of(driver, run)
    assert traces(driver, run) == ["published"]


def test_a_call_that_asks_for_approval_does_not_run_after_a_no(driver: Driver) -> None:
    run = waiting(driver, PUBLISH)
    [call] = driver.waiting_calls(run)
    driver.submit(run, {call["id"]: "No"})
    assert "did not approve" in answer_of(driver, run)
    assert traces(driver, run) == []


def test_an_approval_is_a_yes_or_a_no(driver: Driver) -> None:
    run = waiting(driver, PUBLISH)
    [call] = driver.waiting_calls(run)
    with pytest.raises(InvalidRequest, match="'yes' or 'no'") as refused:
        driver.submit(run, {call["id"]: "perhaps"})
    assert refused.value.param == "tool_outputs[0].output"
    assert driver.store.runs.get(run.thread_id, run.id) == run


def test_a_turn_mixes_approval_with_calls_of_tools_and_of_the_client(driver: Driver) -> None:
    run = waiting(driver, f'{PUBLISH}\ncall take {{"seconds": 0}}\ncall ask {{}}\n{PUBLISH}')
    assert traces(driver, run) == ["begun", "done"]
    calls = driver.waiting_calls(run)
    assert [call["function"]["name"] for call in calls] == ["publish", "ask", "publish"]
    driver.submit(run, {call["id"]: word for call, word in zip(calls, ("no", "blue", "yes"), strict=True)})
    answer = answer_of(driver, run)
    assert [word in answer for word in ("did not approve", "taken", "blue", "published it")] == [True] * 4
    assert traces(driver, run) == ["begun", "done", "published"]
