"""Compares the cost of runs now with their cost at an earlier commit, and with the lowest cost that is possible."""

import json
from pathlib import Path
from typing import Any

from bench.prices import API_REQUEST, GIGABYTE_SECOND, INVOCATION, READ_UNIT, TRANSITION, WRITE_UNIT

Json = dict[str, Any]

BEFORE = Path(__file__).parent / "results" / "before.json"
"""`{"commit", "rivals"}`: the rows of this stack that `bench/costs.py` measured at that commit, on the same machine."""

SERVICES = ("Step Functions", "Lambda", "DynamoDB", "REST API", "EventBridge")

SMALLEST_MEGABYTES = 128
REQUESTS = 5
"""Of a client: a thread, a message, a run, one poll, its answer."""

TARGETS = {("plain answer", 6.0): 0.18, ("one server-side call", 6.0): 0.30}


def table(rivals: list[Json]) -> str:
    """Return US dollars for 1,000 runs by service: at the earlier commit, now, and the least."""
    saved = json.loads(BEFORE.read_text())
    earlier = {(row["run"], row["model_seconds"]): row for row in saved["rivals"]}
    head = ["run", "model", "", *SERVICES, "in all", "goal"]
    rows = [head, ["---", "---", "---", *["--:"] * (len(SERVICES) + 2)]]
    for row in rivals:
        name = (row["run"], row["model_seconds"])
        if row["way"] != "this stack" or name not in earlier:
            continue
        for label, dollars in (
            (f"before ({saved['commit']})", earlier[name]["dollars"]),
            ("**now**", row["dollars"]),
            ("the least", least(row)),
        ):
            cells = [f"{dollars.get(service, 0.0):.3f}" for service in SERVICES]
            goal = f"{TARGETS[name]:.2f}" if name in TARGETS and label == "**now**" else ""
            model = f"{row['model_seconds']:g} s"
            rows.append([row["run"], model, label, *cells, f"**{sum(dollars.values()):.3f}**", goal])
    return "\n".join("| " + " | ".join(line) + " |" for line in rows)


def least(row: Json) -> dict[str, float]:
    """US dollars by service for 1,000 runs of a design that does nothing but what nobody could leave out.

    It enters the same states, waits in two functions of the smallest size (for the model, and for the run's end), takes
    no time for anything else, and writes and reads each object once: the thread, the message, the run, its answer with
    its end, and each call's output.
    """
    calls = row["run"] == "one server-side call"
    turns = 2 if calls else 1
    waited = 2 * turns * row["model_seconds"] * SMALLEST_MEGABYTES / 1_024
    invocations = REQUESTS + 1 + turns + (1 if calls else 0)
    writes = 4 + (2 if calls else 0)
    reads = 4 + turns
    return {
        "Step Functions": 1_000 * row["transitions"] * TRANSITION.each,
        "Lambda": 1_000 * (invocations * INVOCATION.each + waited * GIGABYTE_SECOND.each),
        "DynamoDB": 1_000 * (writes * WRITE_UNIT.each + reads * READ_UNIT.each),
        "REST API": 1_000 * REQUESTS * API_REQUEST.each,
    }
