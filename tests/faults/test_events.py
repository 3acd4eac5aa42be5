"""Every change of a run's status becomes an event: on the bus, and in order at the webhook, whatever fails."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL, TRANSITIONS
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import RunUsage
from assistant_engine.runs import control, executions
from assistant_engine.runtime.clock import now_ms
from assistants import events
from local import up as local
from local.paths import ROOT
from tests.support.aws_proxy import DIES_AFTER, DIES_BEFORE, FORBIDDEN, LOST, TOO_MANY, AwsProxy
from tests.support.canaries import canary, found_in_log, remember
from tests.support.driver import Driver
from tests.support.project import shown_in
from tests.support.webhook_receiver import Delivery, WebhookReceiver, set_mapping

pytestmark = pytest.mark.offline_model

ASKED = ("say {}", 'then get_stock_price {{"symbol": "ACME"}}\nsay {}', "then ask {{}}\nsay {}", "fail 400\nsay {}")
SECONDS = 300
EVENTS = ROOT / "docs" / "events.md"


@dataclass
class Bus:
    """Holds what a rule on the stack's bus has put into a queue: the events' details, and all of it as text."""

    queue: str
    details: list[Json]
    text: str = ""

    def of(self, run: Run) -> list[Json]:
        """The events of a run by their sequence; what came twice is the same."""
        events: dict[int, Json] = {}
        for detail in self.details:
            if detail["run_id"] == run.id:
                assert events.setdefault(detail["sequence"], detail) == detail
        return [events[number] for number in sorted(events)]


@pytest.fixture(scope="module")
def bus(driver: Driver) -> Iterator[Bus]:
    """The rule that docs/events.md shows, and its queue, which is read all the time."""
    events, sqs, name = driver.client("events"), driver.client("sqs"), driver.outputs["EventBus"]
    url = sqs.create_queue(QueueName="run-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    exec(shown_in(EVENTS)["rule"], {"json": json, "events": events, "bus": name, "queue_arn": arn})  # noqa: S102
    made, over = Bus(url, []), threading.Event()

    def read() -> None:
        while not over.is_set():
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                made.text += message["Body"]
                made.details.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    reader = threading.Thread(target=read)
    reader.start()
    yield made
    over.set()
    reader.join()
    events.remove_targets(Rule="runs", EventBusName=name, Ids=["queue"])
    events.delete_rule(Name="runs", EventBusName=name)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def delivering(stack: local.Local, webhook: WebhookReceiver) -> Iterator[WebhookReceiver]:
    """The webhook's receiver, while the stack delivers to it: the events of this module's runs alone."""
    sqs, prefix = stack.client("sqs"), stack.outputs["EventBus"]
    secret = remember(webhook.secret)
    stack.client("secretsmanager").put_secret_value(SecretId=stack.outputs["WebhookSecret"], SecretString=secret)
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=f"{prefix}-webhook.fifo")["QueueUrl"])
    set_mapping(stack, "deliver_webhook", Enabled=True)
    yield webhook
    set_mapping(stack, "deliver_webhook", Enabled=False)


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def begun(driver: Driver, assistant_id: str, number: int) -> Run:
    """Start one of the runs that go on at once, each kind in turn."""
    return driver.begin(ASKED[number % len(ASKED)].format(canary("said")), assistant_id=assistant_id)


def all_ended(driver: Driver, started: list[Run]) -> list[Run]:
    """The runs at their ends; of those that ask their client, every other one is cancelled."""
    ended: dict[str, Run] = {}

    def look() -> bool:
        for number, begun in enumerate(started):
            run = ended.get(begun.id) or driver.store.runs.get(begun.thread_id, begun.id)
            if run.status in TERMINAL:
                ended[run.id] = run
            elif run.status == "requires_action" and number % 8 > 3:
                executions.wake(
                    driver.step_functions,
                    control.cancel(driver.store, run.thread_id, run.id, seconds_of(now_ms())),
                )
            elif run.status == "requires_action":
                driver.submit(run, {call["id"]: canary("output") for call in driver.waiting_calls(run)})
        return len(ended) == len(started)

    until(look)
    return list(ended.values())


def cancelled_at_once(driver: Driver, **more: Any) -> Run:
    """A run that had four statuses within milliseconds."""
    run, now = driver.created(f"say {canary('said')}", **more), now_ms()
    run, _ = driver.store.transitions.begin_attempt(run, now)
    run = driver.store.transitions.request_cancel(run, seconds_of(now))
    return driver.store.transitions.settle(run, None, "cancelled", RunUsage(), now)[0]


def examine(run: Run, events: list[Json]) -> None:
    """Hold a run's events against its record and the lifecycle: none is missing, each follows from the one before."""
    assert [event["sequence"] for event in events] == list(range(1, run.sequence + 1))
    assert (events[0]["status"], events[0]["previous_status"]) == ("queued", None)
    for before, after in pairwise(events):
        assert after["previous_status"] == before["status"]
        assert after["status"] in TRANSITIONS[before["status"]]
        assert before["usage"] is None
    end = events[-1]
    assert end["status"] == run.status in TERMINAL
    assert end["usage"] == run.account.usage.api()
    assert end["last_error"] == ({"code": run.last_error["code"]} if run.last_error else None)
    ids = {"project": run.project, "thread_id": run.thread_id, "assistant_id": run.assistant_id}
    assert ids.items() <= end.items()


