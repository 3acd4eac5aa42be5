"""Streams over HTTP that are cut: by their clients at random, or as the streaming function dies. Nothing is lost."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId, new_thread, new_thread_id
from assistant_engine.runtime.clock import now_ms
from tests.support import responses
from tests.support.aws_proxy import DIES_AFTER, DIES_BEFORE, LOST, THROTTLED, AwsProxy
from tests.support.background import in_background
from tests.support.driver import Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.streamed import Streamed, lines

pytestmark = pytest.mark.offline_model

CUTS = 10
"""Times that the stream of a run is cut, unless it ends before."""
WORDS = " ".join(f"word{number}" for number in range(40)) + "."
ANSWER = responses.events(responses.response(responses.text(WORDS)))
GAP = 0.05
"""Seconds between its events: a stream that was cut goes on to look for more, unheard, until its run ends."""

Events = list[tuple[str, Any, str]]

FAULTS: dict[str, dict[str, Any]] = {
    "deltas are throttled": {"fault": THROTTLED, "operations": ("PutItem",), "nth": 2, "times": 7},
    "none": {},
    "a step dies before a delta": {"fault": DIES_BEFORE, "operations": ("PutItem",), "nth": 3},
    "a step dies after a delta": {"fault": DIES_AFTER, "operations": ("PutItem",), "nth": 2},
    "a step dies as it ends": {"fault": DIES_AFTER, "operations": ("TransactWriteItems",), "nth": 2},
    "a delta's answer is lost": {"fault": LOST, "operations": ("PutItem",), "nth": 2},
    "the model cuts its answer": {},
}
"""The fault of a run's step, by name. The slowest comes first, so that it begins first."""


