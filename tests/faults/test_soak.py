"""Many runs at once, with every kind of fault; and cancelling against completing, at every point of a run.

Each prints its seed: `SOAK_SEED=<seed> make soak` draws the same faults again.
"""

import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import Usage
from local import up as local
from tests.support.aws_proxy import BROKEN, CONFLICT, DIES_AFTER, DIES_BEFORE, LOST, THROTTLED, AwsProxy, Fault, Rule
from tests.support.canaries import canary, found_in_history, found_in_log
from tests.support.driver import Driver
from tests.support.model_server import CHAOS, ModelServer, Request
from tests.support.records import directory
from tests.support.totals import EVER, summed

pytestmark = [pytest.mark.offline_model, pytest.mark.soak, pytest.mark.usefixtures("few_workers")]

INTERLEAVINGS = 300
RUNS = 200
RATE = 0.1
"""The share of the runs that each kind of fault meets."""

SECONDS = 600
"""A run that has not ended by then never will."""


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("SOAK_SEED") or time.time())
    print(f"\nSOAK_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def client(stack: local.Local) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=stack.settings["ASSISTANTS_BASE_URL"],
        api_key=stack.settings["ASSISTANTS_API_KEY"],
        max_retries=10,
        timeout=60,
    )


def side_by_side(work: Callable[[int], Any], count: int, workers: int) -> list[Any]:
    """`work(0)`, `work(1)` ...; what each returned."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


# Cancelling against completing

CALLS_OF_A_RUN = 9
"""AWS calls of the functions that take a run to its end, roughly: where the cancelling comes in between."""


def test_of_cancelling_and_completing_the_first_stands(
    driver: Driver,
    client: openai.OpenAI,
    aws_proxy: AwsProxy,
    chance: random.Random,
    few_workers: dict[str, int],
) -> None:
    assistant = driver.assistant()
    points = [(chance.randint(1, CALLS_OF_A_RUN), chance.random() < 0.5) for _ in range(INTERLEAVINGS)]

    def race(number: int) -> tuple[str, bool]:
        """Cancel when the run's n-th AWS call is about to be made, or just when it is made; how that ended."""
        nth, while_held = points[number]
        run = driver.created("say Done.", assistant_id=assistant)
        let_go = threading.Event()
        operations = ("GetItem", "Query", "UpdateItem", "TransactWriteItems")
        held = aws_proxy.add(Fault(hold=let_go), *operations, about=run.thread_id, nth=nth, function="in_progress")
        try:
            driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
            while not held.met.wait(0.2) and driver.store.runs.get(run.thread_id, run.id).status not in TERMINAL:
                pass
            if not while_held:
                let_go.set()
            try:
                client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
                taken = True
            except openai.BadRequestError as error:
                assert "Cannot cancel run with status 'completed'" in error.message
                taken = False
        finally:
            let_go.set()
            aws_proxy.remove(held)
        ended = driver.ended(run, "cancelled" if taken else "completed", seconds=SECONDS)
        said = [message["role"] for message in driver.messages(run.thread_id)]
        assert said == (["user"] if taken else ["user", "assistant"])
        assert ended.turn == (0 if taken else 1)
        totals = directory(driver, assistant, run.thread_id)
        assert (totals["runs"], totals["prompt_tokens"]) == (1, ended.usage.prompt_tokens)
        return ended.status, held.met.is_set()

    began = time.monotonic()
    ends = Counter(side_by_side(race, INTERLEAVINGS, few_workers["api"]))
    print(f"{INTERLEAVINGS} interleavings in {time.monotonic() - began:.0f} s:")
    for (status, met), count in sorted(ends.items()):
        print(
            f"  {status:<10} {'cancelled between two calls of the step' if met else 'cancelled afterwards':<40} {count}"
        )
    assert len({status for status, _ in ends}) == 2, "every race ended the same"


# Every kind of fault at once

AWS_FAULTS = {
    "worker killed before an effect": DIES_BEFORE,
    "worker killed after an effect": DIES_AFTER,
    "AWS throttles": THROTTLED,
    "AWS conflict": CONFLICT,
    "AWS answer lost": LOST,
    "AWS fails": BROKEN,
}
KINDS = [*AWS_FAULTS, *(f"model {kind}" for kind in CHAOS), "started twice", "step invoked twice", "stopped"]
ASKED = (
    "say Done.",
    'then get_stock_price {"symbol": "ACME"}\nsay Done.',
    'then send_email {"to": "ada@example.com", "content": "Once"}\nsay Done.',
    "then ask {}\nsay Done.",
)


