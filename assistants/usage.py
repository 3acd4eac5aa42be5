"""Shows totals of usage as a table."""

from rich import box
from rich.table import Table

from assistant_engine.domain.json_data import Json
from assistants.terminal import plain

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
    "ratings": "rated\nanswers",
    "rating": "average\nrating",
}

WIDTH = 200
"""Characters that a line may have, whatever the terminal says: figures that are cut tell nothing."""


def table(told: Json, title: str) -> Table:
    """Return a `UsageReport` as a table."""
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
        if name == "rating":
            cells.append("" if total[name] is None else f"{total[name]:.2f}")
        elif name.endswith("_ms"):
            cells.append(f"{total[name] / 1000:,.1f}")
        elif name != "cost":
            cells.append(f"{total[name]:,}")
        elif total["runs"] and total["unpriced_runs"] == total["runs"]:
            cells.append("no price")
        else:
            cells.append(f"{total[name]:,.4f}" + (" *" if total["unpriced_runs"] else ""))
    return cells