@pytest.fixture(scope="module", autouse=True)
def meanwhile(
    driver: Driver, api: httpx2.Client, model_server: ModelServer, aws_proxy: AwsProxy
) -> Iterator[dict[str, Future[None]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    with in_background(ended_by_throttling, killed, given=(driver, api, model_server, aws_proxy)) as futures:
        yield futures


def empty_thread(driver: Driver) -> ThreadId:
    now = now_ms()
    thread, _ = new_thread({}, new_thread_id(now, ""), now)
    driver.store.threads.create(thread, [])
    return thread.id


def request(driver: Driver, marker: str) -> Json:
    return {
        "assistant_id": driver.assistant(),
        "stream": True,
        "additional_messages": [{"role": "user", "content": f"say {marker}"}],
    }


def some(answer: httpx2.Response, events: int) -> Events:
    """The first events of an answer, then it is closed; all of them if there are no more."""
    read = b""
    for part in answer.iter_raw():
        read += part
        if read.count(b"\n\n") >= events:
            break
    answer.close()
    whole, _, _ = read.rpartition(b"\n\n")
    return list(lines([whole + b"\n\n"]))[:events]


def cut_and_joined(api: httpx2.Client, path: str, body: Json, chance: random.Random) -> tuple[Events, int]:
    """Return the events of a run whose stream is cut and joined where it was, and how often that was."""
    answer = api.send(api.build_request("POST", path, json=body), stream=True)
    assert answer.status_code == 200, answer.read()
    events = some(answer, chance.randint(2, 4))
    run = events[0][1]["id"]
    for cut in range(1, CUTS + 1):
        if events[-1][0] == "done":
            return events, cut - 1
        answer = api.send(
            api.build_request("GET", f"{path}/{run}/stream", headers={"Last-Event-ID": events[-1][2]}), stream=True
        )
        assert answer.status_code == 200, answer.read()
        events += some(answer, chance.randint(1, 3) if cut < CUTS else 10_000)
    return events, CUTS


@pytest.mark.parametrize(
    "runs", [pytest.param(len(FAULTS), id="each fault once"), pytest.param(20, id="20 runs", marks=pytest.mark.soak)]
)
def test_streams_that_are_cut_and_joined_lose_nothing_and_double_nothing(
    driver: Driver, api: httpx2.Client, model_server: ModelServer, aws_proxy: AwsProxy, runs: int
) -> None:
    chance = random.Random(16)

    def follow(number: int) -> int:
        kind = list(FAULTS)[number % len(FAULTS)]
        marker, thread_id = f"marker-{uuid.uuid4()}", empty_thread(driver)
        close: Any = "within" if kind == "the model cuts its answer" else None
        model_server.when(
            marker, [Behaviour(events=ANSWER, gap=GAP, close=close), *[Behaviour(events=ANSWER, gap=GAP)] * 3]
        )
        rules = []
        if fault := dict(FAULTS[kind]):
            failing, operations = fault.pop("fault"), fault.pop("operations")
            rules.append(aws_proxy.add(failing, *operations, function="in_progress", about=thread_id, **fault))
        path = f"/threads/{thread_id}/runs"
        events, joined = cut_and_joined(api, path, request(driver, marker), random.Random(chance.random()))
        assert events[-1][0] == "done", (kind, events[-1])
        run = driver.store.runs.get(thread_id, events[0][1]["id"])
        driver.ended(run, "completed")
        aws_proxy.remove(*rules)
        whole = list(lines(api.get(f"{path}/{run.id}/stream").iter_bytes()))
        assert events == whole, kind
        streamed = Streamed()
        for name, data, cursor in events:
            streamed.add(name, data, cursor)
        [message] = [each for each in driver.messages(thread_id) if each["role"] == "assistant"]
        assert streamed.texts[message["id"]] == WORDS == message["content"][0]["text"]["value"]
        return joined

    with ThreadPoolExecutor(4) as pool:
        joined = sum(pool.map(follow, range(runs)))
    print(f"{runs} runs, joined {joined} times.")
    assert joined > 5 * runs


def begun(driver: Driver, model_server: ModelServer) -> tuple[ThreadId, Json]:
    """A thread, and the request of a run on it that takes some seconds."""
    marker = f"marker-{uuid.uuid4()}"
    model_server.when(marker, [Behaviour(events=ANSWER, gap=0.1)])
    return empty_thread(driver), request(driver, marker)


def killed(driver: Driver, api: httpx2.Client, model_server: ModelServer, aws_proxy: AwsProxy) -> None:
    """A streaming function that is killed leaves the run to be joined."""
    thread_id, body = begun(driver, model_server)
    path = f"/threads/{thread_id}/runs"
    # Of a thread the function queries the log alone.
    with aws_proxy.fault(DIES_BEFORE, "Query", function="stream", about=thread_id, nth=12):
        answer = api.send(api.build_request("POST", path, json=body), stream=True)
        read = b""
        try:
            for part in answer.iter_raw():
                read += part
        except httpx2.TransportError:
            pass
        answer.close()
    before = list(lines([read.rpartition(b"\n\n")[0] + b"\n\n"]))
    assert before[-1][0] != "done"
    place = [cursor for *_, cursor in before if cursor][-1]
    before = [event for event in before if event[0] != "error"]
    rest = api.get(f"{path}/{before[0][1]['id']}/stream", headers={"Last-Event-ID": place})
    events = [*before, *lines([rest.content])]
    assert events == list(lines([api.get(f"{path}/{before[0][1]['id']}/stream").content]))
    assert events[-1][0] == "done"


def test_a_streaming_function_that_is_killed_leaves_the_run_to_be_joined(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["killed"].result()


def ended_by_throttling(driver: Driver, api: httpx2.Client, model_server: ModelServer, aws_proxy: AwsProxy) -> None:
    """A table that is throttled ends a stream with an error that says where to go on."""
    thread_id, body = begun(driver, model_server)
    path = f"/threads/{thread_id}/runs"
    with aws_proxy.fault(THROTTLED, "Query", function="stream", about=thread_id, nth=8, times=6):
        answer = api.post(path, json=body)
    *before, error = lines([answer.content])
    assert (error[0], error[1]["error"]["code"]) == ("error", "stream_broken")
    place = before[-1][2]
    assert place in error[1]["error"]["message"]
    rest = api.get(f"{path}/{before[0][1]['id']}/stream?starting_after={place}")
    events = [*before, *lines([rest.content])]
    assert events == list(lines([api.get(f"{path}/{before[0][1]['id']}/stream").content]))
    assert events[-1][0] == "done"


def test_a_table_that_is_throttled_ends_a_stream_with_an_error_that_says_where_to_go_on(
    meanwhile: dict[str, Future[None]],
) -> None:
    meanwhile["ended_by_throttling"].result()
