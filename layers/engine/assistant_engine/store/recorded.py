"""What callers record of the past: in which thread a run that ended elsewhere lies, and tasks of other engines.

partition              sort key
recorded#<project>     run#<run>               leads to its thread
                       task#<function>#<task>  a task
<thread>               id#<id>                 leads to an object by the id that it was brought along with
"""

import hashlib
from collections.abc import Iterator

from boto3.dynamodb.conditions import Key

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import put, query
from assistant_engine.store.partition import IMPORTED, key_of


class Recorded:
    """What callers of a project recorded."""

    def __init__(self, database: Database, blobs: Blobs, table: str, project: str) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._partition = f"recorded#{project}"

    # Runs, and what else has an id of its own

    def run_action(self, run_id: str, thread_id: ThreadId) -> Json:
        """The action that records in which thread a run lies."""
        return put(self._table, {**self._key(f"run#{run_id}"), "points_to": thread_id})

    def thread_of(self, run_id: str) -> str | None:
        """The id of the thread that a recorded run lies in, None if no such run was recorded."""
        item = self._db.get(self._table, self._key(f"run#{run_id}"))
        return item["points_to"] if item else None

    def name_of(self, thread_id: ThreadId, own_id: str) -> str | None:
        """The id that an object has here which was brought along with an id of its own; None if none was."""
        item = self._db.get(self._table, key_of(thread_id, IMPORTED + own_id))
        return item["points_to"] if item else None

    # Tasks

    def task(self, function_name: str, task_uuid: str) -> Json | None:
        """A task, None if none of these names was recorded."""
        item = self._db.get(self._table, self._task_key(function_name, task_uuid))
        task: Json | None = self._blobs.unpack("task", item) if item else None
        return task

    def put_task(self, task: Json) -> None:
        """Write a task (with `function_name` and `task_uuid`) in place of the one before."""
        key = self._task_key(task["function_name"], task["task_uuid"])
        self._db.transact([put(self._table, {**key, **self._blobs.pack("task", task, f"text/{_hash(*key.values())}")})])

    def delete_task(self, function_name: str, task_uuid: str) -> bool:
        """Delete a task; whether there was one."""
        item = self._db.delete(self._table, self._task_key(function_name, task_uuid))
        if item and "task_key" in item:
            self._blobs.delete(item["task_key"])
        return item is not None

    def tasks(self) -> Iterator[Json]:
        """Every task."""
        key = Key("thread_id").eq(self._partition) & Key("message_id").begins_with("task#")
        return (self._blobs.unpack("task", item) for item in self._db.query_all(query(self._table, key)))

    def _task_key(self, function_name: str, task_uuid: str) -> Json:
        # Names are the caller's own words, of any length.
        return self._key(f"task#{_hash(function_name)}#{_hash(task_uuid)}")

    def _key(self, name: str) -> Json:
        return key_of(self._partition, name)


def _hash(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode(errors="surrogatepass")).hexdigest()
