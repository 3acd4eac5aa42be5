"""Assistants: an item under (assistant_type, assistant_id), and a pointer under the id alone."""

import hashlib
import json
import time

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.store.assistant_item import assistant_of, attributes_of
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import delete, put
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.items import project_of
from assistant_engine.store.pages import Page, Window, cut, items_of, placed

PREFIX = "asst_"


class Assistants:
    """Assistants in the API's shape (`AssistantObject`), with the extensions `assistant_type` and `functions`."""

    def __init__(self, connection: Connection, project: str) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.assistants_table
        self._idempotency_table = connection.messages_table
        self._project = project
        self._listed_under = f"{project}#assistant"

    def create(self, assistant: Json, idempotency: Idempotency | None = None) -> None:
        """Write the assistant and its pointer.

        Raises:
            Replayed, Conflict: the idempotency key was used.
            InvalidRequest: the id is taken.
        """
        if idempotency:
            idempotency.check(self._db, self._idempotency_table)
        actions = self.new_assistant_actions(assistant)
        if idempotency:
            now = assistant["created_at"]
            actions.append(idempotency.action(self._idempotency_table, assistant, now))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._idempotency_table)
            raise InvalidRequest(
                f"Invalid 'id': '{assistant['id']}' is taken.", param="id", code="invalid_value"
            ) from None

    def new_assistant_actions(self, assistant: Json) -> list[Json]:
        """The actions that write a new assistant and its pointer."""
        pointer = {
            **_pointer_key(assistant["id"]),
            "points_to": assistant["assistant_type"],
            "belongs_to": self._project,
        }
        absent = Attr("assistant_id").not_exists()
        return [put(self._table, item, absent) for item in (self._item(assistant), pointer)]

    def get(self, assistant_id: str) -> Json:
        """The assistant by its id alone.

        Raises:
            NotFound: no assistant has this id.
        """
        return self.seen(assistant_id)[0]

    def seen(self, assistant_id: str) -> tuple[Json, str]:
        """The assistant by its id alone, and its version: what `replace` takes.

        Raises:
            NotFound: no assistant has this id.
        """
        found = self.found(assistant_id)
        if found is None:
            raise _not_found(assistant_id)
        return found

    def found(self, assistant_id: str) -> tuple[Json, str] | None:
        """The same, None if no assistant has this id."""
        item = self._found(assistant_id)
        return (assistant_of(item, self._blobs), item["version"]) if item else None

    def _found(self, assistant_id: str) -> Json | None:
        key = self._key(assistant_id)
        item = self._db.get(self._table, key) if key else None
        return item if item and _is_ours(item) else None

    def updated_at(self, assistant_id: str) -> Seconds:
        """When an assistant was changed last, or created.

        Raises:
            NotFound: no assistant has this id.
        """
        item = self._found(assistant_id)
        if item is None:
            raise _not_found(assistant_id)
        return Seconds(item["updated_at"] if "updated_at" in item else item["created_at"])

    def project(self, assistant_id: str) -> str:
        """The project that an assistant belongs to, whichever it is.

        Raises:
            NotFound: no assistant has this id.
        """
        pointer = self._pointer(assistant_id)
        if pointer is None:
            raise _not_found(assistant_id)
        return project_of(pointer)

    def replace(self, assistant: Json, version: str) -> bool:
        """Write the assistant in place of the version that was seen, unless it was changed; whether it was written."""
        unchanged, item = Attr("version").eq(version), {**self._item(assistant), "updated_at": int(time.time())}
        try:
            self._db.transact([put(self._table, item, unchanged)])
        except ConditionFailed:
            return False
        return True

    def page(self, window: Window) -> Page:
        """A page of the project's assistants, from the index: what was written in the last moments may be missing."""
        partition, window = ("project", self._listed_under), placed(window, self._place)
        items = items_of(self._db, window, PREFIX, partition, "created", self._table, "by_project")
        found, has_more = cut(filter(_is_ours, items), window)
        return Page((assistant_of(item, self._blobs) for item in found), has_more, window.from_end)

    def _place(self, assistant_id: str) -> str | None:
        item = self._found(assistant_id)
        return item["created"] if item else None

    def delete(self, assistant_id: str) -> None:
        """Delete the assistant, its pointer, and all that the bucket holds of it; a run has a copy of its own.

        Raises:
            NotFound: no assistant has this id.
        """
        assistant = self.get(assistant_id)
        key = {"assistant_type": assistant["assistant_type"], "assistant_id": assistant_id}
        present = Attr("assistant_id").exists()
        try:
            self._db.transact([delete(self._table, each, present) for each in (key, _pointer_key(assistant_id))])
        except ConditionFailed:
            raise _not_found(assistant_id) from None
        self._blobs.delete_below(f"text/assistants/{assistant_id}/")

    def _key(self, assistant_id: str) -> Json | None:
        pointer = self._pointer(assistant_id)
        if pointer is None or project_of(pointer) != self._project:
            return None
        return {"assistant_type": pointer["points_to"], "assistant_id": assistant_id}

    def _pointer(self, assistant_id: str) -> Json | None:
        item = self._db.get(self._table, _pointer_key(assistant_id)) if ids.is_id(assistant_id) else None
        return item if item and "points_to" in item else None

    def _item(self, assistant: Json) -> Json:
        version = hashlib.sha256(json.dumps(assistant, sort_keys=True).encode()).hexdigest()
        return {
            "project": self._listed_under,
            "created": ids.listed_as(PREFIX, assistant["id"], assistant["created_at"]),
            "version": version,
            **attributes_of(assistant, self._blobs, f"text/assistants/{assistant['id']}/{version}"),
        }


def _is_ours(item: Json) -> bool:
    """Return whether an item of the table is an assistant of this engine; the earlier one gave none a version."""
    return "version" in item


def _pointer_key(assistant_id: str) -> Json:
    return {"assistant_type": assistant_id, "assistant_id": assistant_id}


def _not_found(assistant_id: str) -> NotFound:
    return NotFound(f"No assistant found with id '{ids.shown(assistant_id)}'.")
