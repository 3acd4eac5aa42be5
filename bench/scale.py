"""Calculates what many runs a day would cost, and which quotas of AWS they would come near; measures nothing."""

from typing import Any

Json = dict[str, Any]

MODEL_SECONDS = 6.0
"""The run that is taken: a plain answer through the API, of a model that takes so long."""

PEAK = 5
"""How many times as many runs as on average come in the busiest moments of a day."""

RUNS_A_DAY = (10_000, 100_000, 1_000_000)

QUOTAS = {
    "StartExecution a second": 300,
    "state transitions a second": 5_000,
    "functions at the same time": 1_000,
    "API requests a second": 10_000,
    "write units a second, all tables": 40_000,
    "write units a second, one assistant's directory": 1_000,
}
"""AWS's defaults in us-east-1. Each stage of the API has a throttle of its own, `api_rate` of the configuration."""

DIRECTORY_UNITS = 4
"""Write units of a run on its assistant's partition of the directory of threads."""


def measured(rivals: list[Json]) -> Json:
    """Return what the run took, as it was measured."""
    return next(
        row
        for row in rivals
        if (row["way"], row["run"], row["model_seconds"]) == ("this stack", "plain answer", MODEL_SECONDS)
    )


def table(rivals: list[Json]) -> str:
    """For each quota what the peak of so many runs a day takes; and what a day costs."""
    run = measured(rivals)
    each = {
        "StartExecution a second": 1.0,
        "state transitions a second": run["transitions"],
        "functions at the same time": run["billed_ms"] / 1_000,
        "API requests a second": run["api_requests"],
        "write units a second, all tables": run["write_units"],
        "write units a second, one assistant's directory": DIRECTORY_UNITS,
    }
    head = ["at the peak of", *(f"{runs:,} runs a day" for runs in RUNS_A_DAY), "AWS's default quota"]
    rows = [
        [name, *(_shown(runs / 86_400 * PEAK * each[name], quota) for runs in RUNS_A_DAY), f"{quota:,}"]
        for name, quota in QUOTAS.items()
    ]
    price = sum(run["dollars"].values()) / 1_000
    rows.append(["US dollars a day", *(f"{price * runs:,.2f}" for runs in RUNS_A_DAY), ""])
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(value: float, quota: int) -> str:
    shown = f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    return f"**{shown}**" if value > 0.8 * quota else shown