@dataclass
class Subject:
    """A run, the faults drawn for it, and what was done to it.

    Attributes:
        run: as it was last seen.
        stop_in: the status in which it is to be stopped, if it is.
    """

    run: Run
    faults: list[str]
    rules: list[Rule]
    stop_in: str
    stopped: bool = False
    answered: bool = False


def test_two_hundred_runs_at_once_end_once_whatever_fails(
    driver: Driver, aws_proxy: AwsProxy, model_server: ModelServer, chance: random.Random
) -> None:
    began = time.monotonic()
    assistant = driver.assistant()
    drawn = [[kind for kind in KINDS if chance.random() < RATE] for _ in range(RUNS)]
    points = [[chance.randint(1, 6) for _ in KINDS] for _ in range(RUNS)]
    stops = [chance.choice(("queued", "in_progress", "requires_action")) for _ in range(RUNS)]

    def prepared(number: int) -> Subject:
        marker = canary("marker")
        run = driver.created(f"{ASKED[number % len(ASKED)]}\nsay {marker}", assistant_id=assistant)
        faults = drawn[number]
        model_server.when(marker, [CHAOS[kind.removeprefix("model ")] for kind in faults if kind.startswith("model ")])
        rules = [
            aws_proxy.add(AWS_FAULTS[kind], about=run.thread_id, nth=nth)
            for kind, nth in zip(faults, points[number], strict=False)
            if kind in AWS_FAULTS
        ]
        return Subject(run, faults, rules, stops[number])

    subjects = side_by_side(prepared, RUNS, 8)
    say(began, f"{RUNS} runs on {RUNS} threads; faults drawn:")
    for kind, count in sorted(Counter(itertools.chain(*drawn)).items()):
        print(f"          {count:4} x {kind}")
    side_by_side(lambda number: start(driver, subjects[number]), RUNS, 32)
    say(began, f"all {RUNS} started")
    until_ended(driver, subjects, began)
    aws_proxy.remove(*itertools.chain(*(subject.rules for subject in subjects)))

    journal: dict[str, list[Request]] = {}
    for request in list(model_server.journal):
        journal.setdefault(request.request_id.partition("/")[0], []).append(request)
    report = [examine(driver, subject, journal.get(subject.run.id, [])) for subject in subjects]
    print_report(report)
    totals = [sum(line.usage.api()[name] for line in report) for name in ("prompt_tokens", "completion_tokens")]
    assert directory_totals(driver, assistant) == [RUNS, *totals]
    assert driver.store.usage.of_assistant(assistant, *EVER) == summed(line.run for line in report)
    assert found_in_log(driver.log_lines(0)) == []
    for subject in subjects:
        assert found_in_history(json.dumps(driver.history(driver.execution(subject.run)), default=str)) == []
    say(began, "all records are as promised")


def say(began: float, text: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


def start(driver: Driver, subject: Subject) -> None:
    """Start the run as the HTTP API does; and once more, if that was drawn."""
    run = subject.run
    ids = {"thread_id": run.thread_id, "run_id": run.id}
    driver.start(ids, run.execution)
    if "started twice" in subject.faults:
        driver.start(ids, f"{run.id}-twice")
    if "step invoked twice" in subject.faults:
        invoke(driver, "in_progress", {**ids, "turn": 0, "execution": run.execution, "outputs": []})


def invoke(driver: Driver, function: str, event: Json) -> None:
    """Invoke a function, whatever becomes of it: it may be killed, too."""
    name = driver.function_name(function)
    driver.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())


def until_ended(driver: Driver, subjects: Sequence[Subject], began: float) -> None:
    """Answer the runs that ask, stop those that were drawn, until all have ended."""
    waiting, told = list(subjects), 0.0
    while waiting:
        assert time.monotonic() < began + SECONDS, [(s.run.id, s.run.status, s.faults) for s in waiting]
        for subject in waiting:
            subject.run = driver.store.runs.get(subject.run.thread_id, subject.run.id)
            if "stopped" in subject.faults and not subject.stopped and subject.run.status == subject.stop_in:
                stop(driver, subject)
            elif subject.run.status == "requires_action" and not subject.answered:
                calls = driver.waiting_calls(subject.run)
                driver.submit(subject.run, {call["id"]: "the client's" for call in calls})
                subject.answered = True
        waiting = [subject for subject in waiting if subject.run.status not in TERMINAL]
        if time.monotonic() > told + 10 or not waiting:
            told = time.monotonic()
            say(began, f"{dict(Counter(subject.run.status for subject in subjects))}")
            invoke(driver, "sweeper", {})  # The schedule's is each minute.
        time.sleep(2)


