"""Assistants: an item under (assistant_type, assistant_id), and a pointer under the id alone."""

import hashlib
import json

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import delete, put
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.items import is_ours, project_of
from assistant_engine.store.pages import Page, Window, cut, items_of


class Assistants:
    """Assistants in the API's shape (`AssistantObject`), with the extensions `assistant_type` and `functions`."""

    def __init__(self, database: Database, blobs: Blobs, table: str, idempotency_table: str, project: str) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._idempotency_table = idempotency_table
        self._project = project
        self._listed_under = f"{project}#assistant"

    def create(self, assistant: Json, idempotency: Idempotency | None = None) -> None:
        """Write the assistant and its pointer.

        Raises:
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._idempotency_table)
        pointer = {
            "assistant_type": assistant["id"],
            "assistant_id": assistant["id"],
            "points_to": assistant["assistant_type"],
            "belongs_to": self._project,
        }
        absent = Attr("assistant_id").not_exists()
        actions = [put(self._table, item, absent) for item in (self._item(assistant), pointer)]
        if idempotency:
            now = assistant["created_at"]
            actions.append(idempotency.action(self._idempotency_table, assistant, now))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._idempotency_table)
            raise

    def get(self, assistant_id: str) -> Json:
        """The assistant by its id alone.

        Raises:
            NotFound: no assistant has this id.
        """
        key = self._key(assistant_id)
        item = self._db.get(self._table, key) if key else None
        if not is_ours(item):
            raise _not_found(assistant_id)
        assistant: Json = self._blobs.unpack("document", item)
        return assistant

    def project(self, assistant_id: str) -> str:
        """The project that an assistant belongs to, whichever it is.

        Raises:
            NotFound: no assistant has this id.
        """
        pointer = self._pointer(assistant_id)
        if pointer is None:
            raise _not_found(assistant_id)
        return project_of(pointer)

    def replace(self, assistant: Json, seen: Json) -> bool:
        """Write `assistant` in place of `seen`, unless someone changed it in between; whether it was written."""
        unchanged = Attr("version").eq(self._version(seen))
        try:
            self._db.transact([put(self._table, self._item(assistant), unchanged)])
        except ConditionFailed:
            return False
        return True

    def page(self, window: Window) -> Page:
        """A page of the project's assistants, from the index: what was written in the last moments may be missing."""
        partition = ("project", self._listed_under)
        items = items_of(self._db, window, "asst_", partition, "assistant_id", self._table, "by_project")
        found, has_more = cut(filter(is_ours, items), window)
        return Page(self._blobs.unpack_each("document", found), has_more, window.from_end)

    def delete(self, assistant_id: str) -> None:
        """Delete the assistant, its pointer, and all that the bucket holds of it; a run has a copy of its own.

        Raises:
            NotFound: no assistant has this id.
        """
        assistant = self.get(assistant_id)
        key = {"assistant_type": assistant["assistant_type"], "assistant_id": assistant_id}
        pointer = {"assistant_type": assistant_id, "assistant_id": assistant_id}
        present = Attr("assistant_id").exists()
        try:
            self._db.transact([delete(self._table, key, present) for key in (key, pointer)])
        except ConditionFailed:
            raise _not_found(assistant_id) from None
        self._blobs.delete_below(f"text/assistants/{assistant_id}/")

    def _key(self, assistant_id: str) -> Json | None:
        pointer = self._pointer(assistant_id)
        if pointer is None or project_of(pointer) != self._project:
            return None
        return {"assistant_type": pointer["points_to"], "assistant_id": assistant_id}

    def _pointer(self, assistant_id: str) -> Json | None:
        key = {"assistant_type": assistant_id, "assistant_id": assistant_id}
        item = self._db.get(self._table, key) if ids.is_id(assistant_id) else None
        return item if item and "points_to" in item else None

    def _item(self, assistant: Json) -> Json:
        version = self._version(assistant)
        document = self._blobs.pack("document", assistant, f"text/assistants/{assistant['id']}/{version}.json")
        keys = {"assistant_type": assistant["assistant_type"], "assistant_id": assistant["id"]}
        return {**keys, "project": self._listed_under, "version": version, **document}

    @staticmethod
    def _version(assistant: Json) -> str:
        return hashlib.sha256(json.dumps(assistant, sort_keys=True).encode()).hexdigest()


def _not_found(assistant_id: str) -> NotFound:
    return NotFound(f"No assistant found with id '{ids.shown(assistant_id)}'.")
