"""Whole items of the three tables, for commands that carry data in or out; no function of the stack does.

Texts that an item has in the bucket are carried as its attributes. An import writes nothing over: each write is
conditional on there being no such item.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import Records, configured
from assistant_engine.store import Store
from assistant_engine.store.blobs import INLINE_BYTES
from assistant_engine.store.dynamodb import TRANSACTION_ITEMS, ConditionFailed
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.items import unmarshal
from assistant_engine.store.partition import HEAD, IMPORTED, key_of
from assistant_engine.store.run_item import SETTINGS_BYTES

Table = Literal["assistants", "threads", "messages"]

_KEYS: dict[Table, tuple[str, str]] = {
    "assistants": ("assistant_type", "assistant_id"),
    "threads": ("assistant_id", "thread_id"),
    "messages": ("thread_id", "message_id"),
}
_TRANSACTION_BYTES = 2_000_000
"""DynamoDB takes 4 MB in one transaction, counted otherwise than JSON is."""

_SEGMENTS = 4


class Row(NamedTuple):
    """An item and its table."""

    table: Table
    item: Json


def pointer(thread_id: str, old: str, new: str) -> Row:
    """Return the item that leads from an id that an object was brought along with to the one that it has here."""
    return Row("messages", {**key_of(thread_id, IMPORTED + old), "points_to": new})


class Transfer:
    """Reads and writes whole items.

    Args:
        store: any project's; items of all projects are read.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        names = configured(Records)
        self.tables: dict[Table, str] = {
            "assistants": names.assistants_table,
            "threads": names.threads_table,
            "messages": names.messages_table,
        }

    # Reading

    def items(self, table: Table) -> Iterator[Json]:
        """Every item of a table, in no certain order."""
        client = self.store.database.client

        def pages(segment: int, start: Json) -> Any:
            return client.scan(
                TableName=self.tables[table], Segment=segment, TotalSegments=_SEGMENTS, ConsistentRead=True, **start
            )

        with ThreadPoolExecutor(_SEGMENTS) as pool:
            waiting = {segment: pool.submit(pages, segment, {}) for segment in range(_SEGMENTS)}
            while waiting:
                for segment, future in list(waiting.items()):
                    page = future.result()
                    del waiting[segment]
                    if "LastEvaluatedKey" in page:
                        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
                        waiting[segment] = pool.submit(pages, segment, start)
                    yield from map(unmarshal, page["Items"])

    def texts(self, item: Json) -> Json:
        """Return the texts that an item has in the bucket by their attributes' names."""
        names = [name for name in item if name.endswith("_key")]
        read = self.store.blobs.read_all([item[name] for name in names])
        return {name.removesuffix("_key"): text for name, text in zip(names, read, strict=True)}

    def find(self, row: Row) -> Json | None:
        """The item that lies under the key of another one."""
        key = {name: row.item[name] for name in _KEYS[row.table]}
        return self.store.database.get(self.tables[row.table], key)

    def imported(self, thread_id: str) -> dict[str, str]:
        """Return the ids that messages and runs of a thread have here, by the ids that they were brought along with."""
        key = Key("thread_id").eq(thread_id) & Key("message_id").begins_with(IMPORTED)
        found = self.store.database.query_all(query(self.tables["messages"], key))
        return {item["message_id"].removeprefix(IMPORTED): item["points_to"] for item in found}

    def keys_in(self, partition: str) -> list[Json]:
        """Return the keys of a partition of the messages table."""
        found = query(self.tables["messages"], Key("thread_id").eq(partition), attributes=("message_id",))
        items = self.store.database.query_all(found)
        return [{"thread_id": partition, "message_id": item["message_id"]} for item in items]

    def has_active_run(self, thread_id: str) -> bool:
        """Return whether a run of the thread is active."""
        head = self.store.database.get(self.tables["messages"], {"thread_id": thread_id, "message_id": HEAD})
        return head is not None and "active_run" in head

    # Writing

    def forget_user(self, key: Json) -> None:
        """Take a person off a run: whose usage it was, and what its metadata says of that."""
        run = self.store.database.get(self.tables["messages"], key)
        if run is not None:
            metadata = {name: value for name, value in run["metadata"].items() if name != "user_id"}
            update = Update(self.tables["messages"], key).set(metadata=metadata).remove("used_by")
            self.store.database.update(update.when(Attr("metadata").eq(run["metadata"])))

    def packed(self, item: Json, *names: str) -> Json:
        """Return an item of the messages table; what is large of its texts (`names`) is put into the bucket."""
        for name in names:
            if name not in item:
                continue
            most = SETTINGS_BYTES if item["message_id"].startswith("run_") else INLINE_BYTES
            if len(item[name].encode()) > most:
                key = f"text/{item['thread_id']}/{item['message_id'].replace('#', '-')}-{name}.json"
                self.store.blobs.client.put_object(Bucket=self.store.blobs.bucket, Key=key, Body=item[name].encode())
                item = {**{other: value for other, value in item.items() if other != name}, f"{name}_key": key}
        return item

    def put_action(self, row: Row) -> Json:
        """Return the action that writes an item unless there is one under its key."""
        return put(self.tables[row.table], row.item, Attr(_KEYS[row.table][0]).not_exists())

    def put_new(self, rows: Iterable[Row]) -> int:
        """Write those items that are not there; how many that were."""
        batch: list[Row] = []
        written = size = 0
        for row in rows:
            length = len(json.dumps(row.item, default=str))
            if batch and (len(batch) == TRANSACTION_ITEMS or size + length > _TRANSACTION_BYTES):
                written += self._put_batch(batch)
                batch, size = [], 0
            batch.append(row)
            size += length
        return written + self._put_batch(batch)

    def _put_batch(self, batch: Sequence[Row]) -> int:
        while batch:
            try:
                self.store.database.transact([self.put_action(row) for row in batch])
            except ConditionFailed as failed:
                batch = [row for row, there in zip(batch, failed.items, strict=True) if there is None]
            else:
                return len(batch)
        return 0

    def put_together(self, rows: Sequence[Row], further: Sequence[Json]) -> bool:
        """Write items and carry out further actions, all or nothing; whether nothing stood against it."""
        try:
            self.store.database.transact([*map(self.put_action, rows), *further])
        except ConditionFailed:
            return False
        return True