def stop(driver: Driver, subject: Subject) -> None:
    # It may not run yet, its start being lost, too; or not any more.
    with suppress(ClientError):
        driver.step_functions.stop_execution(executionArn=driver.execution(subject.run))
        subject.stopped = True


# What is recorded


@dataclass(frozen=True)
class Line:
    """Holds what is known of one run at its end.

    Attributes:
        calls: the model's journal of it: the turn, the attempt, and what became of the answer.
        unsent: attempts that were recorded, and whose worker died before it called the model.
    """

    run: Run
    faults: list[str]
    usage: Usage
    calls: list[tuple[int, int, str]]
    unsent: list[int]


def examine(driver: Driver, subject: Subject, journal: Sequence[Request]) -> Line:
    """Hold all that is recorded of a run against what every end promises, and against the model server's journal."""
    run = driver.store.runs.get(subject.run.thread_id, subject.run.id)
    driver.ended(run, run.status)  # Steps, messages, the lock; usage as the sum over the steps.
    assert run.status == "completed" or (run.status == "failed" and subject.stopped), (run, subject.faults)
    roles = [message["role"] for message in driver.messages(run.thread_id)]
    assert roles == ["user"] + ["assistant"] * (run.status == "completed")

    stored = driver.store.runs.turns(run)
    assert len(stored) == run.turn
    calls, usage, attempts = [], Usage(), []
    for request in journal:
        named, turn, attempt = request.request_id.split("/")
        assert named == run.id
        became = fate(request, stored)
        if became == "stored":
            told = request.answer["usage"]
            usage += Usage(told["input_tokens"], told["output_tokens"])
        calls.append((int(turn), int(attempt), became))
        attempts.append(int(attempt))
    assert len(attempts) == len(set(attempts)), "two calls of one attempt"
    assert sum(became == "stored" for _, _, became in calls) == run.turn
    assert run.usage == usage, "the usage of the answers that were stored"
    assert max(attempts, default=0) <= run.attempts
    unsent = sorted(set(range(1, run.attempts + 1)) - set(attempts))
    if not {"worker killed before an effect", "worker killed after an effect", "AWS answer lost"} & set(subject.faults):
        assert unsent == [], "an attempt is recorded without a call"

    totals = directory(driver, run.assistant_id, run.thread_id)
    assert (totals["runs"], totals["prompt_tokens"], totals["completion_tokens"]) == (
        1,
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert driver.store.threads.get(run.thread_id).usage == usage
    sent = driver.client("s3").list_objects_v2(Bucket=driver.store.blobs.bucket, Prefix=f"outbox/{run.id}/")
    assert sent["KeyCount"] <= 1, "a mail was sent twice"
    return Line(run, subject.faults, usage, calls, unsent)


def fate(request: Request, stored: list[list[Json]]) -> str:
    """Return what became of a model call: `stored`, or why not."""
    if request.outcome != "answered":
        return request.outcome
    if request.status != 200:
        return str(request.status)
    return "stored" if request.answer["output"] in stored else "lost"


def directory_totals(driver: Driver, assistant: str) -> list[int]:
    """Runs and tokens of all of the assistant's threads: one query of the directory."""
    pages = (
        driver.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=driver.outputs["ThreadsTable"],
            KeyConditionExpression="assistant_id = :id",
            ExpressionAttributeValues={":id": {"S": assistant}},
        )
    )
    items = [item for page in pages for item in page["Items"]]
    return [sum(int(item[name]["N"]) for item in items) for name in ("runs", "prompt_tokens", "completion_tokens")]


def print_report(report: Sequence[Line]) -> None:
    ends = Counter((line.run.status, bool(line.faults)) for line in report)
    became = Counter(fate for line in report for _, _, fate in line.calls)
    attempts = sum(line.run.attempts for line in report)
    unsent = sum(len(line.unsent) for line in report)
    told = (f"{count} {status} {'with' if met else 'without'} faults" for (status, met), count in sorted(ends.items()))
    print(f"\n{len(report)} runs: {', '.join(told)}")
    print(f"{attempts} attempts recorded = {sum(became.values())} calls in the model's journal + {unsent} never sent")
    print(f"calls by what became of them: {dict(became.most_common())}")
    print("\nattempts whose answer was lost with their worker, by run (turn/attempt)")
    for line in report:
        lost = [
            f"{turn}/{attempt} answered" for turn, attempt, fate in line.calls if fate in ("lost", "dropped", "open")
        ]
        lost += [f"-/{attempt} never sent" for attempt in line.unsent]
        if lost:
            print(f"  {line.run.id}  {line.run.status:<9}  {'; '.join(lost)}  <- {', '.join(line.faults)}")
