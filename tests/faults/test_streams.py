"""Runs that stream, without a client: what their logs tell, whatever happens to a step, a model or a reader."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import httpx2
import pytest

from assistant_engine.domain import accounting
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.stream import START
from assistant_engine.model.response import read_turn
from assistant_engine.runs.live_turn import LiveTurn
from assistant_engine.runtime.clock import now_ms
from tests.support import responses
from tests.support.aws_proxy import DIES_AFTER, DIES_BEFORE, LOST, THROTTLED, AwsProxy
from tests.support.driver import Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.streamed import BEGUN, CALLS, MESSAGE, SAID, Streamed, lines, told

pytestmark = pytest.mark.offline_model

WORDS = "One two three four five six seven eight nine ten."
ANSWER = responses.response(responses.text(WORDS))
LONG = " ".join([WORDS] * 5)
LONG_ANSWER = responses.response(responses.text(LONG))
PLAIN = ["created", "run.created", *BEGUN, *MESSAGE, "message.delta", *SAID, "run.completed"]


@pytest.fixture
def marker() -> str:
    """A text that stands in the requests of one test's run alone."""
    return f"marker-{uuid.uuid4()}"


FAULTS = {"dies before": DIES_BEFORE, "dies after": DIES_AFTER, "answer lost": LOST, "throttled": THROTTLED}


