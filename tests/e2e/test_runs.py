"""The paths of a run on the deployed stack: what the execution puts out, which states it enters, what is stored."""

import json
import time
from typing import Any

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store.dynamodb import ConditionFailed
from tests.support.driver import Driver

BUSY = [429, 500]


@pytest.fixture(scope="module")
def twice(driver: Driver) -> tuple[Json, str, str]:
    """Start two executions with one idempotency key: one waits for the other, while the tests go on."""
    request = {
        "assistant_id": driver.assistant(),
        "additional_messages": [{"role": "user", "content": "wait 1\nsay Once."}],
        "idempotency_key": f"order-{time.time_ns()}",
    }
    return request, driver.start(request), driver.start(request)


@pytest.fixture(scope="module")
def busy(driver: Driver) -> dict[int, str]:
    """Start executions whose model is busy for a second, while the tests go on; return them by the model's answer."""
    text = "fail {} times 1 retry after 1\nsay {}"
    return {status: driver.ask(driver.assistant(), text.format(status, time.time())) for status in BUSY}


@pytest.fixture(scope="module")
def dropped(driver: Driver) -> tuple[str, Run]:
    """Cancel a run while the model works, which a step sees in a moment, while the tests go on."""
    from assistant_engine.runs import control

    execution = driver.ask(driver.assistant(), "wait 120\nsay Too late.")
    working = driver.until_status(execution, "in_progress")
    control.cancel(driver.store, working.thread_id, working.id, seconds_of(now_ms()))
    return execution, working


@pytest.fixture(scope="module")
def expiring(driver: Driver) -> tuple[str, Run]:
    """Begin a run that waits until it expires, while the tests go on.

    The second test of the file begins it: functions that never ran yet might start too late for it to wait.
    """
    execution = driver.ask(driver.assistant(), "call ask {}", expires_after=8)
    return execution, driver.until_status(execution, "requires_action")


def test_a_plain_answer_enters_four_states(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "say Good morning.")
    run = driver.run(execution)
    assert driver.states(execution) == ["queued", "in_progress", "route", "completed"]
    assert run["status"] == "completed"
    [message] = run["messages"]
    assert "Good morning" in message["text"]
    assert run["usage"]["total_tokens"] == run["usage"]["prompt_tokens"] + run["usage"]["completion_tokens"] > 0
    record = driver.store.runs.get(run["thread_id"], run["run_id"])
    thread = driver.store.threads.get(run["thread_id"])
    assert (record.status, record.usage.api()) == ("completed", run["usage"])
    assert (thread.active_run, thread.runs, thread.usage) == (None, 1, record.usage)
    [step] = driver.steps(run["thread_id"], run["run_id"])
    assert (step["type"], step["status"]) == ("message_creation", "completed")


@pytest.mark.offline_model
@pytest.mark.usefixtures("expiring", "twice", "busy", "dropped")
def test_a_turn_may_mix_server_side_and_client_side_calls(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), 'call get_stock_price {"symbol": "ACME"}\ncall ask {}')
    waiting = driver.until_status(execution, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "forty-two"})
    [message] = driver.run(execution)["messages"]
    assert "182.4" in message["text"]
    assert "forty-two" in message["text"]


def test_parallel_calls_of_one_turn_are_run_by_tool_functions(driver: Driver) -> None:
    calls = "\n".join(
        f'call get_stock_price {{"symbol": "{s}"}}' for s in ("ACME", "BRIO", "CYAN", "DUNE", "EPIC", "FERN")
    )
    execution = driver.ask(driver.assistant(), calls)
    run = driver.run(execution)
    [message] = run["messages"]
    assert all(price in message["text"] for price in ("182.4", "47.15", "311.08", "9.62", "128.9", "64.33"))
    tools, said = driver.steps(run["thread_id"], run["run_id"])
    assert (tools["type"], tools["status"], said["type"]) == ("tool_calls", "completed", "message_creation")
    made = tools["step_details"]["tool_calls"]
    assert len(made) == 6
    assert json.loads(made[3]["function"]["output"]) == {"symbol": "DUNE", "price": 9.62, "currency": "USD"}


