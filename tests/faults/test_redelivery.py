"""Every step may be invoked twice, or die before, between or after its effects: the records end the same.

A run that calls a tool of the stack, asks its client and answers passes through every step. It is driven once
undisturbed, and then once for each write of each step, with a fault at exactly this write.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId, new_thread, new_thread_id
from assistant_engine.runs import control
from assistant_engine.runtime.clock import now_ms
from tests.support.aws_proxy import (
    BROKEN,
    DIES_BEFORE,
    FORBIDDEN,
    THROTTLED,
    WRITE_FAULTS,
    WRITES,
    AwsProxy,
    Call,
    Fault,
)
from tests.support.driver import Driver, without_times
from tests.support.records import records

pytestmark = pytest.mark.offline_model

ASKED = 'then get_stock_price {"symbol": "ACME"}\nthen ask {}\nsay Done.'

WRITTEN = {
    "queued": ["TransactWriteItems"],  # the run, its message, the thread's lock
    "in_progress": [
        *("UpdateItem", "TransactWriteItems"),  # an attempt, its turn
        "UpdateItem",  # the tool's output
        *("UpdateItem", "TransactWriteItems"),
        *("UpdateItem", "TransactWriteItems"),
    ],
    "requires_action": ["UpdateItem"],  # the status and the token
}
"""What each step writes of a run that is asked `ASKED`, in order."""

AT_ONCE = 6
READS = ("GetItem", "Query")
FAULTS = {**WRITE_FAULTS, "failing": BROKEN}


def empty_thread(driver: Driver) -> str:
    now = now_ms()
    thread, _ = new_thread({}, new_thread_id(now, ""), now)
    driver.store.threads.create(thread, [])
    return thread.id


def drive(driver: Driver, thread_id: str) -> Json:
    """Have a run on this thread from its request to its end; the records."""
    execution = driver.ask(driver.assistant(), ASKED, thread_id=thread_id)
    waiting = driver.until_status(execution, "requires_action", seconds=400)
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "the client's"})
    driver.run(execution, seconds=400)
    driver.ended(waiting, "completed")
    return records(driver, thread_id, waiting.id)


def written(driver: Driver, calls: list[Call]) -> dict[str, list[str]]:
    """The operations that wrote something, by step."""
    found: dict[str, list[str]] = {name: [] for name in WRITTEN}
    for call in calls:
        step = call.function.removeprefix(driver.function_name(""))
        if call.operation in WRITES and step in found:
            found[step].append(call.operation)
    return found


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Do all of it, four side by side; what each returned."""
    with ThreadPoolExecutor(4) as pool:
        return [future.result() for future in [pool.submit(one) for one in work]]


@pytest.fixture(scope="module")
def undisturbed(driver: Driver, aws_proxy: AwsProxy) -> Json:
    """The records that every run of `drive` ends with."""
    thread_id = empty_thread(driver)
    with aws_proxy.recording(thread_id) as calls:
        expected = drive(driver, thread_id)
    assert written(driver, calls) == WRITTEN
    assert (expected["status"], expected["thread"][:2]) == ("completed", (None, 1))
    assert [role for role, _ in expected["messages"]] == ["user", "assistant"]
    return expected


# What waits longest goes on while the tests before it work


def dies_every_time(driver: Driver, aws_proxy: AwsProxy) -> Run:
    run = driver.created("say Never.")
    with aws_proxy.fault(DIES_BEFORE, function="in_progress", about=run.thread_id, times=4):
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        return driver.ended(run, "failed", seconds=120)


def is_throttled_for_long(driver: Driver, aws_proxy: AwsProxy) -> Run:
    run = driver.created("say Late.")
    with aws_proxy.fault(THROTTLED, function="in_progress", about=run.thread_id, times=6):
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        return driver.ended(run, "completed")


def has_two_executions(driver: Driver, _: AwsProxy) -> tuple[Run, list[Json]]:
    """Return the run, and what each execution put out. The one that came second looks every 10 s for the run's end."""
    run = driver.created(ASKED)
    data = {"thread_id": run.thread_id, "run_id": run.id}
    both = at_once(partial(driver.start, data, run.execution), partial(driver.start, data, f"{run.id}-again"))
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "the client's"})
    return run, at_once(*(partial(driver.run, execution, 120) for execution in both))


