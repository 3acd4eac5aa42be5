"""Vector stores: the head of each, a partition of the messages table under the store's id.

The head counts the store's files by status; whoever moves a file from one status to another changes the counts in the
same transaction. What is due, a store that expires or was deleted and a file whose ingestion may have been lost, is
listed in a partition of its own of the index of open runs, for the sweeper.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.vector_store import FILE_STATUSES
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.pages import Page, Window, cut, items_of, placed

PREFIX = "vs_"
HEAD = "vector_store"
DAY = 86_400

DUE = "vector_stores"
"""The partition of the index of open runs that lists what of vector stores is due."""

_ACTIVE_SECONDS = 60
"""How much later than `last_active_at` a search must be to be written down: not each of many at once writes."""


class VectorStores:
    """Vector stores in the API's shape (`VectorStoreObject`), with the extension `description`."""

    def __init__(
        self,
        connection: Connection,
        project: str = "default",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._project = f"{project}#vector_store"
        self._clock = clock

    def create(
        self, vector_store: Json, embedding: Json, idempotency: Idempotency | None = None, *, place: str = ""
    ) -> None:
        """Write a store that has no files yet.

        Args:
            vector_store: `VectorStoreObject`.
            embedding: `{"model", "dimensions"}` of the vectors that its files get, whatever is configured later.
            place: its place in lists (`ids.listed_as`), if that is not its id.

        Raises:
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        expires = vector_store.get("expires_after")
        item = {
            **head_key(vector_store["id"]),
            "project": self._project,
            "created": place or vector_store["id"],
            "created_at": vector_store["created_at"],
            "name": vector_store["name"],
            "description": vector_store["description"],
            "metadata": vector_store["metadata"],
            "last_active_at": vector_store["last_active_at"],
            "embedding": embedding,
            "usage_bytes": 0,
            **{f"n_{status}": 0 for status in (*FILE_STATUSES, "total")},
            **(_expiry(expires["days"], vector_store["last_active_at"]) if expires else {}),
        }
        actions = [put(self._table, item, Attr("thread_id").not_exists())]
        if idempotency:
            actions.append(idempotency.action(self._table, vector_store, vector_store["created_at"]))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._table)
            raise

    def get(self, store_id: str) -> Json:
        """The store as it stands.

        Raises:
            NotFound: no store has this id, or it was deleted.
        """
        return self.shown(self.head(store_id))

    def head(self, store_id: str) -> Json:
        """The store's item: beside what the API shows, `embedding`.

        Raises:
            NotFound: no store has this id, or it was deleted.
        """
        item = self._db.get(self._table, head_key(store_id)) if is_store_id(store_id) else None
        # Deleting takes the project away; another project's store is answered like a missing one.
        if item is None or item.get("project") != self._project:
            raise not_found(store_id)
        return item

    def usable(self, store_id: str) -> Json:
        """The item of a store that can be searched and added to.

        Raises:
            NotFound: no store has this id.
            InvalidRequest: it has expired.
        """
        item = self.head(store_id)
        self.require_usable(item)
        return item

    def require_usable(self, head: Json) -> None:
        """Check that a store, its item as it was read, can be searched and added to.

        Raises:
            InvalidRequest: it has expired.
        """
        if not self._is_usable(head):
            raise InvalidRequest(
                f"The vector store {id_of(head)} has expired. Create a new one with the same files.",
                param="vector_store_id",
                code="vector_store_expired",
            )

    def searchable(self, store_id: str) -> Json | None:
        """The item of a store that can be searched; None of one that has expired, was deleted or is another's."""
        item = self._db.get(self._table, head_key(store_id)) if is_store_id(store_id) else None
        return item if item and item.get("project") == self._project and self._is_usable(item) else None

    def embedding(self, store_id: str) -> Json:
        """`{"model", "dimensions"}` of a store's vectors, whosever it is.

        Raises:
            NotFound: no store has this id.
        """
        item = self._db.get(self._table, head_key(store_id), attributes=["embedding"])
        if item is None:
            raise not_found(store_id)
        embedding: Json = item["embedding"]
        return embedding

    def _is_usable(self, item: Json) -> bool:
        now = self._clock()
        return bool(item.get("expires_at", now + 1) > now)

    def shown(self, item: Json) -> Json:
        """`VectorStoreObject` from the store's item."""
        counts = counts_of(item)
        status = "expired" if not self._is_usable(item) else "in_progress" if counts["in_progress"] else "completed"
        shown = {
            "id": item["thread_id"],
            "object": "vector_store",
            "created_at": item["created_at"],
            "name": item["name"],
            "description": item.get("description"),
            "usage_bytes": item["usage_bytes"],
            "file_counts": counts,
            "status": status,
            "expires_at": item.get("expires_at"),
            "last_active_at": item["last_active_at"],
            "metadata": item["metadata"],
        }
        if "expires_days" in item:
            shown["expires_after"] = {"anchor": "last_active_at", "days": item["expires_days"]}
        return shown

    def page(self, window: Window) -> Page:
        """A page of stores by time of creation, from the index: what was written in the last moments may be missing."""
        partition, window = ("project", self._project), placed(window, self._place)
        listed = items_of(self._db, window, PREFIX, partition, "created", self._table, "by_project")
        found, has_more = cut(self._heads(listed), window)
        return Page(map(self.shown, found), has_more, window.from_end)

    def _place(self, store_id: str) -> str | None:
        item = self._db.get(self._table, head_key(store_id))
        return item["created"] if item and item.get("project") == self._project else None

    def _heads(self, listed: Iterator[Json]) -> Iterator[Json]:
        while names := [item["thread_id"] for item in islice(listed, 100)]:
            heads = self._db.get_all(self._table, [head_key(name) for name in names])
            by_id = {head["thread_id"]: head for head in heads if head.get("project") == self._project}
            yield from (by_id[name] for name in names if name in by_id)

    def update(self, store_id: str, changes: Json) -> Json:
        """Change `name`, `metadata` or `expires_after`; the store afterwards.

        Raises:
            NotFound: no store has this id.
            InvalidRequest: it has expired.
        """
        head = self.usable(store_id)
        update = self._update(store_id).set({name: changes[name] for name in ("name", "metadata") if name in changes})
        if changes.get("expires_after"):
            update.set(_expiry(changes["expires_after"]["days"], head["last_active_at"]))
        elif "expires_after" in changes:
            update.remove("expires_days", "expires_at", "open_shard", "due_at")
        return self.shown(head if update.is_empty else self._write(update, store_id))

    def touch(self, store_id: str, item: Json) -> None:
        """Write down that the store is in use, which postpones its expiry. At most once a minute.

        Args:
            item: the store's item as it was read.
        """
        now = int(self._clock())
        if now - item["last_active_at"] < _ACTIVE_SECONDS:
            return
        update = self._update(store_id).set(last_active_at=now)
        if "expires_days" in item:
            update.set(_expiry(item["expires_days"], now))
        try:
            self._write(update, store_id)
        except NotFound:
            return  # It was deleted meanwhile.

    def _update(self, store_id: str) -> Update:
        return Update(self._table, head_key(store_id))

    def _write(self, update: Update, store_id: str) -> Json:
        try:
            return self._db.update(update.when(Attr("project").exists()))
        except ConditionFailed:
            raise not_found(store_id) from None

    def delete(self, store_id: str) -> None:
        """Put a tombstone on the store: it is gone for every caller; what lies below it goes in the background.

        Raises:
            NotFound: no store has this id.
        """
        self.head(store_id)
        try:
            self._db.update(
                self._update(store_id)
                .set(open_shard=DUE, due_at=int(self._clock()))
                .remove("project")
                .when(Attr("project").eq(self._project))
            )
        except ConditionFailed:
            raise not_found(store_id) from None

    def due(self, now: Seconds, most: int = 100) -> list[tuple[str, str]]:
        """Return what is due in any project, as (store id, sort key): a store itself, or a file in progress."""
        key = Key("open_shard").eq(DUE) & Key("due_at").lte(now)
        items, _ = self._db.query(query(self._table, key, index="open_runs", limit=most))
        return [(item["thread_id"], item["message_id"]) for item in items]

    def postpone(self, store_id: str, sort_key: str, due: Seconds) -> None:
        """Let the sweeper look again at `due`.

        Raises:
            ConditionFailed: it is no longer listed.
        """
        update = Update(self._table, {"thread_id": store_id, "message_id": sort_key}).set(due_at=due)
        self._db.update(update.when(Attr("open_shard").exists()))

    def gone(self, store_id: str) -> str | None:
        """Return why what lies below the store may be removed, `deleted` or `expired`; None while it may not."""
        item = self._db.get(self._table, head_key(store_id))
        if item is None or "project" not in item:
            return "deleted"
        return None if self._is_usable(item) else "expired"

    def bury(self, store_id: str) -> None:
        """Remove every item of a deleted store, the head last: a burial that was cut short is done again."""
        names = query(self._table, Key("thread_id").eq(store_id), attributes=("message_id", "points_to"))
        items = list(self._db.query_all(names))
        keys = [{"thread_id": store_id, "message_id": item["message_id"]} for item in items]
        # A file lists the stores that it is in; its entry is removed with the pointer of the same name.
        holding = [{"thread_id": item["message_id"], "message_id": store_id} for item in items if "points_to" in item]
        self._db.delete_all(self._table, [*holding, *(key for key in keys if key["message_id"] != HEAD)])
        self._db.delete_all(self._table, [head_key(store_id)])

    def forget(self, store_id: str) -> None:
        """Take an expired store, whose chunks are removed, off the list of what is due; the API still shows it."""
        update = self._update(store_id).remove("open_shard", "due_at")
        self._db.update(update.when(Attr("thread_id").exists()))


def is_store_id(text: str) -> bool:
    """Return whether the text can be the id of a vector store."""
    return text.startswith(PREFIX) and ids.is_id(text)


def head_key(store_id: str) -> Json:
    """The key of a store's head."""
    return {"thread_id": store_id, "message_id": HEAD}


def id_of(head: Json) -> str:
    """Return the id of the store that an item is the head of."""
    store_id: str = head["thread_id"]
    return store_id


def counts_of(item: Json) -> Json:
    """`file_counts` of a store's or a batch's item."""
    return {status: item.get(f"n_{status}", 0) for status in (*FILE_STATUSES, "total")}


def not_found(store_id: str) -> NotFound:
    """Return what is raised where a vector store is not found."""
    return NotFound(f"No vector store found with id '{ids.shown(store_id)}'.", param="vector_store_id")


def _expiry(days: int, last_active_at: int) -> Json:
    expires_at = last_active_at + days * DAY
    return {"expires_days": days, "expires_at": expires_at, "open_shard": DUE, "due_at": expires_at}
