"""Pages of a list. Ids sort by time, so a page is a range of keys: nothing that others write meanwhile can shift it."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from boto3.dynamodb.conditions import Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import query


class Window(NamedTuple):
    """The part of a list that is asked for, as in the query string of every list.

    Attributes:
        since, until: only what was created from the one on and before the other, in milliseconds since 1970.
    """

    limit: int = 20
    order: str = "desc"
    after: str | None = None
    before: str | None = None
    since: Milliseconds | None = None
    until: Milliseconds | None = None

    @property
    def from_end(self) -> bool:
        """Return whether the page is read from its end on: it ends at `before` and starts wherever it then starts."""
        return self.before is not None and self.after is None

    @property
    def ascending(self) -> bool:
        """Return whether ids rise in the order in which the page is read."""
        return (self.order == "asc") != self.from_end

    def bounds(self, prefix: str) -> tuple[str, str]:
        """The lowest and the highest id that the page may hold; no id lies between them if the lowest is higher.

        Args:
            prefix: what every id of the list starts with. A cursor's object may have been deleted meanwhile.

        Raises:
            InvalidRequest: a cursor is not an id of this list.
        """
        for name in ("after", "before"):
            cursor = getattr(self, name)
            if cursor is not None and not (ids.is_place(cursor) and cursor.startswith(prefix)):
                raise InvalidRequest(
                    f"Invalid '{name}': expected an id that starts with '{prefix}'.", param=name, code="invalid_value"
                )
        above, below = (self.after, self.before) if self.order == "asc" else (self.before, self.after)
        # Ids hold only characters between "!" and "~".
        low = above + "!" if above else prefix
        high = below[:-1] + chr(ord(below[-1]) - 1) + "~" if below else prefix + "~"
        since = "" if self.since is None else ids.time_part(self.since)
        until = "~" if self.until is None else ids.time_part(self.until)
        return max(low, prefix + since), min(high, prefix + until)


def placed(window: Window, place_of: Callable[[str], str | None]) -> Window:
    """Return the window with its cursors' places in the list instead of their ids.

    Args:
        place_of: looks an object's place up by its id; None of one that was deleted, or is another project's. Its id is
            then taken for its place, which it is unless it was brought along.
    """

    def place(cursor: str | None) -> str | None:
        return (place_of(cursor) or cursor) if cursor and ids.is_id(cursor) else cursor

    return window._replace(after=place(window.after), before=place(window.before))


class Page(NamedTuple):
    """One page as it is read: its objects come one by one, in the order of reading, and may be left unread.

    Attributes:
        from_end: whether they come last first.
        has_more: whether the list goes on beyond the object that comes last.
        stopped_at: the id up to which the list was read, if that was given up before the page was full.
    """

    objects: Iterator[Any]
    has_more: bool
    from_end: bool
    stopped_at: str | None = None


def items_of(
    database: Database,
    window: Window,
    prefix: str,
    partition: tuple[str, str],
    sort_key: str,
    table: str,
    index: str | None = None,
) -> Iterator[Json]:
    """The items of a partition from where the window starts, in the order of reading.

    Args:
        partition: name and value of the partition key.
        sort_key: name of the key that holds the ids.
        table: read strongly consistent, unless `index` is one of its indexes.
    """
    low, high = window.bounds(prefix)
    if low > high:
        return iter(())
    name, value = partition
    key = Key(name).eq(value) & Key(sort_key).between(low, high)
    return database.query_all(query(table, key, index=index, ascending=window.ascending, limit=window.limit + 1))


def cut(items: Iterator[Json], window: Window) -> tuple[list[Json], bool]:
    """As many items as the window takes, and whether there are more."""
    found = list(islice(items, window.limit + 1))
    return found[: window.limit], len(found) > window.limit