def delivered(run: Run, webhook: WebhookReceiver) -> list[Delivery]:
    """Return what the receiver got of a run, taken or not."""
    return [each for each in list(webhook.journal) if each.body["data"]["run_id"] == run.id]


def taken(run: Run, webhook: WebhookReceiver) -> list[Delivery]:
    return [each for each in delivered(run, webhook) if each.taken]


def examine_deliveries(run: Run, webhook: WebhookReceiver, events: list[Json]) -> None:
    """Hold what the receiver got of a run against its events: all, each when the one before it was taken."""
    bodies = [each.body for each in taken(run, webhook)]
    assert [body["data"] for body in bodies] == events
    assert [body["type"] for body in bodies] == [f"thread.run.{event['status']}" for event in events]
    tried = [each.body["data"]["sequence"] for each in delivered(run, webhook)]
    assert tried == sorted(tried)
    for each in delivered(run, webhook):
        assert each.name == f"{run.id}-{each.body['data']['sequence']}"


def all_at_once(driver: Driver, bus: Bus, webhook: WebhookReceiver, count: int, seconds: float) -> None:
    """Many runs at once, at whose webhook nobody takes anything for some seconds."""
    began, assistant_id = time.monotonic(), driver.assistant(instructions=canary("instructions"))

    def refused() -> int:
        return sum(
            each.body["data"]["assistant_id"] == assistant_id for each in list(webhook.journal) if not each.taken
        )

    with webhook.failing(about=assistant_id):
        with ThreadPoolExecutor(8) as pool:
            started = list(pool.map(partial(begun, driver, assistant_id), range(count)))
        until(lambda: time.monotonic() > began + seconds and refused() >= count)
        refusals = refused()
    ended = all_ended(driver, started)
    until(lambda: all(len(bus.of(run)) == run.sequence for run in ended))
    until(lambda: all(len(taken(run, webhook)) == run.sequence for run in ended))
    for run in ended:
        examine(run, bus.of(run))
        examine_deliveries(run, webhook, bus.of(run))
    assert webhook.unverified == 0
    assert {"completed", "failed", "cancelled"} == {run.status for run in ended}
    assert found_in_log(bus.text + "".join(each.text for each in webhook.journal)) == []
    events, lasted = sum(run.sequence for run in ended), time.monotonic() - began
    print(f"{count} runs, {events} events, {refusals} deliveries refused, {lasted:.0f} s")


def waiting(driver: Driver, queue: str) -> int:
    """Return how many messages wait in one of the stack's queues."""
    counted = "ApproximateNumberOfMessages"
    found = driver.client("sqs").get_queue_attributes(QueueUrl=driver.queue_url(queue), AttributeNames=[counted])
    return int(found["Attributes"][counted])


@pytest.fixture(scope="module")
def untaken(driver: Driver, delivering: WebhookReceiver) -> Iterator[tuple[Run, ExitStack]]:
    """A run none of whose events the receiver takes, and what makes it so, to be closed.

    Each is given up after one delivery instead of 100. That takes two seconds, and the next one's turn comes then.
    """
    sqs, url, assistant_id = driver.client("sqs"), driver.queue_url("webhook.fifo"), driver.assistant()
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]

    def set_policy(policy: str) -> None:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})

    with ExitStack() as refusing:
        refusing.callback(set_policy, policy)
        set_policy(json.dumps({**json.loads(policy), "maxReceiveCount": 1}))
        refusing.enter_context(delivering.failing(about=assistant_id))
        yield cancelled_at_once(driver, assistant_id=assistant_id), refusing


def given_up(driver: Driver, untaken: tuple[Run, ExitStack]) -> Run:
    """Return the run as soon as all of its events are given up; from then on the receiver takes what it gets."""
    run, refusing = untaken
    until(lambda: waiting(driver, "webhook-dead-letters.fifo") == run.sequence)
    refusing.close()
    return run


ATTEMPTS = 5
"""How often the client of AWS asks before it gives up."""

