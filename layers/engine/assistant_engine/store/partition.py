"""The partition of a thread: its head, and below it messages, runs, turns and run steps under their ids."""

from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.conditions import Key

from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import query
from assistant_engine.store.items import is_ours
from assistant_engine.store.pages import Window, items_of

HEAD = "thread"
"""The sort key of a thread's head."""

IMPORTED = "id#"
"""The start of the name of a pointer: from the id that an object was brought along with to the one that it has here."""


def key_of(thread_id: str, name: str) -> Json:
    """Return the key of an item in a thread's partition."""
    return {"thread_id": thread_id, "message_id": name}


def below(table: str, thread_id: str, prefix: str, **options: Any) -> Json:
    """Return the query, strongly consistent, for the items of a thread whose names start with a prefix.

    Args:
        options: as `expressions.query` takes them.
    """
    return query(table, Key("thread_id").eq(thread_id) & Key("message_id").begins_with(prefix), **options)


def page_below(database: Database, table: str, thread_id: str, prefix: str, window: Window) -> Iterator[Json]:
    """Return the objects of a thread whose names start with a prefix, from where the window starts."""
    return filter(is_ours, items_of(database, window, prefix, ("thread_id", thread_id), "message_id", table))


def find_below(database: Database, table: str, thread_id: str, name: str) -> Json | None:
    """Return an object of a thread by its id, or by the id that it was brought along with; None if there is none."""
    item = database.get(table, key_of(thread_id, name))
    if item is None and (pointer := database.get(table, key_of(thread_id, IMPORTED + name))):
        item = database.get(table, key_of(thread_id, pointer["points_to"]))
    return item if is_ours(item) else None
