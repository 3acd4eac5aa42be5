"""Filters by a file's attributes, as the API has them."""

from typing import Any

from assistant_engine.domain.json_data import Json


def matches(wanted: Json | None, attributes: Json | None) -> bool:
    """Return whether a file with these attributes is wanted.

    Args:
        wanted: a valid `ComparisonFilter` or `CompoundFilter`; None wants every file.
        attributes: of the file. What it lacks, or what is of another type, equals no value and is neither more nor
            less.
    """
    if wanted is None:
        return True
    if wanted["type"] in ("and", "or"):
        found = (matches(inner, attributes) for inner in wanted["filters"])
        return all(found) if wanted["type"] == "and" else any(found)
    return _compares(wanted["type"], (attributes or {}).get(wanted["key"]), wanted["value"])


def _compares(comparison: str, value: Any, other: Any) -> bool:
    match comparison:
        case "eq":
            return _same(value, other)
        case "ne":
            return not _same(value, other)
        case "in":
            return any(_same(value, each) for each in other)
        case "nin":
            return not any(_same(value, each) for each in other)
    if _kind(value) != _kind(other) or _kind(value) is bool:
        return False
    ordered = {"gt": value > other, "gte": value >= other, "lt": value < other, "lte": value <= other}
    return bool(ordered[comparison])


def _same(value: Any, other: Any) -> bool:
    return _kind(value) is _kind(other) and bool(value == other)


def _kind(value: Any) -> type:
    """Python takes True for 1; JSON does not."""
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)
