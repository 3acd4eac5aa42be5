"""Read and write units by DynamoDB's documented rules, from the items themselves.

- An item's size is that of its attributes' names and values; numbers take a byte for two digits and one more, lists and
  maps 3 bytes and one for each element (Developer Guide, "DynamoDB item sizes and formats").
- A strongly consistent read is a unit for each 4 KB, an eventually consistent one half of that; a query rounds up once
  for the page, a read of nothing is still a unit. A projection or a filter makes no read smaller.
- A write is a unit for each KB of the larger of the item before and after; in a transaction two.
- An index is written when its entry appears, disappears or changes: once, or twice when the entry's key changes.
  Indexes follow asynchronously and are no part of a transaction, so nothing is doubled there.
"""

import math
from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]
"""An item in DynamoDB's typed attributes."""


def item_size(item: Item) -> int:
    """The bytes of an item that reads and writes are charged for."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Item) -> int:
    kind: str
    content: Any
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            digits = str(content).lstrip("-").replace(".", "").strip("0")
            return math.ceil(len(digits) / 2) + 1 + str(content).startswith("-")
        case "B":
            return len(bytes(content))
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(inner) for name, inner in content.items())
        case "L":
            return 3 + sum(1 + _value_size(inner) for inner in content)
        case "BOOL" | "NULL":
            return 1
    raise ValueError(f"no rule for an attribute of type {kind}")


def read_units(size: int, *, consistent: bool) -> float:
    """Units of one read: an item, or the items of a query's page together."""
    return max(1, math.ceil(size / 4096)) * (1 if consistent else 0.5)


def write_units(before: Item | None, after: Item | None, *, transaction: bool) -> int:
    """Units of writing the table itself; None where there is no such item."""
    size = max(item_size(before or {}), item_size(after or {}))
    return max(1, math.ceil(size / 1024)) * (2 if transaction else 1)


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: the names of its key's attributes, and those it holds (None: all of them)."""

    key: tuple[str, ...]
    held: frozenset[str] | None

    def write_units(self, before: Item | None, after: Item | None) -> int:
        """Units of bringing the index up to date."""
        old, new = self._entry(before), self._entry(after)
        if old == new:
            return 0
        if old and new and all(old[name] == new[name] for name in self.key):
            return write_units(old, new, transaction=False)
        return sum(write_units(entry, None, transaction=False) for entry in (old, new) if entry)

    def _entry(self, item: Item | None) -> Item | None:
        if item is None or any(name not in item for name in self.key):
            return None
        return {name: value for name, value in item.items() if self.held is None or name in self.held}


def indexes_of(description: Item) -> tuple[list[str], list[Index]]:
    """The names of a table's key attributes and its indexes, from what `DescribeTable` says of it."""
    table_key = [part["AttributeName"] for part in description["KeySchema"]]
    indexes = []
    for index in description.get("GlobalSecondaryIndexes", []):
        key = tuple(part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        everything = projection["ProjectionType"] == "ALL"
        held = None if everything else frozenset({*table_key, *key, *projection.get("NonKeyAttributes", [])})
        indexes.append(Index(key, held))
    return table_key, indexes
