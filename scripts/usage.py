"""Prints what was used, day by day: `make usage [ENV=prod] [SAY="--project sales --user ada --from 2026-11-01"]`.

Tokens, calls, times and money of the runs that ended on each day (UTC), of the local stack unless an environment is
named. The account of a day is exact as soon as its runs have ended.
"""

import argparse
import os
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from assistant_engine.errors import ApiError
from assistant_engine.records import DEFAULT_PROJECT, Json
from assistant_engine.store import Store
from assistant_engine.usage import report
from scripts import stack

COLUMNS = {
    "runs": "runs",
    "prompt_tokens": "prompt",
    "cached_tokens": "of it cached",
    "completion_tokens": "completion",
    "reasoning_tokens": "of it reasoning",
    "model_calls": "model calls",
    "tool_calls": "tool calls",
    "model_ms": "model s",
    "tool_ms": "tools s",
    "client_ms": "client s",
    "engine_ms": "engine s",
    "cost": "US dollars",
}


def table(told: Json, title: str) -> Table:
    """A `UsageReport` as a table."""
    shown = Table(title=title, show_footer=True)
    shown.add_column("day (UTC)", footer="in all")
    total = _cells(told["total"])
    for (name, heading), footer in zip(COLUMNS.items(), total, strict=True):
        shown.add_column(heading, footer=footer, justify="right", no_wrap=name == "cost")
    for day in told["data"]:
        shown.add_row(day["date"], *_cells(day))
    return shown


def _cells(total: Json) -> list[str]:
    cells = []
    for name in COLUMNS:
        if name.endswith("_ms"):
            cells.append(f"{total[name] / 1000:,.1f}")
        elif name != "cost":
            cells.append(f"{total[name]:,}")
        elif total["runs"] and total["unpriced_runs"] == total["runs"]:
            cells.append("no price")
        else:
            cells.append(f"{total[name]:,.4f}" + (" *" if total["unpriced_runs"] else ""))
    return cells


def main(arguments: list[str] | None = None) -> None:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="What was used, day by day.")
    parser.add_argument("--env", default="", help="the environment: dev, staging, prod; the local stack unless given")
    parser.add_argument("--project", default=DEFAULT_PROJECT)
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--thread", dest="thread_id")
    of.add_argument("--assistant", dest="assistant_id")
    of.add_argument("--user", dest="user_id", help="a user_id, as in the metadata of runs or threads")
    days: Any = {"type": stack.day, "metavar": "YYYY-MM-DD"}
    parser.add_argument("--from", dest="start_date", help="the first day; 29 days before the last one", **days)
    parser.add_argument("--to", dest="end_date", help="the last day; today", **days)
    given = vars(parser.parse_args(arguments))
    environment, project = given.pop("env"), given.pop("project")
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        os.environ.update(stack.find(environment).variables)
        told = report(Store(project), asked, int(time.time() * 1000))
    except (stack.StackNotFound, ApiError) as error:
        sys.exit(str(error))
    whose = next((asked[name] for name in ("thread_id", "assistant_id", "user_id") if name in asked), "all")
    console = Console(highlight=False)
    console.print(table(told, f"Usage of project {project}, {whose}, {told['start_date']} to {told['end_date']}"))
    if unpriced := told["total"]["unpriced_runs"]:
        console.print(
            f"* {unpriced:,} of the runs are of models without a price in cdk/prices.json, and not in this sum."
        )


if __name__ == "__main__":
    main()
