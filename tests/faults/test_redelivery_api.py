"""The HTTP API and the sweeper die before, between or after their effects: callers try again, and the records are one.

The caller is the `openai` package, which repeats a request that was answered with a 5xx or not at all.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any

import openai
import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs import control
from assistant_engine.runtime.clock import now_ms
from local import up as local
from tests.support.aws_proxy import DIES_AFTER, DIES_BEFORE, LOST, AwsProxy
from tests.support.driver import Driver
from tests.support.records import records

pytestmark = pytest.mark.offline_model

AT_ONCE = 4
FAULTS = {"dies before": DIES_BEFORE, "dies after": DIES_AFTER, "answer lost": LOST}


@pytest.fixture(scope="module")
def client(stack: local.Local) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=stack.settings["ASSISTANTS_BASE_URL"],
        api_key=stack.settings["ASSISTANTS_API_KEY"],
        max_retries=3,
        timeout=60,
    )


Trial = Callable[..., None]
Try = Callable[..., None]
"""Returns when a trial of a case is over, and fails if it did."""


@pytest.fixture(scope="module")
def side_by_side(driver: Driver, client: openai.OpenAI, aws_proxy: AwsProxy) -> Iterator[Try]:
    """Begin a trial of all its cases as soon as one is asked for: they wait for callers that try again."""
    begun: dict[Trial, dict[tuple[object, ...], Future[None]]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def tried(trial: Trial, cases: Iterable[tuple[object, ...]], case: tuple[object, ...]) -> None:
            if trial not in begun:
                begun[trial] = {each: pool.submit(trial, driver, client, aws_proxy, *each) for each in cases}
            begun[trial][case].result()

        yield tried
        pool.shutdown(cancel_futures=True)  # If only some of the tests were asked for.


def sweep_until(driver: Driver, run: Run, *statuses: str) -> Run:
    """Sweep the run, as each minute does when it is due, until it has one of the statuses."""
    deadline = time.monotonic() + 90
    while (found := driver.store.runs.get(run.thread_id, run.id)).status not in statuses:
        assert time.monotonic() < deadline, found
        driver.invoke("sweeper", {"name": found.execution, "status": "ABORTED"})
    return found


# The HTTP API


def creation(driver: Driver, client: openai.OpenAI, aws_proxy: AwsProxy, operation: str, kind: str) -> None:
    thread = client.beta.threads.create()
    with aws_proxy.fault(FAULTS[kind], operation, function="stream", about=thread.id):
        answered = client.beta.threads.runs.create(
            thread.id,
            assistant_id=driver.assistant(),
            additional_messages=[{"role": "user", "content": "say Once."}],
            extra_headers={"Idempotency-Key": str(uuid.uuid4())},
        )
    run = driver.store.runs.get(ThreadId(thread.id), answered.id)
    sweep_until(driver, run, *TERMINAL)
    driver.ended(run, "completed")
    found = records(driver, thread.id, run.id)
    assert (found["thread"][1], found["directory"]["runs"]) == (1, 1)
    assert [role for role, _ in found["messages"]] == ["user", "assistant"]
    assert [run.id for run in client.beta.threads.runs.list(thread.id)] == [answered.id]


CREATION = list(product(("TransactWriteItems", "StartExecution"), FAULTS))


@pytest.mark.parametrize(("operation", "kind"), CREATION)
def test_a_run_whose_creation_is_disturbed_is_one_run(side_by_side: Try, operation: str, kind: str) -> None:
    side_by_side(creation, CREATION, (operation, kind))


def submission(driver: Driver, client: openai.OpenAI, aws_proxy: AwsProxy, operation: str, kind: str) -> None:
    run = driver.begin("call ask {}")
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    about = str(waiting.task_token) if operation == "SendTaskSuccess" else run.thread_id
    with aws_proxy.fault(FAULTS[kind], operation, function="stream", about=about):
        try:
            answered = client.beta.threads.runs.submit_tool_outputs(
                run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call["id"], "output": "here"}]
            )
            assert answered.id == run.id
        except openai.BadRequestError as error:
            # The first try had recorded them, so the second is a repeated submission.
            assert "do not accept tool outputs" in error.message
            assert (operation, kind) != ("TransactWriteItems", "dies before")
    sweep_until(driver, run, *TERMINAL)
    assert driver.ended(run, "completed").turn == 2
    found = records(driver, run.thread_id, run.id)
    assert found["steps"][0]["calls"] == [("ask", "here")]


SUBMISSION = list(product(("TransactWriteItems", "SendTaskSuccess"), FAULTS))


@pytest.mark.parametrize(("operation", "kind"), SUBMISSION)
def test_outputs_whose_submission_is_disturbed_are_recorded_once(side_by_side: Try, operation: str, kind: str) -> None:
    side_by_side(submission, SUBMISSION, (operation, kind))


def cancelling(driver: Driver, client: openai.OpenAI, aws_proxy: AwsProxy, operation: str, kind: str) -> None:
    run = driver.begin("call ask {}")
    waiting = driver.until(run, "requires_action")
    about = str(waiting.task_token) if operation == "SendTaskSuccess" else run.thread_id
    with aws_proxy.fault(FAULTS[kind], operation, function="api", about=about):
        try:
            answered = client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
            assert answered.status in ("cancelling", "cancelled")
        except openai.BadRequestError as error:
            # The first try had done it all.
            assert "'cancelled'" in error.message
            assert kind != "dies before" or operation == "SendTaskSuccess"
    sweep_until(driver, run, *TERMINAL)
    driver.ended(run, "cancelled")
    assert driver.store.threads.get(run.thread_id).runs == 1


CANCELLING = list(product(("UpdateItem", "SendTaskSuccess"), FAULTS))


@pytest.mark.parametrize(("operation", "kind"), CANCELLING)
def test_a_run_whose_cancelling_is_disturbed_is_cancelled(side_by_side: Try, operation: str, kind: str) -> None:
    side_by_side(cancelling, CANCELLING, (operation, kind))


# The sweeper


def never_started(driver: Driver) -> Run:
    return driver.created("say Found.")


def not_woken(driver: Driver) -> Run:
    run = driver.begin("call ask {}")
    waiting = driver.until(run, "requires_action")
    [call] = driver.waiting_calls(waiting)
    given = [{"tool_call_id": call["id"], "output": "here"}]
    return control.submit_tool_outputs(driver.store, run.thread_id, run.id, given, now_ms())


def lost_before_the_outputs_were_taken(driver: Driver) -> Run:
    run = not_woken(driver)
    driver.step_functions.stop_execution(executionArn=driver.execution(run))
    return run


def stopped(driver: Driver) -> Run:
    run = driver.begin("call ask {}")
    driver.until(run, "requires_action")
    driver.step_functions.stop_execution(executionArn=driver.execution(run))
    return run


def overdue(driver: Driver) -> Run:
    run = driver.created("say Never.")
    driver.expire(run)
    return run


def cancelled_before_it_started(driver: Driver) -> Run:
    run = driver.created("say Never.")
    return control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms()))


SWEPT: list[tuple[Callable[[Driver], Run], tuple[str, ...], str]] = [
    (never_started, ("StartExecution",), "completed"),
    (not_woken, ("SendTaskSuccess", "UpdateItem"), "completed"),
    (lost_before_the_outputs_were_taken, ("UpdateItem", "StartExecution"), "completed"),
    (stopped, ("TransactWriteItems",), "failed"),
    (overdue, ("TransactWriteItems",), "expired"),
    (cancelled_before_it_started, ("TransactWriteItems",), "cancelled"),
]
"""How a run came to need the sweeper, what the sweeper then writes, and how the run ends."""


@pytest.fixture(scope="module")
def no_events(driver: Driver) -> Iterator[None]:
    """No event and no minute brings the sweeper: the tests alone invoke it."""
    events: Any = driver.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"] if rule["State"] == "ENABLED"]
    for rule in rules:
        events.disable_rule(Name=rule)
    yield
    for rule in rules:
        events.enable_rule(Name=rule)


def sweep(
    driver: Driver,
    _: openai.OpenAI,
    aws_proxy: AwsProxy,
    lost: Callable[[Driver], Run],
    operation: str,
    status: str,
    kind: str,
) -> None:
    run = lost(driver)
    about = str(run.task_token) if operation == "SendTaskSuccess" else run.thread_id
    with aws_proxy.fault(FAULTS[kind], operation, function="sweeper", about=about):
        driver.client("lambda").invoke(
            FunctionName=driver.function_name("sweeper"), Payload=b'{"name": "%s"}' % run.execution.encode()
        )
    sweep_until(driver, run, *TERMINAL)
    driver.ended(run, status)
    found = records(driver, run.thread_id, run.id)
    assert (found["thread"][1], found["directory"]["runs"], found["open"]) == (1, 1, False)


SWEEPS = [
    (lost, operation, status, kind) for lost, operations, status in SWEPT for operation in operations for kind in FAULTS
]


@pytest.mark.parametrize(("lost", "operation", "status", "kind"), SWEEPS)
def test_a_sweep_that_is_disturbed_is_made_good_by_the_next(
    no_events: None, side_by_side: Try, lost: Callable[[Driver], Run], operation: str, status: str, kind: str
) -> None:
    side_by_side(sweep, SWEEPS, (lost, operation, status, kind))
