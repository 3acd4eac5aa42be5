"""Reads items together that are then asked for one by one: a request for all of them instead of one for each."""

from collections.abc import Sequence

from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Database


class ReadAhead(Database):
    """A database as one reader sees it, who knows what comes next. What was read ahead is given out once.

    Args:
        database: whose client it takes.
    """

    def __init__(self, database: Database) -> None:
        self.client = database.client
        self._read: dict[tuple[str, ...], Json | None] = {}

    def read(self, table: str, keys: list[Json]) -> None:
        """Read items by up to 100 keys, strongly consistent, for the next `get` of each; forget those before."""
        found = {tuple(item[name] for name in key): item for key in keys[:1] for item in self.get_all(table, keys)}
        self._read = {(table, *key.values()): found.get(tuple(key.values())) for key in keys}

    def get(self, table: str, key: Json, *, consistent: bool = True, attributes: Sequence[str] = ()) -> Json | None:
        """One item by its key, from what was read ahead if that is not used up."""
        place = (table, *key.values())
        if place in self._read and consistent and not attributes:
            return self._read.pop(place)
        return super().get(table, key, consistent=consistent, attributes=attributes)
