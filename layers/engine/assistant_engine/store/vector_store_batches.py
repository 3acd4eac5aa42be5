"""The batches in which files are attached to a vector store: their counts, and their cancellation."""

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import Update
from assistant_engine.store.pages import Window
from assistant_engine.store.vector_store_files import MAX_FILES, VectorStoreFiles
from assistant_engine.store.vector_stores import counts_of

BATCH_PREFIX = "vsfb_"

_SETTLED_AT_ONCE = 50


class VectorStoreBatches:
    """Batches in the API's shape (`VectorStoreFileBatchObject`); the caller looks up the store first."""

    def __init__(self, database: Database, table: str, files: VectorStoreFiles) -> None:
        self._db = database
        self._table = table
        self._files = files

    def get(self, store_id: str, batch_id: str) -> Json:
        """The batch as `VectorStoreFileBatchObject`.

        Raises:
            NotFound: the store has no such batch.
        """
        known = batch_id.startswith(BATCH_PREFIX) and ids.is_id(batch_id)
        item = self._db.get(self._table, {"thread_id": store_id, "message_id": batch_id}) if known else None
        if item is None:
            raise NotFound(
                f"No file batch found with id '{batch_id[:64]}' in vector store '{store_id}'.", param="batch_id"
            )
        counts = counts_of(item)
        ended = "cancelled" if item.get("cancelled") else "completed"
        return {
            "id": batch_id,
            "object": "vector_store.files_batch",
            "created_at": item["created_at"],
            "vector_store_id": store_id,
            "status": "in_progress" if counts["in_progress"] else ended,
            "file_counts": counts,
        }

    def cancel(self, store_id: str, batch_id: str) -> Json:
        """Cancel what of a batch is still in progress; the batch afterwards.

        Raises:
            NotFound: the store has no such batch.
        """
        if self.get(store_id, batch_id)["status"] != "in_progress":
            return self.get(store_id, batch_id)
        update = Update(self._table, {"thread_id": store_id, "message_id": batch_id}).set(cancelled=True)
        self._db.update(update.when(Attr("thread_id").exists()))
        window = Window(limit=MAX_FILES, order="asc")
        waiting = list(self._files.listed(store_id, window, "in_progress", batch_id))
        for start in range(0, len(waiting), _SETTLED_AT_ONCE):
            group = waiting[start : start + _SETTLED_AT_ONCE]
            if not self._files.settle_all(group, {"status": "cancelled"}):
                for member in group:
                    self._files.settle(member, "cancelled")
        return self.get(store_id, batch_id)