def test_one_server_side_call_enters_seven_states(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), 'call get_stock_price {"symbol": "ACME"}')
    driver.run(execution)
    assert driver.states(execution) == [
        "queued", "in_progress", "route", "call_tool", "in_progress", "route", "completed",
    ]  # fmt: skip


def test_several_calls_enter_a_state_each_and_one_for_all(driver: Driver) -> None:
    calls = "\n".join(f'call get_stock_price {{"symbol": "{symbol}"}}' for symbol in ("ACME", "DUNE"))
    execution = driver.ask(driver.assistant(), calls)
    driver.run(execution)
    # The emulator's history leaves out the states inside a Map.
    assert [state for state in driver.states(execution) if state != "call_each"] == [
        "queued", "in_progress", "route", "call_tools", "in_progress", "route", "completed",
    ]  # fmt: skip


def test_mail_is_sent_once_and_configured_by_the_assistant(driver: Driver) -> None:
    functions = [
        {
            "module_name": "finance",
            "class_name": "Finance",
            "function_name": "send_email",
            "configuration": {"sender": "desk@example.com"},
        }
    ]
    execution = driver.ask(
        driver.assistant(functions=functions), 'call send_email {"to": "ada@example.com", "content": "Prices"}'
    )
    run = driver.run(execution)
    s3 = driver.client("s3")
    bucket = driver.store.blobs.bucket
    [mail] = s3.list_objects_v2(Bucket=bucket, Prefix=f"outbox/{run['run_id']}/")["Contents"]
    sent = json.loads(s3.get_object(Bucket=bucket, Key=mail["Key"])["Body"].read())
    assert sent == {"from": "desk@example.com", "to": "ada@example.com", "content": "Prices"}


def test_a_tool_that_fails_is_an_output_and_not_the_end(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), 'call get_stock_price {"symbol": "NONE"}')
    run = driver.run(execution)
    assert "LookupError" in run["messages"][0]["text"]


def test_a_client_side_call_waits_and_enters_at_most_seven_states(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "call ask {}")
    waiting = driver.until_status(execution, "requires_action")
    [call] = driver.waiting_calls(waiting)
    assert call["function"]["name"] == "ask"
    driver.submit(waiting, {call["id"]: "forty-two"})
    run = driver.run(execution)
    assert "forty-two" in run["messages"][0]["text"]
    assert driver.states(execution) == [
        "queued", "in_progress", "route", "requires_action", "in_progress", "route", "completed",
    ]  # fmt: skip


def test_a_model_that_does_not_exist_fails_the_run(driver: Driver) -> None:
    described = driver.wait(driver.ask(driver.assistant(model="no-such-model"), "say Nothing."))
    assert (described["status"], described["error"]) == ("FAILED", "invalid_prompt")
    ids = json.loads(described["cause"])
    assert driver.store.runs.get(ids["thread_id"], ids["run_id"]).status == "failed"


@pytest.mark.offline_model
@pytest.mark.parametrize(
    ("text", "code"),
    [("fail 400", "invalid_prompt"), ("fail 401", "server_error"), ("fail 422", "invalid_prompt")],
)
def test_a_model_that_refuses_fails_the_run(driver: Driver, text: str, code: str) -> None:
    execution = driver.ask(driver.assistant(), text)
    described = driver.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", code)
    ids = json.loads(described["cause"])
    run = driver.store.runs.get(ids["thread_id"], ids["run_id"])
    assert run.status == "failed"
    assert run.last_error is not None
    assert run.last_error["code"] == code
    assert driver.store.threads.get(run.thread_id).active_run is None


@pytest.mark.offline_model
def test_an_answer_cut_off_is_incomplete(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "cut\nsay Half an ans")
    run = driver.run(execution)
    assert (run["status"], run["incomplete_details"]) == ("incomplete", {"reason": "max_completion_tokens"})
    assert driver.states(execution)[-1] == "incomplete"


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, "assistant_id"),
        ({"assistant_id": 7}, "assistant_id"),
        ({"assistant_id": "asst_none"}, "asst_none"),
        ({"assistant_id": "asst_none", "flavour": 1}, "flavour"),
        ([], "object"),
    ],
)
def test_a_bad_request_fails_names_the_parameter_and_writes_nothing(driver: Driver, request_: Any, names: str) -> None:
    execution = driver.start(request_)
    described = driver.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
    assert names in described["cause"]
    assert driver.states(execution) == ["queued", "failed"]