@pytest.fixture(scope="module", autouse=True)
def meanwhile(driver: Driver, aws_proxy: AwsProxy) -> Iterator[Callable[[Callable[..., Any]], Any]]:
    """Begin what waits longest with the first test; return what waits for its outcome."""
    waits: list[Callable[..., Any]] = [dies_every_time, is_throttled_for_long, has_two_executions]
    with ThreadPoolExecutor(len(waits)) as pool:
        begun = {work: pool.submit(work, driver, aws_proxy) for work in waits}
        yield lambda work: begun[work].result()


# One fault at one write (0: at the first read)


@pytest.fixture(scope="module")
def disturbed(driver: Driver, aws_proxy: AwsProxy) -> Iterator[dict[tuple[str, str], list[Future[Json]]]]:
    """Drive runs, some side by side, each with one fault; return what comes of them by step and kind of the fault."""

    def one(step: str, kind: str, nth: int) -> Json:
        thread_id = empty_thread(driver)
        operations = () if nth else READS
        with aws_proxy.fault(FAULTS[kind], *operations, function=step, about=thread_id, nth=nth or 1):
            return drive(driver, thread_id)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (step, kind): [pool.submit(one, step, kind, nth) for nth in range(len(WRITTEN[step]) + 1)]
            for step in WRITTEN
            for kind in FAULTS
        }
        pool.shutdown(cancel_futures=True)  # If only some of the tests were asked for.


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("step", WRITTEN)
def test_a_fault_at_any_effect_of_a_step_changes_no_record(
    undisturbed: Json, disturbed: dict[tuple[str, str], list[Future[Json]]], step: str, kind: str
) -> None:
    for nth, found in enumerate(disturbed[step, kind]):
        assert found.result() == undisturbed, f"write {nth}"


def test_a_step_that_dies_every_time_ends_its_run(meanwhile: Callable[..., Any]) -> None:
    ended: Run = meanwhile(dies_every_time)
    assert (ended.last_error or {})["code"] == "server_error"
    assert (ended.attempts, ended.turn) == (0, 0)


@pytest.mark.parametrize("kind", ["dies before", "dies after", "answer lost"])
def test_settling_that_dies_is_done_again(driver: Driver, aws_proxy: AwsProxy, kind: str) -> None:
    run = driver.created("say Never.")
    about = {"about": run.thread_id}
    with (
        aws_proxy.fault(FORBIDDEN, "UpdateItem", function="in_progress", **about),
        aws_proxy.fault(FAULTS[kind], function="record_failure", **about),
    ):
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        ended = driver.ended(run, "failed", seconds=120)
    described = driver.wait(driver.execution(run))
    assert (described["status"], described["error"]) == ("FAILED", "server_error")
    assert (driver.store.threads.get(run.thread_id).runs, ended.usage.api()["total_tokens"]) == (1, 0)


@pytest.mark.parametrize("settled_by", ["sweeper", "record_failure"])
def test_what_a_late_step_stores_is_part_of_the_end(driver: Driver, aws_proxy: AwsProxy, settled_by: str) -> None:
    """A turn is stored after it was decided to settle the run, and before that is written."""
    run, store_now, settle_now = driver.created("call ask {}"), threading.Event(), threading.Event()
    ids = {"thread_id": run.thread_id, "run_id": run.id}
    late = {**ids, "turn": 0, "execution": run.execution, "outputs": []}
    execution = {"name": run.execution, "arn": "-", "start_time": "2026-01-01T00:00:00Z"}
    settle = {"name": run.execution, "status": "ABORTED", "request": ids, "execution": execution, "error": "Died"}
    write, about = "TransactWriteItems", {"about": run.thread_id}
    with (
        ThreadPoolExecutor(2) as pool,
        aws_proxy.fault(Fault(hold=store_now), write, function="in_progress", **about) as storing,
        aws_proxy.fault(Fault(hold=settle_now), write, function=settled_by, **about) as settling,
    ):
        stored = pool.submit(driver.invoke, "in_progress", late)
        assert storing.met.wait(60)
        settled = pool.submit(driver.invoke, settled_by, settle)
        assert settling.met.wait(60)
        store_now.set()
        stored.result()
        settle_now.set()
        settled.result()
    ended = driver.ended(run, "failed")
    assert (ended.turn, [step["status"] for step in driver.steps(run.thread_id, run.id)]) == (1, ["failed"])
    assert driver.store.threads.get(run.thread_id).usage == ended.usage


# Twice


