"""Simulates the busiest minutes of a day with a million runs and more: what waits, and which keys become hot.

Runs arrive at random (Poisson), each on its own thread. All belong to one project and one assistant, which is as hot as
keys can be. Counts of a run are those that `bench/costs.py` measured; which key a write goes to is the store's own
(`layers/engine/assistant_engine/store`).
"""

import heapq
import math
import random
from dataclasses import dataclass
from typing import Any

from bench.scale import DIRECTORY_UNITS, MODEL_SECONDS, PEAK, measured

Json = dict[str, Any]

RUNS_A_DAY = (1_000_000, 10_000_000)

SECONDS = 300
"""How long the peak is looked at."""

SPREAD = 0.5
"""Of the logarithm of the model's seconds: some answers take thrice as long as others."""

SETTLE_SECONDS = 0.010
"""How long a transaction has an item to itself; another one that comes meanwhile is a conflict, and tried again."""

PARTITION_UNITS = 1_000
"""Units that a partition of DynamoDB serves in a second. Adaptive capacity splits a hot partition within minutes."""

STARTS_A_SECOND, STARTS_AT_ONCE = 300, 1_300
FUNCTIONS = 1_000

KEYS = {
    "a project's list of threads (`by_project`)": (4, 1),
    "an assistant's directory of threads": (DIRECTORY_UNITS, 1),
    "a project's counters of a day": (2, 16),
    "open runs (`open_runs`)": (2, 8),
    "ended runs of a day (`ended_runs`)": (1, 4),
}
"""Write units of a run by what they go to, and over how many items or partitions they are spread.

The counters' items are in one partition, which is why conflicts are counted by item and units by partition.
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """The load of the busiest second."""

    arrivals: int
    waiting: int
    refused_starts: int
    conflicts: float


def simulate(runs_a_day: int, overhead: float) -> Peak:
    """Let runs arrive for some minutes.

    Args:
        overhead: seconds of functions that a run takes in addition to the model's.
    """
    chance = random.Random(runs_a_day)
    rate = runs_a_day / 86_400 * PEAK
    ends: list[float] = []
    arrivals, waiting, refused, allowed = 0, 0, 0, float(STARTS_AT_ONCE)
    moment, counts = 0.0, [0] * SECONDS
    while (moment := moment + chance.expovariate(rate)) < SECONDS:
        counts[int(moment)] += 1
        while ends and ends[0] <= moment:
            heapq.heappop(ends)
        heapq.heappush(ends, moment + overhead + MODEL_SECONDS * chance.lognormvariate(-(SPREAD**2) / 2, SPREAD))
        waiting = max(waiting, len(ends))
    for count in counts:
        arrivals = max(arrivals, count)
        allowed = min(STARTS_AT_ONCE, allowed + STARTS_A_SECOND)
        refused += max(0, count - int(allowed))
        allowed = max(0.0, allowed - count)
    _, items = KEYS["a project's counters of a day"]
    conflicts = 1 - math.exp(-2 * arrivals / items * SETTLE_SECONDS)
    return Peak(arrivals, waiting, refused, conflicts)


def table(rivals: list[Json]) -> str:
    """Return a table of the load in the busiest second and of AWS's default quotas."""
    run = measured(rivals)
    overhead = max(0.0, run["billed_ms"] / 1_000 - MODEL_SECONDS)
    peaks = [simulate(runs, overhead) for runs in RUNS_A_DAY]
    head = ["in the busiest second of", *(f"{runs:,} runs a day" for runs in RUNS_A_DAY), "AWS gives"]
    rows = [
        ["runs that start", *(f"{peak.arrivals:,}" for peak in peaks), f"{STARTS_A_SECOND:,}"],
        [f"starts refused in {SECONDS // 60} minutes", *(_bold(peak.refused_starts, 0) for peak in peaks), ""],
        ["functions at the same time", *(_bold(peak.waiting, FUNCTIONS) for peak in peaks), f"{FUNCTIONS:,}"],
    ]
    for name, (units, spread) in KEYS.items():
        partitions = 1 if "counters" in name else spread
        taken = [round(peak.arrivals * units / partitions) for peak in peaks]
        rows.append([f"write units: {name}", *(_bold(each, PARTITION_UNITS) for each in taken), f"{PARTITION_UNITS:,}"])
    rows.append(["transactions on a counter that conflict", *(f"{peak.conflicts:.0%}" for peak in peaks), ""])
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bold(value: int, limit: int) -> str:
    return f"**{value:,}**" if value > limit else f"{value:,}"