@pytest.fixture(scope="module", autouse=True)
def meanwhile(driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy) -> Iterator[dict[Any, Future[Any]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    # A run that expires, and three that are at work.
    with ThreadPoolExecutor(4) as pool:

        def begun(look: Callable[..., Any], *more: Any) -> Future[Any]:
            return pool.submit(look, driver, model_server, aws_proxy, f"marker-{uuid.uuid4()}", *more)

        yield {
            "expires": begun(expires),
            "twice": begun(delivered_twice),
            **{kind: begun(told_again, kind) for kind in ("cut", "dies")},
            **{
                (operation, kind, nth): begun(met_by_a_fault, operation, kind, nth)
                for operation in ("PutItem", "TransactWriteItems")
                for kind in FAULTS
                for nth in (1, 2)
            },
        }
        pool.shutdown(cancel_futures=True)


def said(driver: Driver, streamed: Streamed, thread_id: str) -> None:
    """Fail unless the stream's messages that were completed are those that are stored."""
    stored = {each["id"]: each for each in driver.messages(thread_id) if each["role"] == "assistant"}
    completed = {made: data for made, data in streamed.completed.items() if made.startswith("msg_")}
    shown = {made: data for made, data in completed.items() if made in stored}
    assert shown == stored
    assert all(data["status"] == "incomplete" for made, data in completed.items() if made not in stored)


def test_a_plain_answer_is_told_as_it_is_written(driver: Driver, model_server: ModelServer, marker: str) -> None:
    model_server.when(marker, [Behaviour(events=responses.events(ANSWER), gap=0.1)])
    run = driver.begin(f"say {marker}", stream=True)
    streamed = told(driver.store, run)
    assert streamed.names == PLAIN
    assert list(streamed.texts.values()) == [WORDS]
    assert len(streamed.data("message.delta")) >= 3  # a second of words, in batches of a quarter of one
    driver.ended(run, "completed")
    said(driver, streamed, run.thread_id)
    assert sorted(streamed.cursors) == streamed.cursors


def test_a_run_that_does_not_stream_has_no_log(driver: Driver) -> None:
    run = driver.begin("say Hello.")
    driver.ended(run, "completed")
    assert driver.store.log.tail(run).position == 0
    assert list(driver.store.log.read(run, 0)) == []


def test_the_last_words_are_written_with_the_turn_and_the_log_is_not_read_for_it(
    driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy, marker: str
) -> None:
    model_server.when(marker, [Behaviour(events=responses.events(ANSWER))])
    run = driver.created(f"say {marker}", stream=True)
    with aws_proxy.recording(run.thread_id) as calls:
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        driver.ended(run, "completed")
    [*_, (_, last)] = driver.store.log.read(run, 0)
    assert [entry["event"] for entry in last] == [
        *("thread.message.delta", "thread.message.delta", "thread.message.completed"),
        *("thread.run.step.completed", "thread.run.completed"),
    ]
    assert WORDS.endswith(last[0]["delta"]["content"][0]["text"]["value"])
    assert told(driver.store, run).texts.popitem()[1] == WORDS
    made = [call for call in calls if call.function.endswith("in_progress")]
    assert made and not [call for call in made if call.operation == "Query" and f"events#{run.id}" in call.body]


def test_what_an_end_shows_is_read_together(
    driver: Driver, api: httpx2.Client, model_server: ModelServer, aws_proxy: AwsProxy, marker: str
) -> None:
    """The message, the step and the run of an end come with one request of the streaming function."""
    model_server.when(marker, [Behaviour(events=responses.events(ANSWER))])
    run = driver.begin(f"say {marker}", stream=True)
    driver.ended(run, "completed")
    with aws_proxy.recording(run.thread_id) as calls:
        answer = api.get(f"/threads/{run.thread_id}/runs/{run.id}/stream")
    streamed = Streamed()
    for name, data, cursor in lines([answer.content]):
        streamed.add(name, data, cursor)
    assert streamed.names == PLAIN and streamed.done
    [message] = streamed.data("message.completed")
    [step] = streamed.data("run.step.completed")
    read = [call for call in calls if call.function.endswith("stream") and call.operation.endswith("GetItem")]
    [together] = [call for call in read if call.operation == "BatchGetItem"]
    assert all(each in together.body for each in (message["id"], step["id"], run.id))
    assert not [
        call for call in read if call is not together and (message["id"] in call.body or step["id"] in call.body)
    ]


def test_an_attempt_that_is_overtaken_before_its_last_words_is_told_anew(driver: Driver, marker: str) -> None:
    store, run = driver.store, driver.created(f"say {marker}", stream=True)
    run, tail = store.transitions.begin_attempt(run, now_ms())
    live = LiveTurn(store, run, tail, [])
    for event in responses.events(ANSWER)[:-1]:
        live.hear(event)
    turn = read_turn(ANSWER, run.assistant_id, run.id, seconds_of(now_ms()))
    announced, tail = live.finish(turn)
    assert announced and announced.rest
    store.transitions.begin_attempt(store.runs.get(run.thread_id, run.id), now_ms())
    account = accounting.closed(run, accounting.with_turn(run, turn, None, 0), now_ms())
    store.transitions.store_turn(run, turn, [], [], account, now_ms(), announced, tail)
    streamed = told(store, run)
    assert streamed.names == [
        *("created", "run.created", *BEGUN, *MESSAGE, "message.delta", "message.incomplete", "run.step.failed"),
        *(*MESSAGE, "message.delta", *SAID, "run.completed"),
    ]
    assert list(streamed.texts.values()) == ["One ", WORDS]
    said(driver, streamed, run.thread_id)


def test_a_run_request_may_ask_for_a_stream(driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "say Hello.", stream=True)
    output = driver.run(execution)
    run = driver.store.runs.get(output["thread_id"], output["run_id"])
    assert told(driver.store, run).names == PLAIN


def test_a_server_that_does_not_stream_is_told_of_in_one_delta(
    driver: Driver, model_server: ModelServer, marker: str
) -> None:
    model_server.when(marker, [Behaviour(body=ANSWER)])
    run = driver.begin(f"say {marker}", stream=True)
    streamed = told(driver.store, run)
    assert streamed.names == PLAIN
    assert len(streamed.data("message.delta")) == 1


def test_calls_of_both_sides_and_a_wait_for_the_client(driver: Driver) -> None:
    run = driver.begin('then get_stock_price {"symbol": "ACME"}\nthen ask {"a": "b c"}\nsay Done.', stream=True)
    streamed = told(driver.store, run)
    assert streamed.names == [
        *("created", "run.created", *BEGUN),
        *(*CALLS, "run.step.delta", "run.step.completed"),
        *(*CALLS, "run.step.delta", "run.requires_action"),
    ]
    [served, asked] = [data["id"] for data in streamed.data("run.step.created")]
    assert streamed.calls(served)[0]["function"]["arguments"] == '{"symbol": "ACME"}'
    assert streamed.completed[served] == driver.steps(run.thread_id, run.id)[0]
    [action] = streamed.data("run.requires_action")
    [call] = action["required_action"]["submit_tool_outputs"]["tool_calls"]
    [told_call] = streamed.calls(asked)
    assert (call["id"], call["function"]["arguments"]) == (told_call["id"], told_call["function"]["arguments"])
    waiting = driver.until(run, "requires_action")
    before = driver.store.log.tail(waiting).position
    driver.submit(waiting, {call["id"]: "the client's"})
    rest = told(driver.store, waiting, type(START)(before, 0))
    assert rest.names == ["run.step.completed", *BEGUN, *MESSAGE, "message.delta", *SAID, "run.completed"]
    driver.ended(run, "completed")
    # Who reads it all later sees what was true then.
    whole = told(driver.store, run)
    assert whole.names == [*streamed.names, *rest.names]
    assert whole.events[: len(streamed.events)] == streamed.events
    assert [data["status"] for data in whole.data("run.created")] == ["queued"]


def test_a_mixed_turn_opens_one_step_after_the_other(driver: Driver, model_server: ModelServer, marker: str) -> None:
    mixed = responses.response(responses.text("I look that up."), responses.calls("ask", '{"a": 1}', "call_m"))
    model_server.when(marker, [Behaviour(events=responses.events(mixed))])
    run = driver.begin(f"say {marker}", stream=True)
    streamed = told(driver.store, run)
    assert streamed.names == [
        *("created", "run.created", *BEGUN, *MESSAGE, "message.delta", *SAID),
        *(*CALLS, "run.step.delta", "run.requires_action"),
    ]
    assert streamed.calls(streamed.data("run.step.created")[1]["id"])[0]["function"]["arguments"] == '{"a": 1}'
    waiting = driver.until(run, "requires_action")
    driver.submit(waiting, {"call_m": "x"})
    driver.ended(run, "completed")
    said(driver, told(driver.store, run), run.thread_id)


def told_again(driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy, marker: str, kind: str) -> None:
    """A turn that dies after its deltas is told again with new ids."""
    behaviour = Behaviour(events=responses.events(ANSWER), gap=0.15, close="within" if kind == "cut" else None)
    model_server.when(marker, [behaviour, Behaviour(events=responses.events(ANSWER))])
    run = driver.created(f"say {marker}", stream=True)
    about: Any = {"function": "in_progress", "about": run.thread_id}
    with aws_proxy.fault(DIES_BEFORE, "PutItem", nth=3, **about) if kind == "dies" else nullcontext():
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        streamed = told(driver.store, run)
    assert streamed.names == [
        *("created", "run.created", *BEGUN, *MESSAGE, "message.delta", "message.incomplete", "run.step.failed"),
        *(*MESSAGE, "message.delta", *SAID, "run.completed"),
    ]
    broken, whole = streamed.texts.values()
    assert whole == WORDS and WORDS.startswith(broken) and broken not in ("", WORDS)
    assert len(set(streamed.texts)) == 2
    run = driver.ended(run, "completed")
    assert (run.attempts, run.turn) == (2, 1)
    said(driver, streamed, run.thread_id)


@pytest.mark.parametrize("kind", ["cut", "dies"])
def test_a_turn_that_dies_after_its_deltas_is_told_again_with_new_ids(
    meanwhile: dict[Any, Future[Any]], kind: str
) -> None:
    meanwhile[kind].result()


def test_a_run_that_is_cancelled_while_it_speaks(driver: Driver, model_server: ModelServer, marker: str) -> None:
    model_server.when(marker, [Behaviour(events=responses.events(LONG_ANSWER), gap=0.3)])
    run = driver.begin(f"say {marker}", stream=True)
    driver._until(lambda: driver.store.log.tail(run).position, lambda position: position >= 4, 60)
    driver.cancel(run)
    streamed = told(driver.store, run)
    assert streamed.names[-4:] == ["run.cancelling", "message.incomplete", "run.step.cancelled", "run.cancelled"]
    [incomplete] = streamed.data("message.incomplete")
    assert incomplete["incomplete_details"] == {"reason": "run_cancelled"}
    assert LONG.startswith(streamed.texts[incomplete["id"]])
    driver.ended(run, "cancelled")


def expires(driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy, marker: str) -> Streamed:
    """Return what a run tells that expires while it speaks."""
    model_server.when(marker, [Behaviour(events=responses.events(LONG_ANSWER), gap=0.5)])
    return told(driver.store, driver.begin(f"say {marker}", stream=True, expires_after=10))


def test_a_run_that_expires_and_one_that_fails(
    driver: Driver, model_server: ModelServer, marker: str, meanwhile: dict[Any, Future[Any]]
) -> None:
    error = {"type": "error", "code": "bad", "message": "No."}
    model_server.when(marker, [Behaviour(events=[*responses.events(ANSWER)[:6], error])])
    fails = driver.begin(f"say {marker}", stream=True)
    assert told(driver.store, fails).names[-3:] == ["message.incomplete", "run.step.failed", "run.failed"]
    assert meanwhile["expires"].result().names[-3:] == ["message.incomplete", "run.step.expired", "run.expired"]


def met_by_a_fault(
    driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy, marker: str, operation: str, kind: str, nth: int
) -> None:
    """A fault at a write of a log loses nothing and doubles nothing."""
    model_server.when(marker, [Behaviour(events=responses.events(ANSWER), gap=0.1)] * 4)
    run = driver.created(f"say {marker}", stream=True)
    with aws_proxy.fault(FAULTS[kind], operation, nth=nth, about=run.thread_id, function="in_progress"):
        driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        streamed = told(driver.store, run)
    driver.ended(run, "completed", seconds=300)
    said(driver, streamed, run.thread_id)
    assert [text for made, text in streamed.texts.items() if streamed.completed[made]["status"] == "completed"] == [
        WORDS
    ]
    assert told(driver.store, run).events == streamed.events


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems"])
def test_a_fault_at_a_write_of_a_log_loses_nothing_and_doubles_nothing(
    meanwhile: dict[Any, Future[Any]], operation: str, kind: str
) -> None:
    for nth in (1, 2):
        meanwhile[operation, kind, nth].result()


def delivered_twice(driver: Driver, model_server: ModelServer, aws_proxy: AwsProxy, marker: str) -> None:
    """A turn that is delivered twice at once is told once."""
    model_server.when(marker, [Behaviour(events=responses.events(ANSWER), gap=0.3)] * 3)
    run = driver.begin(f"say {marker}", stream=True)
    driver._until(lambda: driver.store.log.tail(run).position, lambda position: position >= 3, 60)
    event: Any = {
        "thread_id": run.thread_id,
        "run_id": run.id,
        "turn": 0,
        "execution": run.execution,
        "outputs": [],
    }
    second = threading.Thread(target=driver.invoke, args=("in_progress", event))
    second.start()
    streamed = told(driver.store, run)
    second.join(60)
    driver.ended(run, "completed")
    said(driver, streamed, run.thread_id)
    assert streamed.names.count("message.completed") == 1
    assert told(driver.store, run).events == streamed.events


def test_a_turn_that_is_delivered_twice_at_once_is_told_once(meanwhile: dict[Any, Future[Any]]) -> None:
    meanwhile["twice"].result()
