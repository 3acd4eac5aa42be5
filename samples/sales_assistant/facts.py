"""Calculates the right answers from the data."""

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the files."""
    with (Path(__file__).parent / f"{name}.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def customers(state: str) -> set[str]:
    """The names of the customers in a state."""
    return {row["name"] for row in rows("customers") if row["state"] == state}


def worth_by(column: str) -> list[tuple[str, Decimal]]:
    """Return what the orders are worth by `name` of the seller or `state` of the customer, most first."""
    prices = {row["product_id"]: Decimal(row["unit_price"]) for row in rows("inventory")}
    table, key = {"name": ("sellers", "seller_id"), "state": ("customers", "customer_id")}[column]
    names = {row[key]: row[column] for row in rows(table)}
    worth: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in rows("orders"):
        worth[names[order[key]]] += prices[order["product_id"]] * int(order["quantity"])
    return sorted(worth.items(), key=lambda item: item[1], reverse=True)


def quantity_by_product() -> list[tuple[str, int]]:
    """Return how many of each product were sold, most first."""
    names = {row["product_id"]: row["product"] for row in rows("inventory")}
    sold: Counter[str] = Counter()
    for order in rows("orders"):
        sold[names[order["product_id"]]] += int(order["quantity"])
    return sold.most_common()
