"""Exports for fine-tuning: their records, and their manifests in the bucket.

partition of the messages table   sort key
fine_tuning#<project>             ftexport-...

bucket
fine_tuning/<assistant>/<export id>/manifest.json    which runs are in it, line by line
files/<file id>                                      its two files, as any others
"""

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import Update, put
from assistant_engine.store.files import Files
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.pages import Page, Window, cut, items_of
from assistant_engine.store.run_item import ENDED_SHARDS
from assistant_engine.store.runs import Runs

PREFIX = "ftexport-"
FOLDER = "fine_tuning/"
MANIFEST = "manifest.json"


class FineTuning:
    """The exports of a project for fine-tuning."""

    def __init__(
        self, database: Database, blobs: Blobs, table: str, runs: Runs, directory: Directory, files: Files, project: str
    ) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._runs = runs
        self._directory = directory
        self._files = files
        self._project = project
        self._partition = f"fine_tuning#{project}"

    # Records

    def find(self, export_id: str) -> Json | None:
        """The export, or None."""
        item = self._db.get(self._table, self._key(export_id)) if ids.is_id(export_id) else None
        return json.loads(item["export"]) if item else None

    def get(self, export_id: str) -> Json:
        """The export.

        Raises:
            NotFound: the project has none with this id.
        """
        export = self.find(export_id)
        if export is None:
            raise NotFound(f"No fine-tuning export found with id '{ids.shown(export_id)}'.")
        return export

    def page(self, window: Window) -> Page:
        """A page of the project's exports, by the end of what they cover."""
        partition = ("thread_id", self._partition)
        found, has_more = cut(items_of(self._db, window, PREFIX, partition, "message_id", self._table), window)
        return Page((json.loads(item["export"]) for item in found), has_more, window.from_end)

    def create(self, export: Json, seen: Json | None, idempotency: Idempotency | None = None) -> bool:
        """Write an export in place of the one that was seen under its id; whether nobody else was first.

        Raises:
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        as_seen = Attr("export").eq(_text(seen)) if seen else Attr("message_id").not_exists()
        actions = [put(self._table, {**self._key(export["id"]), "export": _text(export)}, as_seen)]
        if idempotency:
            actions.append(idempotency.action(self._table, export, Seconds(export["created_at"])))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            if idempotency:
                idempotency.check(self._db, self._table)
            return False
        return True

    def set(self, export: Json) -> None:
        """Write how an export goes on; nothing happens if there is none."""
        there = Attr("message_id").exists()
        try:
            self._db.update(Update(self._table, self._key(export["id"])).set(export=_text(export)).when(there))
        except ConditionFailed:
            return

    def _key(self, export_id: str) -> Json:
        return {"thread_id": self._partition, "message_id": export_id}

    # What there is to export

    def ended(self, assistant_id: str, days: Iterable[str]) -> Iterator[tuple[ThreadId, str]]:
        """The runs that ended on these days, on threads on which the assistant ran, as (thread id, run id)."""
        for day in days:
            for shard in range(ENDED_SHARDS):
                yield from self._of_assistant(assistant_id, self._runs.ended(day, shard, self._project))

    def _of_assistant(
        self, assistant_id: str, places: Iterator[tuple[ThreadId, str]]
    ) -> Iterator[tuple[ThreadId, str]]:
        for batch in _batches(places, 100):
            names = {thread_id for thread_id, _ in batch}
            keys = [{"assistant_id": assistant_id, "thread_id": name} for name in sorted(names)]
            listed = {item["thread_id"] for item in self._db.get_all(self._directory.table, keys)}
            yield from ((thread_id, run_id) for thread_id, run_id in batch if thread_id in listed)

    # Manifests and files

    @staticmethod
    def manifest_key(assistant_id: str, export_id: str) -> str:
        """Return where an export's manifest is in the bucket."""
        return f"{FOLDER}{assistant_id}/{export_id}/{MANIFEST}"

    def manifests(self, assistant_id: str, since_ms: Milliseconds = EPOCH) -> Iterator[Json]:
        """The manifests of an assistant's exports that cover anything after a moment."""
        folder = f"{FOLDER}{assistant_id}/"
        for prefix in self._blobs.folders(folder):
            if ids.time_of(prefix.removeprefix(folder).rstrip("/")) > since_ms:
                yield json.loads(self._blobs.read(prefix + MANIFEST))

    def put_manifest(self, assistant_id: str, export_id: str, manifest: Json) -> str:
        """Write a manifest in place of the one before; return its key."""
        key = self.manifest_key(assistant_id, export_id)
        body = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=key, Body=body, ContentType="application/json")
        return key

    def put_file(self, file: Json, body: IO[bytes]) -> None:
        """Write a file in place of the one before: first its bytes, then the item."""
        tags: dict[str, Any] = self._files.tagging(file)
        self._blobs.client.upload_fileobj(body, self._blobs.bucket, self._files.key(file["id"]), ExtraArgs=tags)
        self._db.put(self._files.put(file, "application/jsonl", again=True))

    def remove_file(self, file_id: str) -> None:
        """Remove a file that an export had and has no more; nothing happens if there is none."""
        self._files.bury(file_id)


def _batches(places: Iterator[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for place in places:
        batch.append(place)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _text(export: Json) -> str:
    return json.dumps(export, separators=(",", ":"))