@pytest.mark.offline_model
def test_a_second_start_with_the_same_name_and_input_is_harmless(driver: Driver) -> None:
    assistant = driver.assistant()
    request = {"assistant_id": assistant, "additional_messages": [{"role": "user", "content": "wait 1\nsay Once."}]}
    name = f"again-{time.time_ns()}"
    first = driver.start(request, name)
    assert driver.start(request, name) == first
    run = driver.run(first)
    assert driver.store.threads.get(run["thread_id"]).runs == 1


def test_a_thread_goes_on(driver: Driver) -> None:
    assistant = driver.assistant()
    first = driver.run(driver.ask(assistant, "say One."))
    second = driver.run(driver.ask(assistant, "say Two.", thread_id=first["thread_id"]))
    assert second["thread_id"] == first["thread_id"]
    assert driver.store.threads.get(first["thread_id"]).runs == 2


def test_a_thread_with_an_active_run_takes_no_second_one(driver: Driver) -> None:
    assistant = driver.assistant()
    waiting = driver.until_status(driver.ask(assistant, "call ask {}"), "requires_action")
    described = driver.wait(driver.ask(assistant, "say Me first.", thread_id=waiting.thread_id))
    assert f"already has an active run {waiting.id}" in described["cause"]
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "done"})


def test_a_run_that_is_cancelled_while_it_waits_ends(driver: Driver) -> None:
    from assistant_engine.runs import control, executions

    execution = driver.ask(driver.assistant(), "call ask {}")
    waiting = driver.until_status(execution, "requires_action")
    cancelling = control.cancel(driver.store, waiting.thread_id, waiting.id, seconds_of(now_ms()))
    assert cancelling.status == "cancelling"
    executions.wake(driver.step_functions, cancelling)
    assert driver.wait(execution)["error"] == "cancelled"
    assert driver.store.runs.get(waiting.thread_id, waiting.id).status == "cancelled"


def test_outputs_are_taken_once(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "call ask {}")
    waiting = driver.until_status(execution, "requires_action")
    tools = driver.store.steps.pending(waiting)
    assert tools is not None
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "first"})
    with pytest.raises(ConditionFailed):
        driver.store.transitions.submit_outputs(waiting, tools, {call["id"]: {"text": "second"}}, now_ms())
    assert "first" in driver.run(execution)["messages"][0]["text"]


@pytest.mark.offline_model
@pytest.mark.parametrize("status", BUSY)
def test_a_busy_model_is_tried_again_after_retry_after(driver: Driver, busy: dict[int, str], status: int) -> None:
    execution = busy[status]
    run = driver.run(execution)
    assert run["status"] == "completed"
    assert driver.states(execution).count("backoff") == 1


@pytest.mark.offline_model
def test_a_run_that_is_cancelled_while_the_model_works_drops_the_call(driver: Driver, dropped: tuple[str, Run]) -> None:
    execution, working = dropped
    assert driver.wait(execution, 60)["error"] == "cancelled"
    assert driver.steps(working.thread_id, working.id) == []


def test_a_wait_that_nobody_ends_expires(driver: Driver, expiring: tuple[str, Run]) -> None:
    execution, waiting = expiring
    described = driver.wait(execution, 30)
    assert (described["status"], described["error"]) == ("FAILED", "expired")
    assert json.loads(described["cause"]) == {"thread_id": waiting.thread_id, "run_id": waiting.id}
    run = driver.store.runs.get(waiting.thread_id, waiting.id)
    assert run.status == "expired"
    [step] = driver.steps(run.thread_id, run.id)
    assert step["status"] == "expired"
    assert driver.store.threads.get(run.thread_id).active_run is None
    assert driver.states(execution)[-1] == "expired"


@pytest.mark.offline_model
def test_two_executions_with_one_idempotency_key_are_one_run(driver: Driver, twice: tuple[Json, str, str]) -> None:
    request, first, second = twice
    one, other = driver.run(first), driver.run(second)
    assert one == other
    assert driver.store.threads.get(one["thread_id"]).runs == 1
    with_other_text = {**request, "additional_messages": [{"role": "user", "content": "say Twice."}]}
    described = driver.wait(driver.start(with_other_text))
    assert described["error"] == "invalid_request_error"
