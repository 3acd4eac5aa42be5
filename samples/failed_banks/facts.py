"""Calculates the right answers from the data."""

import csv
from collections import Counter
from datetime import date, datetime
from pathlib import Path

REGISTERS = Path(__file__).parents[2] / "lambdas" / "tools" / "registers"


def banks() -> list[dict[str, str]]:
    """The rows of the file, by headers without the no-break spaces that they end in."""
    with (Path(__file__).parent / "failed_banks.csv").open(newline="", encoding="utf-8") as table:
        return [{name.strip(): value for name, value in row.items()} for row in csv.DictReader(table)]


def closed(bank: dict[str, str]) -> date:
    """Return when the bank was closed."""
    return datetime.strptime(bank["Closing Date"], "%d-%b-%y").date()


def last_to_fail() -> dict[str, str]:
    """The bank that was closed last."""
    return max(banks(), key=closed)


def first_to_fail() -> dict[str, str]:
    """The bank that was closed first."""
    return min(banks(), key=closed)


def insured(day: date) -> int:
    """Return how many US dollars of a deposit were insured on a day."""
    with (REGISTERS / "deposit_insurance.csv").open(newline="") as table:
        limits = {date.fromisoformat(row["since"]): int(row["dollars"]) for row in csv.DictReader(table)}
    return limits[max(since for since in limits if since <= day)]


def by_state() -> list[tuple[str, int]]:
    """States and their failures, most first."""
    return Counter(bank["State"] for bank in banks()).most_common()


def by_year(state: str, first: int, last: int) -> dict[int, int]:
    """Failures in a state in each of the years."""
    years = Counter(closed(bank).year for bank in banks() if bank["State"] == state)
    return {year: years[year] for year in range(first, last + 1)}
