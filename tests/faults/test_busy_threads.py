"""A run on a thread that has an active run: refused or, where it may wait, carried out in its turn, whatever fails."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs import creation
from assistant_engine.runs.line import wait
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.projects import Settings
from assistant_engine.store.threads import MAX_WAITING
from tests.support.aws_proxy import FORBIDDEN, WRITE_FAULTS, AwsProxy
from tests.support.driver import Driver
from tests.support.records import item

pytestmark = pytest.mark.offline_model

WRITES = (("in_progress", 1), ("in_progress", 2), ("in_progress", 3), ("queued", 1))
"""Each write of the step that ends the run before, and those that let a run wait and in: the function, and which."""

ENDS = (("say Done.", "completed"), ("fail 400", "failed"), ("wait 300", "cancelled"))


@pytest.fixture(scope="module", autouse=True)
def meanwhile(driver: Driver, aws_proxy: AwsProxy) -> Iterator[dict[Any, Future[None]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    with ThreadPoolExecutor(4) as pool:

        def begun(look: Callable[..., None], *more: Any) -> Future[None]:
            return pool.submit(look, driver, *more)

        yield {
            "waits": begun(waits),
            "expires": begun(expires),
            **{end: begun(goes_on, text, end) for text, end in ENDS},
            **{
                (kind, *write): begun(gets_its_thread_under_a_fault, aws_proxy, kind, *write)
                for kind in WRITE_FAULTS
                for write in WRITES
            },
        }
        pool.shutdown(cancel_futures=True)


def holding(driver: Driver, text: str = "call ask {}") -> Run:
    """A run that holds its thread: it waits for its client."""
    run = driver.begin(text)
    return driver.until(run, "requires_action")


def queued(driver: Driver, thread_id: str, text: str, **more: Any) -> Run:
    """A run that waits for the thread, as the HTTP API starts it."""
    messages = [{"role": "user", "content": text}]
    request = {"assistant_id": driver.assistant(), "additional_messages": messages, "thread_busy": "queue", **more}
    run = creation.create(driver.store, request, now_ms(), thread=driver.store.threads.get(thread_id))
    assert (run.status, run.line) == ("queued", "waiting")
    driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    return run


def asleep(driver: Driver, run: Run) -> Run:
    """The run, once its execution waits with a token."""
    deadline = time.monotonic() + 120
    while (found := driver.store.runs.get(run.thread_id, run.id)).task_token is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def answer(driver: Driver, run: Run) -> None:
    """Let the run that holds the thread go on."""
    driver.submit(run, {call["id"]: "the client's" for call in driver.waiting_calls(run)})


def said(driver: Driver, thread_id: str) -> list[str]:
    return [message["content"][0]["text"]["value"].split("\n")[0] for message in driver.messages(thread_id)]


def test_a_run_that_may_wait_is_carried_out_after_the_run_before_it(driver: Driver) -> None:
    first = holding(driver, "call ask {}\nsay First.")
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    third = asleep(driver, queued(driver, first.thread_id, "say Third."))
    assert said(driver, first.thread_id) == ["call ask {}"], "what a run brings along waits with it"
    assert driver.store.threads.get(first.thread_id).line == (second.id, third.id)
    answer(driver, first)
    ends = [driver.until(run, *TERMINAL) for run in (first, second, third)]
    assert [run.status for run in ends] == ["completed"] * 3
    assert sorted(ends, key=lambda run: run.ended_ms or 0) == ends
    assert said(driver, first.thread_id)[1:] == ["First.", "say Second.", "Second.", "say Third.", "Third."]
    thread = driver.store.threads.get(first.thread_id)
    assert (thread.active_run, thread.line, thread.runs) == (None, (), 3)
    assert [run.reads[0] < run.reads[1] for run in ends] == [True] * 3
    assert ends[1].reads[1] <= ends[2].reads[0]


def waits(driver: Driver) -> None:
    """Waiting takes three states more and no polling."""
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    time.sleep(3)
    answer(driver, first)
    driver.ended(second, "completed")
    driver.wait(driver.execution(second))
    assert driver.states(driver.execution(second)) == [
        *("queued", "in_progress", "route", "wait_for_thread"),
        *("in_progress", "route", "completed"),
    ]


def test_waiting_takes_three_states_more_and_no_polling(meanwhile: dict[Any, Future[None]]) -> None:
    meanwhile["waits"].result()


def test_a_busy_thread_refuses_a_run_unless_it_or_its_project_says_otherwise(driver: Driver) -> None:
    first = holding(driver)
    thread = driver.store.threads.get(first.thread_id)
    request = {"assistant_id": driver.assistant(), "additional_messages": [{"role": "user", "content": "say Second."}]}
    with pytest.raises(InvalidRequest, match="already has an active run"):
        creation.create(driver.store, request, now_ms(), thread=thread)
    projects = driver.store.projects
    before = projects.settings()
    projects.set(Settings(before.own_ids, before.retention_days, "queue"))
    try:
        waiting = creation.create(driver.store, request, now_ms(), thread=thread)
        with pytest.raises(InvalidRequest, match="already has an active run"):
            creation.create(driver.store, {**request, "thread_busy": "reject"}, now_ms(), thread=thread)
    finally:
        projects.set(before)
    driver.start({"thread_id": waiting.thread_id, "run_id": waiting.id}, waiting.execution)
    answer(driver, first)
    driver.ended(waiting, "completed")


def test_a_line_has_an_end(driver: Driver) -> None:
    first = holding(driver)
    thread = driver.store.threads.get(first.thread_id)
    request = {"assistant_id": driver.assistant(), "thread_busy": "queue"}
    waiting = [creation.create(driver.store, request, now_ms(), thread=thread) for _ in range(MAX_WAITING)]
    with pytest.raises(InvalidRequest, match="the most there may be"):
        creation.create(driver.store, request, now_ms(), thread=thread)
    large = {**request, "additional_messages": [{"role": "user", "content": "x" * 250_000}]}
    with pytest.raises(InvalidRequest) as refused:
        creation.create(driver.store, large, now_ms(), thread=holding_thread(driver))
    assert refused.value.param == "additional_messages"
    for run in waiting:
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        driver.cancel(run)
    driver.cancel(first)
    for run in (first, *waiting):
        driver.until(run, "cancelled")
    assert driver.store.threads.get(first.thread_id).active_run is None


def holding_thread(driver: Driver) -> Any:
    return driver.store.threads.get(holding(driver).thread_id)


def expires(driver: Driver) -> None:
    """A run expires by its own clock while it waits."""
    first = holding(driver)
    second = queued(driver, first.thread_id, "say Never.", expires_after=3)
    third = queued(driver, first.thread_id, "say Third.")
    ended = driver.until(second, "expired", seconds=60)
    assert ended.ended_ms and ended.ended_ms >= 1000 * second.expires_at
    assert driver.store.threads.get(first.thread_id).line == (third.id,)
    assert "held" not in item(driver, first.thread_id, second.id)
    answer(driver, first)
    driver.ended(third, "completed")
    assert "say Never." not in said(driver, first.thread_id)


def test_a_run_expires_by_its_own_clock_while_it_waits(meanwhile: dict[Any, Future[None]]) -> None:
    meanwhile["expires"].result()


def test_a_run_is_cancelled_while_it_waits_for_its_thread(driver: Driver) -> None:
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Never."))
    third = queued(driver, first.thread_id, "say Third.")
    assert driver.cancel(second).status == "cancelling"
    driver.until(second, "cancelled")
    assert driver.store.threads.get(first.thread_id).line == (third.id,)
    answer(driver, first)
    driver.ended(third, "completed")


def goes_on(driver: Driver, text: str, end: str) -> None:
    """A run goes on when the run before it ends so."""
    first = driver.created(text)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    driver.start({"thread_id": first.thread_id, "run_id": first.id}, first.execution)
    if end == "cancelled":
        driver.until(first, "in_progress")
        driver.cancel(first)
    driver.until(first, end)
    driver.ended(second, "completed")


def test_a_run_goes_on_however_the_run_before_it_ends(meanwhile: dict[Any, Future[None]]) -> None:
    for _, end in ENDS:
        meanwhile[end].result()


def test_a_run_request_of_another_service_waits_too(driver: Driver) -> None:
    first = holding(driver)
    asked = driver.ask(driver.assistant(), "say Second.", thread_id=first.thread_id, thread_busy="queue")
    deadline = time.monotonic() + 60
    while "wait_for_thread" not in driver.states(asked):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    answer(driver, first)
    assert driver.run(asked)["messages"][0]["text"] == "Second."


def test_a_waiting_run_tells_of_its_turn_when_it_comes(driver: Driver, api: httpx2.Client) -> None:
    first = holding(driver)
    body = {
        "assistant_id": driver.assistant(),
        "additional_messages": [{"role": "user", "content": "say Second."}],
        "thread_busy": "queue",
        "stream": True,
    }
    told: list[str] = []
    with api.stream("POST", f"/threads/{first.thread_id}/runs", json=body) as events:
        assert events.status_code == 200
        for line in events.iter_lines():
            if line.startswith("event: "):
                told.append(line.removeprefix("event: "))
                if told == ["thread.run.created"]:
                    time.sleep(1)
                    answer(driver, first)
    runs = [event for event in told if event.startswith("thread.run.") and "step" not in event]
    assert runs == [f"thread.run.{name}" for name in ("created", "queued", "in_progress", "completed")]
    assert told[-1] == "done"


def test_the_same_key_at_once_makes_one_run_that_waits(driver: Driver, api: httpx2.Client) -> None:
    first = holding(driver)
    message = {"role": "user", "content": "say Second."}
    body = {"assistant_id": driver.assistant(), "thread_busy": "queue", "additional_messages": [message]}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    made = [api.post(f"/threads/{first.thread_id}/runs", json=body, headers=headers) for _ in range(2)]
    assert [each.status_code for each in made] == [200, 200]
    assert made[0].json()["id"] == made[1].json()["id"]
    assert len(driver.store.threads.get(first.thread_id).line) == 1
    answer(driver, first)
    driver.until(driver.store.runs.get(first.thread_id, made[0].json()["id"]), "completed")


def test_a_run_that_joins_as_the_run_before_it_ends_is_called(driver: Driver) -> None:
    """Whichever of the two is written first."""
    for _ in range(8):
        first = driver.begin("say First.")
        run = None
        deadline = time.monotonic() + 60
        while run is None or run.line is None:
            request = {"assistant_id": driver.assistant(), "thread_busy": "queue"}
            thread = driver.store.threads.get(first.thread_id)
            run = creation.create(driver.store, request, now_ms(), thread=thread)
            driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
            if driver.store.runs.get(first.thread_id, first.id).status in TERMINAL:
                break
            assert time.monotonic() < deadline
        for each in (first, run):
            driver.until(each, "completed")
    assert driver.store.threads.get(first.thread_id).active_run is None


def gets_its_thread_under_a_fault(driver: Driver, aws_proxy: AwsProxy, kind: str, function: str, nth: int) -> None:
    """A fault as a run gets its thread changes no record."""
    first = holding(driver)
    with aws_proxy.fault(WRITE_FAULTS[kind], function=function, about=first.thread_id, nth=nth):
        second = queued(driver, first.thread_id, "say Second.")
        if function == "queued":
            asleep(driver, second)
        answer(driver, first)
        ended = driver.until(second, *TERMINAL, seconds=240)
    assert ended.status == "completed", ended.last_error
    assert said(driver, first.thread_id)[-2:] == ["say Second.", "Second."]
    assert len(said(driver, first.thread_id)) == 4
    thread = driver.store.threads.get(first.thread_id)
    assert (thread.active_run, thread.line, thread.runs) == (None, (), 2)


@pytest.mark.parametrize("kind", WRITE_FAULTS)
def test_a_fault_as_a_run_gets_its_thread_changes_no_record(meanwhile: dict[Any, Future[None]], kind: str) -> None:
    for write in WRITES:
        meanwhile[kind, *write].result()


def test_a_run_whose_call_was_lost_is_woken_by_the_sweeper(driver: Driver, aws_proxy: AwsProxy) -> None:
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    about = second.task_token or ""
    with aws_proxy.fault(FORBIDDEN, "SendTaskSuccess", function="in_progress", about=about) as rule:
        answer(driver, first)
        assert rule.met.wait(120)
    called = driver.store.runs.get(second.thread_id, second.id)
    assert (called.line, called.status) == ("called", "queued")
    assert called.due_at <= time.time() + 30
    driver.sweep(called, at=int(time.time()))
    driver.ended(second, "completed")


def test_the_sweeper_leaves_a_run_that_waits_where_it_is(driver: Driver) -> None:
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    driver.sweep(second, at=int(time.time()))
    again = driver.store.runs.get(second.thread_id, second.id)
    assert (again.line, again.task_token) == ("waiting", second.task_token)
    assert again.due_at > seconds_of(now_ms())
    answer(driver, first)
    driver.ended(second, "completed")


def test_waiting_and_entering_twice_change_nothing(driver: Driver) -> None:
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    assert wait(driver.store, second.thread_id, second.id, second.task_token or "")
    store: Store = driver.store
    assert store.runs.enter(second, now_ms()).line == "waiting"
    answer(driver, first)
    ended = driver.ended(second, "completed")
    assert store.runs.enter(ended, now_ms()) == ended
    assert not wait(store, ThreadId(second.thread_id), second.id, "another")
    assert said(driver, first.thread_id)[-2:] == ["say Second.", "Second."]


def test_a_thread_that_was_left_without_a_holder_goes_to_the_first_in_its_line(driver: Driver) -> None:
    """As a run leaves it that ends on the code of a release before there were lines."""
    first = holding(driver)
    second = asleep(driver, queued(driver, first.thread_id, "say Second."))
    _hold(driver, first.thread_id, None)
    driver.sweep(second, at=int(time.time()))
    driver.ended(second, "completed")
    _hold(driver, first.thread_id, first.id)
    driver.cancel(first)
    driver.until(first, "cancelled")


def _hold(driver: Driver, thread_id: str, run_id: str | None) -> None:
    """Write which run holds a thread."""
    change: Json = {"UpdateExpression": "REMOVE active_run"}
    if run_id:
        change = {
            "UpdateExpression": "SET active_run = :run",
            "ExpressionAttributeValues": {":run": {"S": run_id}},
        }
    key = {"thread_id": {"S": thread_id}, "message_id": {"S": "thread"}}
    driver.client("dynamodb").update_item(TableName=driver.outputs["MessagesTable"], Key=key, **change)
