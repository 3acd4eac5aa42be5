"""The values of the schema: moments, lists with page numbers, JSON, and errors by the names of arguments."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from graphql import GraphQLError

from asked import Asked
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Page, Window

NO_MOMENT = "Expected a moment such as 2024-07-17T08:30:00+00:00."
USUAL_LIMIT = 100
MAX_LIMIT = 1_000
MAX_ITEMS = 10_000
"""Items that a list may go through: its total is counted."""


def date_time(seconds: int) -> str:
    """Return a moment as the old callers' decoder knows one: `2024-07-17T08:30:00+00:00`.

    Args:
        seconds: since 1970.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def moment(text: Any) -> int:
    """Return the seconds since 1970 of a moment in ISO 8601, whose zone may be `+0000`; without a zone it is UTC.

    Raises:
        GraphQLError: it is none.
    """
    if not isinstance(text, str):
        raise GraphQLError(NO_MOMENT)
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise GraphQLError(NO_MOMENT) from None


def objects(values: list[Any] | None) -> list[Any] | None:
    """Return a list without its empty entries: GraphQL makes `[{}]` of `{}`."""
    return None if values is None else [value for value in values if value not in (None, {})]


def as_object(value: Any, param: str) -> Json:
    """Return a JSON argument that is an object, or the text of one; an empty one for none.

    Raises:
        InvalidRequest: it is something else.
    """
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = False
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"Invalid '{param}': expected an object.", param=param, code="invalid_type")
    return value


@contextmanager
def named(names: Mapping[str, str]) -> Iterator[None]:
    """Let the errors of a request name the arguments of a field.

    Args:
        names: the arguments by the paths of the request's parameters, longer ones first.
    """
    try:
        yield
    except InvalidRequest as error:
        path = error.param or ""
        for start, argument in names.items():
            if path == start or path.startswith((f"{start}.", f"{start}[")):
                param = argument + path.removeprefix(start)
                message = error.message.replace(path, param)
                raise InvalidRequest(message, param=param, code=error.code) from None
        raise


def every(asked: Asked, page: Callable[[Window], Page], order: str = "desc", at_once: int = 100) -> Iterator[Any]:
    """Return all objects of a list, page after page.

    Raises:
        InvalidRequest: there is no more time.
    """
    after = None
    while True:
        asked.check_time()
        found = page(Window(at_once, order, after))
        last = None
        for last in found.objects:
            yield last
        if last is None or not found.has_more:
            return
        after = last["id"] if isinstance(last, dict) else last.id


class Listed:
    """A list that is read as far as it is asked for.

    Args:
        narrower: how to ask for less, said where it is too long.
    """

    def __init__(self, items: Iterator[Any], narrower: str) -> None:
        self._items = items
        self._narrower = narrower
        self._read: list[Any] = []

    def part(self, start: int, end: int) -> list[Any]:
        """Return the items from one place up to another."""
        self._read_up_to(end)
        return self._read[start:end]

    def total(self) -> int:
        """Return how many items there are."""
        self._read_up_to(MAX_ITEMS + 1)
        return len(self._read)

    def _read_up_to(self, count: int) -> None:
        self._read += islice(self._items, max(0, min(count, MAX_ITEMS + 1) - len(self._read)))
        if len(self._read) > MAX_ITEMS:
            raise InvalidRequest(f"There are more than {MAX_ITEMS:,} of them. {self._narrower}", code="too_many_items")


def listed(
    name: str,
    items: Iterator[Any],
    show: Callable[[Any], Json],
    page_number: int | None,
    limit: int | None,
    narrower: str,
) -> Json:
    """Return a page of a list, whose total is counted if it is asked for.

    Args:
        name: the member that holds the objects.
        page_number: from 1 on.
        narrower: how to ask for less.

    Raises:
        InvalidRequest: there is no such page.
    """
    number, size = 1 if page_number is None else page_number, USUAL_LIMIT if limit is None else limit
    for param, value, most in (("pageNumber", number, MAX_ITEMS), ("limit", size, MAX_LIMIT)):
        if not 1 <= value <= most:
            message = f"Invalid '{param}': expected an integer from 1 to {most:,}."
            raise InvalidRequest(message, param=param, code="invalid_value")
    whole = Listed(items, narrower)
    return {
        "page_size": size,
        "page_number": number,
        "total": lambda: whole.total(),
        name: lambda: [show(item) for item in whole.part((number - 1) * size, number * size)],
    }


def size_of(value: Any, most: int = 10_000_000) -> int:
    """Return about how many bytes a JSON value takes as text, or something above `most`."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        match waiting.pop():
            case str() as text:
                size += len(text.encode(errors="replace")) + text.count('"') * 3 + text.count("\\") * 3 + 5
            case dict() as members:
                waiting += members.values()
                size += sum(len(name) + 6 for name in members)
            case list() as items:
                waiting += items
                size += len(items) + 2
            case _:
                size += 8
    return size


@cache
def snake(name: str) -> str:
    """Return a name of the schema as Python spells it: `ask_open_ai` of `askOpenAi`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
