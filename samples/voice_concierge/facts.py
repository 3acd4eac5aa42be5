"""Calculates the right answers from the data."""

import csv
from pathlib import Path


def services() -> dict[str, dict[str, str]]:
    """The rows of the file by service."""
    with (Path(__file__).parent / "services.csv").open(newline="") as table:
        return {row["service"]: row for row in csv.DictReader(table)}


def open_at(time: str) -> list[str]:
    """Return the services that are open at a time such as 22:00."""
    return [name for name, row in services().items() if _is_open(row["opens"], row["closes"], time)]


def _is_open(opens: str, closes: str, time: str) -> bool:
    return opens <= time < closes if opens < closes else time >= opens or time < closes
