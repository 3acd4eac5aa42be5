"""Calculates the right answers from the portfolio, the news and the tables of the tool `finance`."""

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).parent
FINANCE = FOLDER.parent.parent / "lambdas" / "tools" / "finance"


@dataclass(frozen=True)
class Share:
    """A share of the portfolio at its latest price, in US dollars."""

    symbol: str
    quantity: int
    average_cost: Decimal
    price: Decimal

    @property
    def worth(self) -> Decimal:
        return self.price * self.quantity

    @property
    def gain(self) -> Decimal:
        return (self.price - self.average_cost) * self.quantity

    @property
    def percent(self) -> Decimal:
        return (self.price / self.average_cost - 1) * 100


def portfolio() -> list[Share]:
    """The shares in the order of the file."""
    prices = {row["symbol"]: Decimal(row["price"]) for row in _rows(FINANCE / "prices.csv")}
    return [
        Share(row["symbol"], int(row["quantity"]), Decimal(row["average_cost"]), prices[row["symbol"]])
        for row in _rows(FOLDER / "portfolio.csv")
    ]


def countries_in_the_news() -> dict[str, dict[str, str]]:
    """The countries that the article names, with their facts."""
    article = (FOLDER / "news.md").read_text()
    return {row["country"]: row for row in _rows(FINANCE / "countries.csv") if row["country"] in article}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))
