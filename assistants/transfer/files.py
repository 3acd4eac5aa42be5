"""Writes the files and vector stores of an import. Vector stores are filled again from the bytes of their files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from assistant_engine.domain import clock, ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json, dicts_of
from assistant_engine.resources.vector_stores import chunking_of
from assistant_engine.schemas.responses import FilePurpose
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.files import PREFIX as FILE_PREFIX
from assistant_engine.store.files import Files, media_type_of
from assistant_engine.store.vector_stores import DAY, is_store_id
from assistants.transfer import convert
from assistants.transfer.report import NEW, THERE, Report
from assistants.transfer.staging import Staging

PURPOSES = get_args(FilePurpose)

Content = Callable[[Json], Path | None]
"""Finds the bytes of a file (`OpenAIFile`); None if there are none."""


def in_folders(paths: list[Path]) -> tuple[Content, list[tuple[str, Path]]]:
    """Return what finds the bytes of files in `files/` of the folders that were read, by id or name; and all by id."""
    folders = {(path if path.is_dir() else path.parent) / "files" for path in paths}
    found = [
        path for folder in sorted(folders) if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()
    ]
    by_name = {path.name: path for path in reversed(found)}
    by_id = {path.name.partition(".")[0]: path for path in reversed(found)}

    def content(file: Json) -> Path | None:
        return by_id.get(file["id"]) or by_name.get(str(file.get("filename")))

    return content, [(name, path) for name, path in by_id.items() if name.startswith(FILE_PREFIX) and ids.is_id(name)]


class FilesAndStores:
    """Writes files and vector stores of a project.

    Args:
        embedding: `{"model", "dimensions"}` of the vectors that the stack makes.
    """

    def __init__(
        self,
        store: Store,
        staging: Staging,
        report: Report,
        content: Content,
        embedding: Json,
        now: Seconds,
        *,
        dry_run: bool,
    ) -> None:
        self._store = store
        self._staging = staging
        self._report = report
        self._content = content
        self._embedding = embedding
        self._now = now
        self._dry_run = dry_run

    def write_files(self) -> None:
        """Write each file whose bytes there are."""
        for body in self._staging.all("file"):
            name = body["id"]
            path = self._content(body)
            if path is None:
                self._report.leave_out("file", name, "there are no bytes of it")
                continue
            created = clock.moment(body.get("created_at")) or Milliseconds(1000 * self._now)
            filename = str(body.get("filename") or path.name)[:255]
            purpose = body.get("purpose") if body.get("purpose") in PURPOSES else "assistants"
            file = new_file(name, filename, path.stat().st_size, str(purpose), Seconds(created // 1000))
            there = self._found(name)
            if there is not None:
                self._there("file", name, (there["filename"], there["bytes"]) == (filename, file["bytes"]))
            elif self._dry_run or self._put(file, path):
                self._report.count("file", NEW)
            else:
                self._report.leave_out("file", name, "there is another one with this id")

    def _found(self, file_id: str) -> Json | None:
        try:
            return self._store.files.get(file_id)
        except ApiError:
            return None

    def _put(self, file: Json, path: Path) -> bool:
        blobs, files = self._store.blobs, self._store.files
        place = ids.listed_as(FILE_PREFIX, file["id"], file["created_at"])
        if not self._is_free(file["id"]):
            return False
        with path.open("rb") as data:
            blobs.client.upload_fileobj(data, blobs.bucket, Files.key(file["id"]))
        try:
            self._store.database.transact([files.put(file, media_type_of(file["filename"], None), place)])
        except ConditionFailed:
            return False
        return True

    def _is_free(self, file_id: str) -> bool:
        """Return whether no project has a file with this id: its bytes stay as they are."""
        return not self._store.files.is_taken(file_id)

    def _there(self, kind: str, identifier: str, same: bool) -> None:
        if same:
            self._report.count(kind, THERE)
        else:
            self._report.leave_out(kind, identifier, "there is another one with this id")

    def write_stores(self) -> None:
        """Write each vector store, and give it those of its files that are there."""
        for body in self._staging.all("vector_store"):
            name = body["id"]
            if not is_store_id(name):
                self._report.leave_out("vector_store", name, "its id does not start with vs_")
                continue
            created = clock.moment(body.get("created_at")) or Milliseconds(1000 * self._now)
            if not self._dry_run and not self._is_there(name):
                self._create(body, created)
            elif self._is_there(name):
                self._report.count("vector_store", THERE)
            else:
                self._report.count("vector_store", NEW)
            self._fill(name, created)

    def _is_there(self, store_id: str) -> bool:
        try:
            self._store.vector_stores.head(store_id)
        except ApiError:
            return False
        return True

    def _create(self, body: Json, created: Milliseconds) -> None:
        days = (body.get("expires_after") or {}).get("days")
        made: Json = {
            "id": body["id"],
            "created_at": created // 1000,
            "name": body.get("name") or "",
            "description": body.get("description"),
            "metadata": convert.metadata(body, "vector_store", self._report),
            # It begins to expire when it is there to be used.
            "last_active_at": self._now,
        }
        if isinstance(days, int) and 0 < days <= 365:
            made |= {"expires_after": {"anchor": "last_active_at", "days": days}, "expires_at": self._now + days * DAY}
        place = ids.listed_as("vs_", body["id"], made["created_at"])
        try:
            self._store.vector_stores.create(made, self._embedding, place=place)
            self._report.count("vector_store", NEW)
        except ConditionFailed:
            self._report.leave_out("vector_store", body["id"], "there is another one with this id")

    def _fill(self, store_id: str, created: Milliseconds) -> None:
        entries = []
        for body in self._staging.all("vector_store.file", store_id):
            file = self._found(body["id"]) if not self._dry_run else self._staging.get("file", body["id"])
            if file is None:
                self._report.leave_out("vector_store.file", f"{store_id} {body['id']}", "the file is not there")
                continue
            strategy: Json = body.get("chunking_strategy") or {}
            known = isinstance(strategy, dict) and isinstance(strategy.get("static"), dict)
            entries.append(
                {
                    "file_id": body["id"],
                    "filename": file.get("filename") or body["id"],
                    "attributes": body.get("attributes") or None,
                    "chunking": chunking_of({"type": "static", **strategy} if known else None),
                }
            )
        if self._dry_run:
            self._report.count("vector_store.file", NEW, len(entries))
            return
        if not self._is_there(store_id):
            return
        attached = self._store.vector_store_files.attach(store_id, entries, created, anew=False, asked_at=self._now)
        self._report.count("vector_store.file", NEW, len(attached))
        if there := len(entries) - len(attached):
            self._report.count("vector_store.file", THERE, there)


def stage_unlisted(staging: Staging, by_id: list[tuple[str, Path]]) -> None:
    """Put files of which there are only the bytes into the staging."""
    for name, path in by_id:
        staging.add("file", name, {"id": name, "filename": path.name, "created_at": int(path.stat().st_mtime)})


def stage_first_version(staging: Staging) -> None:
    """Put a vector store into the staging for each assistant of the first version that searched its files."""
    for body in staging.all("assistant"):
        tools = {tool.get("type") for tool in dicts_of(body.get("tools"))}
        if body.get("file_ids") and not body.get("tool_resources") and tools & {"retrieval", "file_search"}:
            store = convert.store_of_files(body)
            staging.add("vector_store", store["id"], store)
            for name in _names(body["file_ids"]):
                staging.add("vector_store.file", name, {"id": name, "vector_store_id": store["id"]}, store["id"])


def _names(values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and ids.is_id(value))
