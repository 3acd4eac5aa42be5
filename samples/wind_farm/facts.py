"""Calculates the right answers from the data and the limits in the assistant's instructions."""

import csv
import re
from datetime import date
from pathlib import Path

REGISTERS = Path(__file__).parents[2] / "lambdas" / "tools" / "registers"


def turbines() -> dict[str, dict[str, str]]:
    """The rows of the file by turbine."""
    with (Path(__file__).parent / "turbines.csv").open(newline="") as table:
        return {row["turbine_id"]: row for row in csv.DictReader(table)}


def ranges(instructions: str) -> dict[str, tuple[float, float]]:
    """The normal range of each reading, limits included."""
    found = re.findall(r"(\w+_\w+) (\d+) to (\d+)", instructions)
    return {reading: (float(low), float(high)) for reading, low, high in found}


def out_of_range(instructions: str) -> dict[str, list[str]]:
    """Return which readings of which turbines are out of their range."""
    limits = ranges(instructions)
    found = {
        name: [reading for reading, (low, high) in limits.items() if not low <= float(turbine[reading]) <= high]
        for name, turbine in turbines().items()
    }
    return {name: readings for name, readings in found.items() if readings}


def visits() -> dict[str, dict[str, str]]:
    """The next visit of a crew to each turbine."""
    with (REGISTERS / "service_visits.csv").open(newline="") as table:
        return {row["turbine_id"]: row for row in csv.DictReader(table)}


def due(instructions: str, today: date) -> dict[str, int]:
    """The turbines whose maintenance is due, and how many days ago the last one was."""
    most = int(re.findall(r"more than (\d+) days ago", instructions)[0])
    ages = {name: (today - date.fromisoformat(row["last_maintenance"])).days for name, row in turbines().items()}
    return {name: age for name, age in ages.items() if age > most}
