"""How soon a streamed answer reaches its client, beside a direct connection to the model, and what a stream costs."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import openai

from bench.costs import counted
from bench.prices import READ_UNIT
from bench.stack import Stack

Json = dict[str, Any]
Step = Callable[[str], Any]

RUNS = 20
ANSWER_SECONDS, ANSWER_DELTAS = 4.0, 200
COST_SECONDS = 10.0

LOOKED_SECONDS = (1.0, 10.0, 60.0)
"""Answers whose looks are calculated."""

MAX_FIRST_MS = 300
"""Of the time from the model's first delta to the client's, median."""

MAX_GAP_MS = 500
"""Of the time between two deltas at the client, 99th percentile."""

MAX_DOLLARS = 0.15
"""What 1,000 streamed answers may cost more than 1,000 polled ones."""


def measure(stack: Stack, step: Step) -> Json:
    """Stream answers through the stack and from the model itself, and count what streamed and polled answers take."""
    stack.model.deltas = ANSWER_DELTAS
    try:
        stack.model.seconds = ANSWER_SECONDS
        _through(stack)
        with step(f"{RUNS} streamed answers of {ANSWER_DELTAS} deltas in {ANSWER_SECONDS:g} s"):
            through = _spread([_through(stack) for _ in range(RUNS)])
        with step("the same from the model itself"):
            direct = _spread([_direct(stack) for _ in range(RUNS)])
        stack.model.seconds = COST_SECONDS
        with step(f"What a streamed and a polled answer of {COST_SECONDS:g} s take"):
            costs = {
                name: counted(stack, partial(work, stack))
                for name, work in (("streamed", _through), ("polled", _polled))
            }
    finally:
        stack.model.deltas = 0
    more = sum(costs["streamed"]["dollars"].values()) - sum(costs["polled"]["dollars"].values())
    return {
        "seconds": ANSWER_SECONDS,
        "deltas": ANSWER_DELTAS,
        "runs": RUNS,
        "through": through,
        "direct": direct,
        "cost_seconds": COST_SECONDS,
        **costs,
        "more_dollars": more,
        "looks": _looks(),
    }


def _looks() -> list[Json]:
    """Calculate what the ways to look at a run's log while its model speaks cost, and how late its end is seen."""
    from assistant_engine.runs.stream_reader import BUSY_SECONDS, LOOK_SECONDS, LOOK_SHARE, pause

    share = f"after {LOOK_SHARE:.1%} of the time, {LOOK_SECONDS:g} to {BUSY_SECONDS:g} s"
    ways: tuple[tuple[str, Callable[[float], float], float], ...] = (
        ("every 0.15 s, strongly consistent", lambda moved: 0.15, 1.0),
        ("every 0.15 s", lambda moved: 0.15, 0.5),
        ("every 0.03 s", lambda moved: 0.03, 0.5),
        (f"**{share}**", lambda moved: pause(moved, heard=0.0), 0.5),
    )
    return [
        {"way": name, "seconds": seconds, **looking(seconds, wait, units)}
        for name, wait, units in ways
        for seconds in LOOKED_SECONDS
    ]


def looking(seconds: float, pause: Callable[[float], float], units: float) -> Json:
    """Return what the looks of 1,000 streams cost, and how late their ends are seen, in seconds on the average.

    Args:
        seconds: of the answers, on the average; they are spread evenly from 10% less to 10% more.
        pause: says how long to wait until the next look, given the seconds since the model began.
        units: read units of a look.
    """
    looks, late = 0, 0.0
    ends = [seconds * (0.9 + 0.2 * number / 2_003) for number in range(2_004)]  # In step with no look.
    for end in ends:
        moment = 0.0
        while moment < end:
            moment += pause(moment)
            looks += 1
        late += moment - end
    return {"dollars": 1_000 * looks / len(ends) * units * READ_UNIT.each, "late_ms": 1_000 * late / len(ends)}


def _through(stack: Stack) -> tuple[float, list[float]]:
    """Seconds from the model's first delta to the client's, and between the client's."""
    thread = stack.thread("say something long.")
    stream = stack.client.beta.threads.runs.create(thread, assistant_id=stack.plain_assistant, stream=True)
    came = list(_moments(stream, "event", "thread.message.delta"))
    return _seconds(came, stack.model.first_deltas[-1])


def _direct(stack: Stack) -> tuple[float, list[float]]:
    client = openai.OpenAI(base_url=stack.model.url, api_key="none")
    stream = client.responses.create(model="offline-script", input="say something long.", stream=True)
    came = list(_moments(stream, "type", "response.output_text.delta"))
    return _seconds(came, stack.model.first_deltas[-1])


def _moments(stream: Iterable[Any], name: str, kind: str) -> Iterator[float]:
    for event in stream:
        if getattr(event, name) == kind:
            yield time.time()


def _seconds(came: list[float], began: float) -> tuple[float, list[float]]:
    return came[0] - began, [later - earlier for earlier, later in pairwise(came)]


def _polled(stack: Stack) -> None:
    thread = stack.thread("say something long.")
    run = stack.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=stack.plain_assistant)
    assert run.status == "completed", run.last_error


def _spread(taken: list[tuple[float, list[float]]]) -> Json:
    gaps = sorted(gap for _, each in taken for gap in each)
    return {
        "first_ms": 1_000 * statistics.median(first for first, _ in taken),
        "gap_median_ms": 1_000 * statistics.median(gaps),
        "gap_p99_ms": 1_000 * gaps[min(len(gaps) - 1, int(0.99 * len(gaps)))],
    }


def table(figures: Json) -> str:
    """Return the tables of docs/performance.md."""
    rows = [
        "| | first delta (median) | between deltas (median) | between deltas (p99) |",
        "|---|---|---|---|",
        *(
            f"| {name} | {of['first_ms']:.0f} ms | {of['gap_median_ms']:.0f} ms | {of['gap_p99_ms']:.0f} ms |"
            for name, of in (("this stack", figures["through"]), ("the model itself", figures["direct"]))
        ),
        "",
        f"1,000 streamed answers of {figures['cost_seconds']:g} s cost {figures['more_dollars']:.3f} dollars more than"
        " 1,000 polled ones.",
        *_looks_table(figures.get("looks", [])),
    ]
    return "\n".join(rows)


def _looks_table(looks: list[Json]) -> list[str]:
    """Return what looks cost for 1,000 streams, and how late an end is seen."""
    if not looks:
        return []
    cells = {(row["way"], row["seconds"]): f"{row['dollars']:.4f} $, {row['late_ms']:.0f} ms late" for row in looks}
    rows = [
        " | ".join([way, *(cells[way, seconds] for seconds in LOOKED_SECONDS)])
        for way in dict.fromkeys(row["way"] for row in looks)
    ]
    head = " | ".join(["looks at the log", *(f"an answer of {seconds:g} s" for seconds in LOOKED_SECONDS)])
    return ["", f"| {head} |", "| --- | --: | --: | --: |", *(f"| {row} |" for row in rows)]


def broken(figures: Json) -> list[str]:
    """Say which promises the figures break."""
    through = figures["through"]
    promises = {
        f"the first delta takes {through['first_ms']:.0f} ms": through["first_ms"] <= MAX_FIRST_MS,
        f"a gap takes {through['gap_p99_ms']:.0f} ms": through["gap_p99_ms"] <= MAX_GAP_MS,
        f"streams cost {figures['more_dollars']:.3f} dollars more": figures["more_dollars"] <= MAX_DOLLARS,
    }
    return [said for said, kept in promises.items() if not kept]
