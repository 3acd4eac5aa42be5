"""Prints what was used, day by day: `make usage [ENV=prod] [SAY="--project sales --user ada --from 2026-11-01"]`.

Tokens, calls, times and money of the runs that ended on each day (UTC), of the local stack unless an environment is
named. The account of a day is exact as soon as its runs have ended.
"""

import argparse
import os
import time
from typing import Any

from rich import box
from rich.table import Table

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.resources.usage import report
from assistant_engine.store import Store
from scripts import stack
from scripts.terminal import Terminal, plain, stop

COLUMNS = {
    "runs": "runs",
    "prompt_tokens": "prompt\ntokens",
    "cached_tokens": "of these\ncached",
    "cache_write_tokens": "cache\nwrites",
    "completion_tokens": "completion\ntokens",
    "reasoning_tokens": "of these\nreasoning",
    "model_calls": "model\ncalls",
    "tool_calls": "tool\ncalls",
    "model_ms": "model\ns",
    "tool_ms": "tools\ns",
    "client_ms": "client\ns",
    "engine_ms": "engine\ns",
    "cost": "US\ndollars",
}

WIDTH = 200
"""Characters that a line may have, whatever the terminal says: figures that are cut tell nothing."""


def table(told: Json, title: str) -> Table:
    """A `UsageReport` as a table."""
    shown = Table(title=plain(title), show_footer=True, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    shown.add_column("day (UTC)", footer="in all", no_wrap=True)
    total = _cells(told["total"])
    for heading, footer in zip(COLUMNS.values(), total, strict=True):
        shown.add_column(heading, footer=footer, justify="right", no_wrap=True)
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
        told = report(Store(project), asked, Milliseconds(int(time.time() * 1000)))
    except (stack.StackNotFound, ApiError) as error:
        stop(str(error))
    whose = next((asked[name] for name in ("thread_id", "assistant_id", "user_id") if name in asked), "all")
    console = Terminal(highlight=False, width=WIDTH)
    console.print(table(told, f"Usage of project {project}, {whose}, {told['start_date']} to {told['end_date']}"))
    if unpriced := told["total"]["unpriced_runs"]:
        console.print(
            f"* Without what {unpriced:,} runs cost: the table of models has no price for theirs (docs/usage.md)."
        )


if __name__ == "__main__":
    main()
