"""Measures what functions that wait take of CPU and memory, and calculates what waiting costs, and in which way.

The embedded AWS gives each function a whole core, Lambda a share of one by its memory. So a run's CPU-seconds are
measured, and the time that they take with less memory is calculated from them.
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from matplotlib.figure import Figure

from bench.prices import API_REQUEST, GIGABYTE_SECOND, INVOCATION, READ_UNIT
from bench.stack import DIRECTORY, Stack
from cdk.configuration import configuration_of
from local import emulator

Json = dict[str, Any]
Step = Callable[[str], Any]

RUNS = 20
MODEL_SECONDS = 1.0
FUNCTIONS = ("in_progress", "poll", "stream", "queued", "api")

VCPU_MEGABYTES = 1_769
"""Memory at which Lambda gives a function one whole vCPU (docs.aws.amazon.com/lambda, "Memory")."""

SIZES = (128, 224, 256, 384, 512, 1_024)
_DEV = configuration_of({"env": "dev"}.get)
CHOSEN = {
    "in_progress": _DEV.waiting_memory,
    "stream": _DEV.streaming_memory,
    "poll": _DEV.holding_memory,
    **dict.fromkeys(("queued", "api"), _DEV.memory),
}
"""The memory of each function in `dev`, in MB."""

HOLDS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
"""Seconds that a poll is held at most."""

INTERVALS = (0.25, 0.5, 1.0, 2.0)
"""Seconds between two polls."""

LOOK_SECONDS, LOOK_SHARE = 0.04, 0.05
"""How often a held poll looks at its run (`lambdas/api/runs.py`)."""

LOOK_SHARES = (0.0, 0.025, 0.05, 0.1, 0.2)

API_REQUESTS = 3
"""Requests of a run to `api`: its thread, its message and its answer. A poll takes as much CPU, and more to look."""

READS_OF_A_POLL = 2.0
"""Read units of the thread's head and of the run."""


def measure(stack: Stack, step: Step) -> Json:
    """Take the CPU time of runs on warm functions, and the memory that each function has by then."""
    stack.model.seconds = MODEL_SECONDS
    _run(stack)
    with step(f"CPU of {RUNS} runs"):
        before = _cpu()
        for _ in range(RUNS):
            _run(stack)
        after = _cpu()
    taken = {name: 1_000 * (after[name] - before.get(name, 0.0)) / RUNS for name in FUNCTIONS if name in after}
    return {"runs": RUNS, "cpu_ms": taken, "memory_mb": _memory()}


def _run(stack: Stack) -> None:
    threads = stack.client.beta.threads
    thread = threads.create().id
    threads.messages.create(thread, role="user", content="say Good morning.")
    run = threads.runs.create_and_poll(thread_id=thread, assistant_id=stack.plain_assistant)
    assert run.status == "completed", run.last_error
    threads.messages.list(thread, run_id=run.id)


def _processes() -> dict[str, list[psutil.Process]]:
    """The processes of each function, by its name without the stack's prefix."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.Process(emulator.process_id(DIRECTORY)).children(recursive=True):
        try:
            name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
        except psutil.Error:
            continue
        found.setdefault(name.removeprefix("oae-dev-"), []).append(process)
    return found


def _cpu() -> dict[str, float]:
    """Seconds that each function's processes have taken so far."""
    return {name: sum(sum(each.cpu_times()[:2]) for each in them) for name, them in _processes().items()}


def _memory() -> dict[str, float]:
    """Megabytes that the largest process of each function has in memory, shared ones included."""
    largest = {name: max(each.memory_info().rss for each in them) for name, them in _processes().items()}
    return {name: largest[name] / 2**20 for name in FUNCTIONS if name in largest}


# By calculation


def seconds_at(cpu_ms: float, megabytes: int) -> float:
    """Return how long CPU time takes with so much memory, if nothing else is waited for."""
    return cpu_ms / 1_000 * VCPU_MEGABYTES / min(megabytes, VCPU_MEGABYTES)


def polled(end: float, hold: float, interval: float, share: float = LOOK_SHARE) -> tuple[int, float, int, float]:
    """Let a client poll a run until it hears of the end.

    Args:
        end: when the run ends, in seconds from the first poll.
        hold: how long a poll of a run that is younger is held at most; 0 answers each at once.
        interval: how long the client waits after each answer.
        share: of the time that was waited, between two looks of a held poll.

    Returns:
        Requests; seconds held; looks; seconds from the end until the client heard of it.
    """
    moment, requests, held, looks = 0.0, 0, 0.0, 0
    while True:
        requests += 1
        start = moment
        while moment < end and start < hold and moment - start < hold:
            moment += max(LOOK_SECONDS, share * (moment - start))
            looks += 1
        held += moment - start
        if moment >= end:
            return requests, held, looks, moment - end
        moment += interval


