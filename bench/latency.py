"""Measures how much longer a run takes than its model, how many run at once, and what the length of a thread adds."""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from openai.types.beta.threads import Run

from bench.costs import figures
from bench.journal import taken
from bench.stack import Stack, filled_thread

Json = dict[str, Any]
Step = Callable[[str], Any]

TIMES = {0.2: 20, 1.0: 20, 5.0: 6}
"""How many runs are taken for each number of seconds that the model takes."""

DELTAS = 50
"""Of an answer that is streamed, over the model's seconds."""

TURNS = 10
"""Calls of a run, one after the other, whose turns' overhead is taken."""

TURN_RUNS = 10
AT_ONCE = (1, 10, 50, 200, 1_000)
LONGEST_SECONDS = 240
LENGTHS = (10, 100, 1_000, 10_000)
STRATEGIES: dict[str, Json] = {
    "last_messages: 10": {"type": "last_messages", "last_messages": 10},
    "auto": {"type": "auto"},
}


def overhead(stack: Stack, step: Step) -> Json:
    """Runs one after the other, as the client of the `openai` package sees them."""
    _timed(stack)
    answers = []
    for seconds, times in TIMES.items():
        with step(f"{times} runs with a model of {seconds:g} s"):
            stack.model.seconds = seconds
            timed = [_timed(stack) for _ in range(times)]
        median = {name: statistics.median(each[name] for each in timed) for name in timed[0]}
        answers.append({"model_seconds": seconds, "runs": times, **median})
    streamed = _streams(stack, step)
    with step(f"{TURN_RUNS} runs of {TURNS} turns"):
        stack.model.seconds = 0.05
        turns = [gap for _ in range(TURN_RUNS) for gap in _turns(stack)]
    return {"answers": answers, "streamed": streamed, "turns": {"count": len(turns), **_spread(turns)}}


def _streams(stack: Stack, step: Step) -> list[Json]:
    """The same runs as a client sees them that streams."""
    rows = []
    stack.model.deltas = DELTAS
    for seconds in (1.0, 5.0):
        stack.model.seconds = seconds
        with step(f"{TIMES[seconds]} streamed runs with a model of {seconds:g} s"):
            ratios = [_streamed(stack) for _ in range(TIMES[seconds])]
        rows.append({"model_seconds": seconds, "runs": len(ratios), "ratio": statistics.median(ratios)})
    stack.model.deltas = 0
    return rows


def _streamed(stack: Stack) -> float:
    """The seconds from the request to the stream's end, as a multiple of the model's own."""
    thread_id = stack.thread("say Good morning.")
    start = time.time()
    run_id = ""
    for event in stack.client.beta.threads.runs.create(
        thread_id=thread_id, assistant_id=stack.plain_assistant, stream=True
    ):
        if event.event == "thread.run.completed":
            run_id = event.data.id
    end = time.time()
    (call,) = stack.model.calls_of(run_id)
    return (end - start) / call.seconds


def _timed(stack: Stack) -> dict[str, float]:
    """A plain answer: seconds in all, before the model, after its last byte; the ratio of all to the model's own."""
    thread_id = stack.thread("say Good morning.")
    start = time.time()
    run = stack.client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=stack.plain_assistant)
    end = time.time()
    assert run.status == "completed", run.last_error
    (call,) = stack.model.calls_of(run.id)
    return {
        "wall": end - start,
        "ratio": (end - start) / call.seconds,
        "before": call.received - start,
        "after": end - call.sent,
    }


def _turns(stack: Stack) -> list[float]:
    """Seconds between the model's last byte of a turn and its next request, without the tool's own."""
    calls = 'call get_stock_price {"symbol": "ACME"}' + '\nthen get_stock_price {"symbol": "DUNE"}' * (TURNS - 1)
    start = stack.journal.end()
    run = _run(stack, calls)
    tools = [
        line["milliseconds"] / 1_000
        for line in stack.journal.since(start)
        if line["kind"] == "invocation" and line["function"].endswith("tool-finance")
    ]
    asked = stack.model.calls_of(run.id)
    gaps = [after.received - before.sent for before, after in pairwise(asked)]
    return [gap - tool for gap, tool in zip(gaps, tools, strict=True)]


def _run(stack: Stack, text: str) -> Run:
    run = stack.client.beta.threads.runs.create_and_poll(thread_id=stack.thread(text), assistant_id=stack.assistant)
    assert run.status == "completed", run.last_error
    return run


def at_once(stack: Stack, step: Step) -> list[Json]:
    """Many runs of a model of 1 s that other AWS services ask for at the same moment, each on a thread of its own."""
    stack.model.seconds = 1.0
    return [_together(stack, count, step) for count in AT_ONCE]


def _together(stack: Stack, count: int, step: Step) -> Json:
    machines = stack.aws("stepfunctions")
    messages = [{"role": "user", "content": "say Good morning."}]
    request = json.dumps({"assistant_id": stack.plain_assistant, "additional_messages": messages})
    start = stack.journal.end()
    began: dict[str, float] = {}

    def begin(_: int) -> None:
        asked = time.time()
        started = machines.start_execution(stateMachineArn=stack.deployed.outputs["StateMachineArn"], input=request)
        began[started["executionArn"].rpartition(":")[2]] = asked

    with step(f"{count} runs at once"), ThreadPoolExecutor(10) as clients:
        list(clients.map(begin, range(count)))
        ended: dict[str, float] = {}
        deadline = time.monotonic() + LONGEST_SECONDS
        while len(ended) < count and time.monotonic() < deadline:
            time.sleep(0.5)
            lines = stack.journal.since(start)
            ended = {line["execution"]: line["at"] for line in lines if line.get("state") == "completed"}
    took = [ended[name] - asked for name, asked in began.items() if name in ended]
    return {
        "runs": count,
        "completed": len(took),
        "seconds": max(ended.values()) - min(began.values()),
        **_spread(took),
    }


def growth(stack: Stack, step: Step) -> list[Json]:
    """The same run on threads of different lengths."""
    stack.model.seconds = 0.2
    rows = []
    for length in LENGTHS:
        with step(f"A thread of {length:,} messages"):
            thread_id = filled_thread(stack.store, length)
            rows += [_on(stack, thread_id, length, strategy) for strategy in STRATEGIES]
    return rows


def _on(stack: Stack, thread_id: str, length: int, strategy: str) -> Json:
    seconds: list[float] = []
    runs: list[Run] = []

    def ask() -> None:
        start = time.time()
        created = stack.client.beta.threads.runs.create_and_poll(
            thread_id=thread_id,
            assistant_id=stack.plain_assistant,
            additional_messages=[{"role": "user", "content": "say Good morning."}],
            truncation_strategy=STRATEGIES[strategy],  # type: ignore[arg-type]
        )
        assert created.status == "completed", created.last_error
        seconds.append(time.time() - start)
        runs.append(created)

    ask()
    # How often a client looks depends on the time that the run takes: only the engine's own work is counted.
    lines = [line for line in stack.journal.during(ask) if not line.get("function", "").endswith(("-api", "-poll"))]
    counted = runs[-1]
    ask()
    return {
        "messages": length,
        "strategy": strategy,
        "milliseconds": 1_000 * statistics.median(seconds),
        "model_bytes": sum(call.request_bytes for call in stack.model.calls_of(counted.id)),
        **figures(taken(lines)),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"median": statistics.median(ordered), "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]}
