"""Steps that are delivered twice, die half way or are lost: nothing is doubled, and no run stays where it is."""

import time

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.run import Run
from assistant_engine.runs import control
from assistant_engine.runtime.clock import now_ms
from tests.support.driver import Driver, without_times
from tests.support.interpreter import Interpreter

pytestmark = pytest.mark.offline_model


def test_a_step_delivered_twice_calls_the_model_once(driver: Driver) -> None:
    run = driver.created("say Once.")
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    first, second = driver.invoke("in_progress", event), driver.invoke("in_progress", event)
    assert first == second
    assert first["status"] == "completed"
    record = driver.store.runs.get(run.thread_id, run.id)
    thread = driver.store.threads.get(run.thread_id)
    assert (record.attempts, record.turn, thread.runs, thread.usage) == (1, 1, 1, record.usage)


def test_tool_outputs_delivered_twice_are_recorded_once(driver: Driver) -> None:
    run = driver.created('call get_stock_price {"symbol": "ACME"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    output = {"tool_call_id": call["tool_call_id"], "output": "the first"}
    first = driver.invoke("in_progress", {**event, "turn": 1, "outputs": [output]})
    again = driver.invoke("in_progress", {**event, "turn": 1, "outputs": [{**output, "output": "the second"}]})
    assert (first["status"], again) == ("completed", first)
    step = driver.steps(run.thread_id, run.id)[0]
    assert step["step_details"]["tool_calls"][0]["function"]["output"] == "the first"


def test_a_turn_of_many_calls_is_answered(driver: Driver) -> None:
    calls = "\n".join(["call ask {}"] * 120)
    execution = driver.ask(driver.assistant(), calls)
    waiting = driver.until_status(execution, "requires_action")
    asked = driver.waiting_calls(waiting)
    assert len(asked) == 120
    driver.submit(waiting, {call["id"]: str(number) for number, call in enumerate(asked)})
    assert driver.run(execution)["messages"][0]["text"].count("ask: ") == 120


def mails(driver: Driver, run: Run) -> int:
    """Return how many mails a run has sent."""
    listed = driver.client("s3").list_objects_v2(Bucket=driver.store.blobs.bucket, Prefix=f"outbox/{run.id}/")
    return int(listed["KeyCount"])


def test_a_mail_delivered_twice_is_sent_once(driver: Driver) -> None:
    run = driver.created('call send_email {"to": "ada@example.com", "content": "Once"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    first, again = (without_times(driver.invoke("tool-finance", call["payload"])) for _ in range(2))
    assert (first, "sent" in first["output"]) == (again, True)
    assert mails(driver, run) == 1


def test_a_call_whose_run_has_ended_is_not_carried_out(driver: Driver) -> None:
    """A redriven execution goes on inside `call_tools`, with the calls of a run that was settled long ago."""
    run = driver.created('call send_email {"to": "ada@example.com", "content": "Never"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms()))
    assert "does not wait" in driver.invoke("tool-finance", call["payload"])["output"]
    assert mails(driver, run) == 0


def test_a_large_output_goes_to_the_bucket_and_reaches_the_model(driver: Driver) -> None:
    run = driver.created('call get_stock_price {"symbol": "ACME"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    kept = driver.invoke("tool-finance", {**call["payload"], "inline_bytes": 5})
    assert set(without_times(kept)) == {"tool_call_id", "output_key"}
    answer = driver.invoke("in_progress", {**event, "turn": 1, "outputs": [kept]})
    assert answer["status"] == "completed"
    [message] = driver.store.messages.by_ids(run.thread_id, [answer["run"]["messages"][0]["message_id"]])
    assert "182.4" in message["content"][0]["text"]["value"]


def test_settings_and_outputs_that_outgrow_an_item_are_waited_with(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(instructions="Be brief. " * 5_000), "call ask {}")
    waiting = driver.until_status(execution, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: '"' * 100_000 + " the end"})
    assert driver.run(execution)["messages"][0]["text"].count("\\") > 1_000
    [step, _] = driver.steps(waiting.thread_id, waiting.id)
    assert step["step_details"]["tool_calls"][0]["function"]["output"].endswith("the end")


def test_arguments_that_outgrow_the_execution_are_refused_to_the_model(driver: Driver) -> None:
    run = driver.created('call get_stock_price {"symbol": "%s"}' % ("A" * 230_000))
    answered = driver.run(driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution))
    [message] = driver.store.messages.by_ids(run.thread_id, [answered["messages"][0]["message_id"]])
    assert "the arguments are too long" in message["content"][0]["text"]["value"]


def test_a_call_that_nobody_serves_is_told_to_the_model(driver: Driver) -> None:
    run = driver.run(driver.ask(driver.assistant(), "call nobody {}"))
    assert "there is no function of this name" in run["messages"][0]["text"]


def test_a_run_that_ended_is_found_so_whatever_its_outputs_are(driver: Driver) -> None:
    """Its last step may die after all is stored; what ends the execution then reads no tool's output."""
    run = driver.created('call get_stock_price {"symbol": "ACME"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    kept = driver.invoke("tool-finance", {**call["payload"], "inline_bytes": 5})
    driver.invoke("in_progress", {**event, "turn": 1, "outputs": [kept]})
    execution = {"name": run.execution, "arn": "-", "start_time": "2026-01-01T00:00:00Z"}
    ids = {"thread_id": run.thread_id, "run_id": run.id}
    told = driver.invoke("record_failure", {"request": ids, "execution": execution, "error": "Died"})
    assert told["status"] == "completed"


def test_outputs_that_come_after_the_end_change_nothing(driver: Driver) -> None:
    run = driver.created('call get_stock_price {"symbol": "ACME"}')
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    driver.expire(run)
    assert driver.invoke("in_progress", event)["status"] == "expired"
    late = [{"tool_call_id": call["tool_call_id"], "output": "late"}]
    assert driver.invoke("in_progress", {**event, "turn": 1, "outputs": late})["status"] == "expired"
    [step] = driver.steps(run.thread_id, run.id)
    assert (step["status"], step["completed_at"]) == ("expired", None)


def test_a_run_whose_start_was_lost_is_started(driver: Driver) -> None:
    run = driver.created("say Found.")
    assert driver.invoke("sweeper", {"name": run.execution, "status": "ABORTED"}) == {"swept": 1}
    driver.wait(driver.execution(run))
    assert driver.store.runs.get(run.thread_id, run.id).status == "completed"


def test_outputs_whose_wake_was_lost_go_on(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "call ask {}")
    waiting = driver.until_status(execution, "requires_action")
    [call] = driver.waiting_calls(waiting)
    given = [{"tool_call_id": call["id"], "output": "here"}]
    control.submit_tool_outputs(driver.store, waiting.thread_id, waiting.id, given, now_ms())
    assert driver.step_functions.describe_execution(executionArn=execution)["status"] == "RUNNING"
    driver.invoke("sweeper", {"name": waiting.execution, "status": "ABORTED"})
    assert "here" in driver.run(execution)["messages"][0]["text"]


@pytest.mark.parametrize("text", ["call ask {}", "wait 30"])
def test_a_run_whose_execution_was_stopped_fails(driver: Driver, text: str) -> None:
    execution = driver.ask(driver.assistant(), text)
    running = driver.until_status(execution, "requires_action" if "ask" in text else "in_progress")
    driver.step_functions.stop_execution(executionArn=execution)
    # The rule on execution status changes brings the sweeper; nothing else is needed.
    deadline = time.monotonic() + 30
    while (run := driver.store.runs.get(running.thread_id, running.id)).status != "failed":
        assert time.monotonic() < deadline, run.status
        time.sleep(0.05)
    assert run.last_error is not None
    assert run.last_error["code"] == "server_error"
    assert driver.store.threads.get(run.thread_id).active_run is None


def test_a_run_that_cannot_be_swept_does_not_keep_the_others_waiting(driver: Driver) -> None:
    broken, whole = (driver.created("say Too late.") for _ in range(2))
    for run in (broken, whole):
        driver.expire(run)  # Only then are they due: the sweep of the minute would start them before they expire.
    driver.client("dynamodb").update_item(
        TableName=driver.outputs["MessagesTable"],
        Key={"thread_id": {"S": broken.thread_id}, "message_id": {"S": broken.id}},
        UpdateExpression="REMOVE document SET due_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    driver.client("dynamodb").update_item(
        TableName=driver.outputs["MessagesTable"],
        Key={"thread_id": {"S": whole.thread_id}, "message_id": {"S": whole.id}},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": {"N": "2"}},
    )
    driver.invoke("sweeper", {})
    assert driver.store.runs.get(whole.thread_id, whole.id).status == "expired"


def test_a_run_that_nobody_drives_expires(driver: Driver) -> None:
    run = driver.created("say Too late.")
    driver.expire(run)
    driver.invoke("sweeper", {"name": run.execution, "status": "ABORTED"})
    assert driver.store.runs.get(run.thread_id, run.id).status == "expired"


def test_a_cancelled_run_that_nobody_drives_is_cancelled(driver: Driver) -> None:
    run = driver.created("say Too late.")
    control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms()))
    driver.invoke("sweeper", {"name": run.execution, "status": "ABORTED"})
    assert driver.store.runs.get(run.thread_id, run.id).status == "cancelled"


def test_a_late_execution_changes_nothing(driver: Driver) -> None:
    run = driver.created("say Once.")
    data = {"thread_id": run.thread_id, "run_id": run.id}
    driver.run(driver.start(data, run.execution))
    before = driver.store.runs.get(run.thread_id, run.id)
    late = driver.start(data, f"{run.id}-late")
    assert driver.run(late)["status"] == "completed"
    assert driver.store.runs.get(run.thread_id, run.id) == before
    assert driver.store.threads.get(run.thread_id).runs == 1


def test_a_deleted_thread_leaves_nothing(driver: Driver) -> None:
    run = driver.created("say " + "x" * 40_000)
    driver.run(driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution))
    interpreter = Interpreter(driver, run.thread_id)
    interpreter.run("open('/mnt/data/left.txt', 'w').write('left')")
    driver.store.threads.delete(run.thread_id, seconds_of(now_ms()))
    driver.invoke("sweeper", {})
    left = driver.client("dynamodb").query(
        TableName=driver.outputs["MessagesTable"],
        KeyConditionExpression="thread_id = :thread",
        ExpressionAttributeValues={":thread": {"S": run.thread_id}},
    )
    assert left["Count"] == 0
    for prefix in ("text", "outputs", "sandbox"):
        below = f"{prefix}/{run.thread_id}/"
        listed = driver.client("s3").list_objects_v2(Bucket=driver.store.blobs.bucket, Prefix=below)
        assert listed["KeyCount"] == 0, below