def polling(
    seconds: float, hold: float, interval: float, cpu_ms: float, megabytes: int, share: float = LOOK_SHARE
) -> tuple[float, float]:
    """Return what polling costs for 1,000 runs, and how late their clients hear of the end, in seconds on the average.

    The time of a poll's own work is counted as late, too.

    Args:
        seconds: of the runs, on the average; they are spread evenly from 10% less to 10% more.
        cpu_ms: of one poll.
    """
    ends = [seconds * (0.9 + 0.2 * number / 200) for number in range(201)]
    outcomes = [polled(end, hold, interval, share) for end in ends]
    requests, held, looks, late = (statistics.mean(each) for each in zip(*outcomes, strict=True))
    working = requests * seconds_at(cpu_ms, megabytes)
    dollars = (
        requests * (API_REQUEST.each + INVOCATION.each + READS_OF_A_POLL * READ_UNIT.each)
        + looks * 0.5 * READ_UNIT.each
        + (held + working) * megabytes / 1_024 * GIGABYTE_SECOND.each
    )
    return 1_000 * dollars, late + seconds_at(cpu_ms, megabytes)


def turns_table(figures: Json) -> str:
    """Return what a run takes of each function's CPU, and how long that takes by memory."""
    head = ["function", "memory used", "CPU of a plain answer", *(f"at {size:,} MB" for size in SIZES)]
    rows = []
    for name, cpu in figures["cpu_ms"].items():
        times = [f"{1_000 * seconds_at(cpu, size):.0f} ms" for size in SIZES]
        bold = [f"**{each}**" if size == CHOSEN[name] else each for each, size in zip(times, SIZES, strict=True)]
        rows.append([f"`{name}`", f"{figures['memory_mb'][name]:.0f} MB", f"{cpu:.0f} ms", *bold])
    return _as_table(head, rows)


def ways_table(figures: Json) -> str:
    """Return what the ways to hear of a run's end cost, and how late it is heard of."""
    cpu = figures["cpu_ms"]["api"] / API_REQUESTS
    ways = (
        ("asked every 0.5 s", 0.0, 0.5, 1_024),
        ("asked every 2 s", 0.0, 2.0, 1_024),
        ("held for 2 s, then every 0.5 s", 2.0, 0.5, 1_024),
        ("held to the end", 25.0, 1.0, 1_024),
        ("held to the end", 25.0, 1.0, 512),
        ("held to the end", 25.0, 1.0, 256),
        ("**held to the end**", 25.0, 1.0, 128),
    )
    times = (1.0, 6.0, 20.0)
    head = ["a client's polls", "MB", *(f"{each:g} s" for each in times)]
    rows = []
    for name, hold, interval, size in ways:
        cells = []
        for each in times:
            dollars, late = polling(each, hold, interval, cpu, size)
            cells.append(f"{dollars:.3f} $, {1_000 * late:.0f} ms late")
        rows.append([name, f"{size:,}", *cells])
    return _as_table(head, rows)


def plot(figures: Json, folder: Path) -> None:
    """Plot cost and lateness over hold time and interval, and over how often a held poll looks."""
    cpu = figures["cpu_ms"]["api"] / API_REQUESTS
    figure = Figure(figsize=(8, 5), layout="constrained")
    (cost, late), (look_cost, look_late) = figure.subplots(2, 2)
    for interval in INTERVALS:
        points = [polling(6.0, hold, interval, cpu, CHOSEN["poll"]) for hold in HOLDS]
        cost.plot(HOLDS, [dollars for dollars, _ in points], label=f"every {interval:g} s", marker=".")
        late.plot(HOLDS, [1_000 * seconds for _, seconds in points], label=f"every {interval:g} s", marker=".")
    for seconds in (1.0, 6.0, 20.0):
        points = [polling(seconds, 25.0, 1.0, cpu, CHOSEN["poll"], share) for share in LOOK_SHARES]
        shares = [100 * share for share in LOOK_SHARES]
        look_cost.plot(shares, [dollars for dollars, _ in points], label=f"a run of {seconds:g} s", marker=".")
        look_late.plot(shares, [100 * late / seconds for _, late in points], label=f"{seconds:g} s", marker=".")
    for axes, x, y in (
        (cost, "seconds that a poll is held", "US dollars for 1,000 runs of 6 s"),
        (late, "seconds that a poll is held", "ms late, on the average"),
        (look_cost, "% of the time waited, between looks", "US dollars for 1,000 runs"),
        (look_late, "% of the time waited, between looks", "late, % of the run"),
    ):
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    figure.patch.set_facecolor("white")
    path = folder / "polling.svg"
    figure.savefig(path, metadata={"Date": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _as_table(head: list[str], rows: list[list[str]]) -> str:
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))
