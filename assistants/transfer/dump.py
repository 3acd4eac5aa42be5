"""Writes a stack's data as JSON lines: `assistants`, `files`, `vector_stores`, `threads`, `usage` and `projects`.

What is equal in two stacks is equal in their dumps, byte for byte: nothing in one says when it was made.
"""

import json
import math
import os
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from assistant_engine.domain.json_data import Json
from assistant_engine.store.files import Files
from assistant_engine.store.partition import HEAD
from assistant_engine.store.projects import PARTITION as PROJECTS
from assistant_engine.store.transfer import Table, Transfer
from assistant_engine.store.vector_stores import HEAD as STORE_HEAD
from assistants import private
from assistants.errors import CommandError
from assistants.transfer.lines import kind_of, line_of, project_of
from assistants.transfer.report import NEW, Report
from assistants.transfer.staging import Staging

MANIFEST: Json = {"format": "assistants-dump/1"}
PARTS = ("usage", "assistants", "files", "vector_stores", "threads", "projects")
"""The files of a dump, in the order in which they are imported: see `restore` for why usage is first."""

_FILE_OF = {
    "assistant": "assistants",
    "file": "files",
    "usage": "usage",
    "budget": "projects",
    "project_settings": "projects",
}


def dump(
    transfer: Transfer, folder: Path, report: Report, project: str = "", only: Collection[str] | None = None
) -> None:
    """Write everything, or what belongs to a project.

    Args:
        only: partitions of the messages table and ids of files, of which the rest is left.

    The tables are read once, while others may write: a run that moves at that moment may be told by halves.

    Raises:
        CommandError: there is something in the folder.
    """
    private.folder(folder)
    if any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty.")
    private.folder(folder / "files")
    with Staging() as staging, ExitStack() as stack:
        _stage(transfer, staging)
        parts = {part: stack.enter_context(_created(folder / f"{part}.jsonl")) for part in PARTS}
        for part, line in _lines(transfer, staging, project, only, report):
            parts[part].write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            report.count(line["object"], NEW)
            if line["object"] == "file":
                _save(transfer, line["id"], folder / "files" / line["id"], report)
    private.write(folder / "manifest.json", json.dumps(MANIFEST) + "\n")


def _created(path: Path) -> IO[str]:
    return os.fdopen(private.create(path), "w", encoding="utf-8")


def _stage(transfer: Transfer, staging: Staging) -> None:
    for item in transfer.items("assistants"):
        if item.get("ttl", math.inf) > time.time() and (kind := kind_of("assistants", item)):
            staging.add(kind, item["assistant_id"], item)
    for item in transfer.items("threads"):
        if kind_of("threads", item):
            staging.add("thread.total", item["assistant_id"], item, item["thread_id"])
    for item in transfer.items("messages"):
        if kind_of("messages", item):
            staging.add("messages", item["message_id"], item, item["thread_id"])


def _lines(
    transfer: Transfer, staging: Staging, project: str, only: Collection[str] | None, report: Report
) -> Iterator[tuple[str, Json]]:
    for part, table, item in _chosen(staging, project, only):
        kind = kind_of(table, item)
        try:
            yield part, line_of(kind, item, transfer)
        except transfer.store.blobs.client.exceptions.ClientError:
            name = item["message_id"] if table == "messages" else item["assistant_id"]
            report.leave_out(kind, name, "the bucket does not have its text")


def _chosen(staging: Staging, project: str, only: Collection[str] | None) -> Iterator[tuple[str, Table, Json]]:
    """Return the items to be dumped in their order, each with the file that it goes to."""

    def is_chosen(listed_under: str) -> bool:
        return project in ("", listed_under.partition("#")[0])

    for kind in ("assistant", "file"):
        for item in staging.all(kind, by_id=True):
            if is_chosen(item["project"]) and (only is None or item["assistant_id"] in only):
                yield _FILE_OF[kind], "assistants", item
    for partition in sorted(staging.parents("messages") if only is None else only):
        below = staging.all("messages", partition, by_id=True)
        head = staging.get("messages", HEAD, partition) or staging.get("messages", STORE_HEAD, partition)
        if head is None:
            if partition.startswith(("usage#", "budget#", PROJECTS)):
                yield from (
                    (_FILE_OF[kind_of("messages", item)], "messages", item)
                    for item in below
                    if is_chosen(project_of(item))
                )
            continue  # What else has no head is being removed.
        if "project" not in head or not is_chosen(head["project"]):
            continue  # It is another project's, or was deleted.
        part = "threads" if head["message_id"] == HEAD else "vector_stores"
        yield part, "messages", head
        yield from ((part, "messages", item) for item in below if item["message_id"] != head["message_id"])
        yield from ((part, "threads", item) for item in staging.all("thread.total", partition, by_id=True))


def _save(transfer: Transfer, file_id: str, path: Path, report: Report) -> None:
    store = transfer.store
    try:
        with os.fdopen(private.create(path), "wb") as file:
            store.blobs.client.download_fileobj(store.blobs.bucket, Files.key(file_id), file)
    except store.blobs.client.exceptions.ClientError:
        path.unlink()
        report.leave_out("file content", file_id, "the bucket does not have it")