FAULTS = [
    (DIES_BEFORE, "PutEvents", 1),
    (DIES_AFTER, "PutEvents", 1),
    (DIES_BEFORE, "SendMessageBatch", 1),
    (DIES_AFTER, "SendMessageBatch", 1),
    (LOST, "SendMessageBatch", 1),
    (TOO_MANY, "PutEvents", ATTEMPTS),
    (FORBIDDEN, "SendMessageBatch", 1),
]


def loses_no_event(
    stack: local.Local, driver: Driver, bus: Bus, delivering: WebhookReceiver, aws_proxy: AwsProxy
) -> None:
    """A publisher that dies or is refused in the midst of a batch loses no event.

    Each run has all its changes in one batch of the stream, written faster than anybody reads them.
    """
    set_mapping(stack, "publish_run_events", Enabled=False)
    ended = [cancelled_at_once(driver) for _ in FAULTS]
    [throttled] = [run for run, (fault, *_) in zip(ended, FAULTS, strict=True) if fault == TOO_MANY]
    rules = [
        aws_proxy.add(fault, operation, function="publish_run_events", about=run.thread_id, nth=3, times=times)
        for run, (fault, operation, times) in zip(ended, FAULTS, strict=True)
    ]
    with aws_proxy.recording(throttled.thread_id) as calls:
        set_mapping(stack, "publish_run_events", Enabled=True)
        until(lambda: all(len(bus.of(run)) == run.sequence for run in ended))
    until(lambda: all(rule.seen == rule.nth + rule.times - 1 for rule in rules))
    assert not any(rule.survived for rule in rules)
    aws_proxy.remove(*rules)
    in_a_row = [len([*same]) for name, same in groupby(call.operation for call in calls) if name == "PutEvents"]
    assert max(in_a_row) == ATTEMPTS, "the client gave up: the queue was asked next, and not the bus once more"
    until(lambda: all(len(taken(run, delivering)) == run.sequence for run in ended))
    for run in ended:
        examine(run, bus.of(run))
        examine_deliveries(run, delivering, bus.of(run))


@pytest.fixture(scope="module")
def faulty(
    stack: local.Local,
    driver: Driver,
    bus: Bus,
    delivering: WebhookReceiver,
    aws_proxy: AwsProxy,
    untaken: tuple[Run, ExitStack],
) -> Iterator[Future[None]]:
    """Have the publisher die and be refused, as soon as a run is begun that is given up; return what comes of it."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(loses_no_event, stack, driver, bus, delivering, aws_proxy)


@pytest.mark.usefixtures("faulty")  # Goes on meanwhile.
def test_every_change_is_on_the_bus_and_a_webhook_that_failed_gets_all_in_order(
    driver: Driver, bus: Bus, delivering: WebhookReceiver, untaken: tuple[Run, ExitStack]
) -> None:
    given_up(driver, untaken)
    all_at_once(driver, bus, delivering, count=16, seconds=3)


@pytest.mark.soak
@pytest.mark.usefixtures("few_workers")
def test_two_hundred_runs_at_once_and_a_webhook_that_fails_for_a_minute(
    driver: Driver, bus: Bus, delivering: WebhookReceiver
) -> None:
    all_at_once(driver, bus, delivering, count=200, seconds=60)


def test_a_publisher_that_dies_or_is_refused_in_the_midst_of_a_batch_loses_no_event(faulty: Future[None]) -> None:
    faulty.result()


def test_what_was_given_up_is_published_again(
    stack: local.Local,
    driver: Driver,
    bus: Bus,
    delivering: WebhookReceiver,
    aws_proxy: AwsProxy,
    untaken: tuple[Run, ExitStack],
    faulty: Future[None],
) -> None:
    """Given up sooner than the stack's own limits of 12 hours and 100 deliveries."""
    prefix = driver.outputs["EventBus"]
    wait([faulty])
    run = given_up(driver, untaken)
    set_mapping(stack, "publish_run_events", Enabled=False, MaximumRecordAgeInSeconds=1)
    refused = cancelled_at_once(driver)
    rule = aws_proxy.add(FORBIDDEN, "PutEvents", function="publish_run_events", about=refused.thread_id, times=1000)
    set_mapping(stack, "publish_run_events", Enabled=True)
    until(lambda: waiting(driver, "events-dead-letters") >= 1)
    aws_proxy.remove(rule)
    set_mapping(stack, "publish_run_events", MaximumRecordAgeInSeconds=12 * 3600)

    assert events.return_to_webhook(driver.client, prefix) == run.sequence
    until(lambda: events.republish_to_bus(driver.client, prefix) == 0 and len(bus.of(refused)) == refused.sequence)
    examine(refused, bus.of(refused))
    until(lambda: len(taken(run, delivering)) == run.sequence)
    assert [each.body["data"] for each in taken(run, delivering)] == bus.of(run)