def test_steps_that_are_invoked_twice_at_once_act_once(driver: Driver, undisturbed: Json) -> None:
    """By hand, as the state machine would, each step with the same event from two sides."""

    def twice(step: str, event: Json) -> Json:
        """Return what came of it: one of the two may have to wait for the other, and says so."""
        answers: list[Json] = at_once(*[partial(driver.invoke, step, event)] * 2)
        found = [answer for answer in answers if answer.get("status") != "backoff"]
        assert found, answers
        assert without_times(driver.invoke(step, event)) == without_times(found[0])
        return found[0]

    thread_id, name = empty_thread(driver), f"twice-{time.time_ns()}"
    message = {"role": "user", "content": ASKED}
    asked = {"assistant_id": driver.assistant(), "thread_id": thread_id, "additional_messages": [message]}
    started = {"name": name, "arn": f"arn:{name}", "start_time": "2026-01-01T00:00:00Z"}
    ids = twice("queued", {"request": asked, "execution": started})
    event = {"thread_id": thread_id, "run_id": ids["run_id"], "turn": 0, "execution": name, "outputs": []}

    [call] = twice("in_progress", event)["calls"]
    module = call["function"].split(":")[-2].removeprefix(driver.function_name(""))
    output = twice(module, call["payload"])
    told = twice("in_progress", {**event, "turn": 1, "outputs": [output]})
    assert told == {"status": "requires_action", "turn": 2}

    wait = {"thread_id": thread_id, "run_id": ids["run_id"], "turn": 2, "token": "a token"}
    twice("requires_action", wait)
    waiting = driver.store.runs.get(ThreadId(thread_id), ids["run_id"])
    [asked_of_client] = driver.waiting_calls(waiting)
    given = [{"tool_call_id": asked_of_client["id"], "output": "the client's"}]

    def submit() -> bool:
        try:
            return bool(control.submit_tool_outputs(driver.store, ThreadId(thread_id), waiting.id, given, now_ms()))
        except InvalidRequest:
            return False

    assert sorted(at_once(submit, submit)) == [False, True]
    assert twice("in_progress", {**event, "turn": 2})["status"] == "completed"
    assert records(driver, thread_id, waiting.id) == undisturbed


def test_a_delivery_that_is_slow_takes_its_own_turn(driver: Driver, aws_proxy: AwsProxy) -> None:
    """While it reads what was said so far, another delivery of the same step stores the turn."""
    run, let_go = driver.created(ASKED), threading.Event()
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    [call] = driver.invoke("in_progress", event)["calls"]
    second = {**event, "turn": 1, "outputs": [{"tool_call_id": call["tool_call_id"], "output": "182.4"}]}
    held = {"function": "in_progress", "about": f"turn#{run.id}"}
    with ThreadPoolExecutor(1) as pool, aws_proxy.fault(Fault(hold=let_go), "Query", **held) as reading:
        slow = pool.submit(driver.invoke, "in_progress", second)
        assert reading.met.wait(60)
        quick = driver.invoke("in_progress", second)
        let_go.set()
        assert slow.result() == quick == {"status": "requires_action", "turn": 2}
    assert driver.store.runs.get(run.thread_id, run.id).turn == 2


def test_two_executions_of_one_run_act_once(driver: Driver, undisturbed: Json, meanwhile: Callable[..., Any]) -> None:
    run, (first, second) = meanwhile(has_two_executions)
    assert first == second
    assert records(driver, run.thread_id, run.id) == undisturbed


# Throttling, and bugs


def failures(driver: Driver, execution: str) -> list[str]:
    """The errors of the execution's tasks, in order."""
    events = driver.history(execution)
    return [event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event]


def test_a_bug_fails_fast(driver: Driver, aws_proxy: AwsProxy) -> None:
    run = driver.created("say Never.")
    with aws_proxy.fault(FORBIDDEN, function="in_progress", about=run.thread_id):
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        driver.ended(run, "failed")
    assert failures(driver, driver.execution(run)) == ["StepFailed"]


def test_dynamodb_that_throttles_for_long_is_asked_again(driver: Driver, meanwhile: Callable[..., Any]) -> None:
    """Longer than its client tries by itself: the state machine tries the step again."""
    assert failures(driver, driver.execution(meanwhile(is_throttled_for_long))) == ["ServiceBusy"]


@pytest.mark.parametrize("function", ["in_progress", "requires_action", "tool-finance"])
def test_a_function_that_lambda_throttles_is_invoked_again(driver: Driver, undisturbed: Json, function: str) -> None:
    run, functions = driver.created(ASKED), driver.client("lambda")
    name, execution = driver.function_name(function), driver.execution(run)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        until(lambda: "Lambda.TooManyRequestsException" in failures(driver, execution))
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "the client's"})
    driver.ended(run, "completed")
    assert records(driver, run.thread_id, run.id) == undisturbed


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)
