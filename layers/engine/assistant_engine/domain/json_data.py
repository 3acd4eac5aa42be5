"""JSON as plain data: the type, the text that UTF-8 can express, and the size of text in it."""

import json
from typing import Any

Json = dict[str, Any]


def well_formed(text: str) -> str:
    """Text that UTF-8 can express: pairs of surrogates are joined, and a lone one becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_size(text: str) -> int:
    """The bytes that text takes in JSON at most: quotes and what is not ASCII are escaped there."""
    return len(json.dumps(text))


def dicts_of(values: Any) -> list[Json]:
    """Return the objects of what should be a list of objects, whatever else it is or holds."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
