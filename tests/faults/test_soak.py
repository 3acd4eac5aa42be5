"""Many runs at once, with every kind of fault; and cancelling against completing, at every point of a run.

Each prints its seed: `SOAK_SEED=<seed> make soak` draws the same faults again.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from assistant_engine.lifecycle import TERMINAL
from local import up as local
from tests.driver import Driver
from tests.faults.aws_proxy import (
    AwsProxy,
    Fault,
)
from tests.faults.records import directory

pytestmark = [pytest.mark.offline_model, pytest.mark.soak]

INTERLEAVINGS = 300
RUNS = 200
RATE = 0.1
"""The share of the runs that each kind of fault meets."""

WORKERS = {"api": 8, "queued": 8, "in_progress": 16, "requires_action": 4, "tool-finance": 4}
"""Concurrent invocations of each function: each is a process of its own on this machine. Lambda throttles the others,
as an account's limit would."""

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


@pytest.fixture(scope="module", autouse=True)
def few_workers(driver: Driver) -> Iterator[None]:
    functions = driver.client("lambda")
    for name, most in WORKERS.items():
        functions.put_function_concurrency(FunctionName=driver.function_name(name), ReservedConcurrentExecutions=most)
    yield
    for name in WORKERS:
        functions.delete_function_concurrency(FunctionName=driver.function_name(name))


def side_by_side(work: Callable[[int], Any], count: int, workers: int) -> list[Any]:
    """`work(0)`, `work(1)` ...; what each returned."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


# Cancelling against completing

CALLS_OF_A_RUN = 9
"""AWS calls of the functions that take a run to its end, roughly: where the cancelling comes in between."""


def test_of_cancelling_and_completing_the_first_stands(
    driver: Driver, client: openai.OpenAI, aws_proxy: AwsProxy, chance: random.Random
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
    ends = Counter(side_by_side(race, INTERLEAVINGS, 8))
    print(f"{INTERLEAVINGS} interleavings in {time.monotonic() - began:.0f} s:")
    for (status, met), count in sorted(ends.items()):
        print(
            f"  {status:<10} {'cancelled between two calls of the step' if met else 'cancelled afterwards':<40} {count}"
        )
    assert len({status for status, _ in ends}) == 2, "every race ended the same"
