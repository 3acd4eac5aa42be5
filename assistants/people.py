"""Finds and erases what a stack holds of a person: of a `user_id` in the metadata of threads, messages and runs.

Everything is read, so that nothing is missed that no index lists. Erasing can be done again if it is cut short:
threads, by which everything else is found, go last.
"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import files, messages, retention, vector_stores
from assistant_engine.store import Store
from assistant_engine.store.partition import HEAD
from assistant_engine.store.transfer import Transfer
from assistant_engine.store.usage import user_partition
from assistant_engine.store.vector_stores import is_store_id
from assistants import examples_of
from assistants.transfer.report import Report

ERASED = "erased"

_NAMES = re.compile(r'"((?:file|assistant)-[A-Za-z0-9_-]+|vs_[A-Za-z0-9_-]+)"')
"""Ids of files and vector stores, in the JSON of whatever names them."""


@dataclass
class Holdings:
    """Holds what a stack has of a person.

    Attributes:
        threads: the ids of their threads.
        runs: their runs on those threads.
        rows: the rows of those threads in the directory, by their keys.
        named: ids of files and vector stores that only their threads name.
        elsewhere: keys of messages and runs of theirs on other threads.
        records: keys of idempotency records of requests on their threads.
        partition: where their totals are.
    """

    partition: str
    threads: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    rows: list[Json] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    elsewhere: list[Json] = field(default_factory=list)
    records: list[Json] = field(default_factory=list)


def find(transfer: Transfer, user_id: str) -> Holdings:
    """Find what there is of a person in the project of the store."""
    store = transfer.store
    found = Holdings(user_partition(store.project, user_id))
    others: set[str] = set()
    for item in transfer.items("messages"):
        if item["message_id"] == HEAD and item.get("project", store.project) == store.project:
            whose = found.threads if item.get("metadata", {}).get("user_id") == user_id else others
            whose.add(item["thread_id"])
    mine: set[str] = set()
    others_names: set[str] = set()
    for item in transfer.items("messages"):
        thread_id, name = item["thread_id"], item["message_id"]
        key = {"thread_id": thread_id, "message_id": name}
        if thread_id in found.threads:
            mine |= _named(transfer, item)
            if name.startswith("run_"):
                found.runs.add(name)
        elif thread_id in others:
            others_names |= _named(transfer, item)
            if _names_person(transfer, item, user_id):
                found.elsewhere.append(key)
        elif thread_id.startswith("idempotency#") and _made_in(item.get("made", {})) in found.threads:
            found.records.append(key)
    for item in transfer.items("assistants"):
        if "version" in item:
            others_names |= _named(transfer, item)
    for item in transfer.items("threads"):
        if item["thread_id"] in found.threads:
            found.rows.append({name: item[name] for name in ("assistant_id", "thread_id")})
    found.named = mine - others_names
    return found


def _named(transfer: Transfer, item: Json) -> set[str]:
    whole = [json.dumps(item, default=str), *transfer.texts(item).values()]
    whole += [str(value) for value in item.values() if isinstance(value, str)]
    return {name for text in whole for name in _NAMES.findall(text)}


def _names_person(transfer: Transfer, item: Json, user_id: str) -> bool:
    """Return whether a message or a run names a person."""
    name = item["message_id"]
    if name.startswith("run_"):
        return user_id in (item.get("used_by"), item.get("metadata", {}).get("user_id"))
    if not name.startswith("msg_"):
        return False
    texts = {**item, **transfer.texts(item)}
    metadata = item.get("metadata") or json.loads(texts.get("document", "{}")).get("metadata") or {}
    return metadata.get("user_id") == user_id


def _made_in(made: Json) -> str:
    return str(made.get("thread_id") or made.get("id"))


class Eraser:
    """Erases what there is of a person."""

    def __init__(self, transfer: Transfer, report: Report, now: Seconds) -> None:
        self._transfer = transfer
        self._store = transfer.store
        self._report = report
        self._now = now

    def erase(self, found: Holdings, user_id: str) -> None:
        """Erase it. Totals of projects and assistants stay: they name nobody."""
        self._exports(found, user_id)
        elsewhere = {key["thread_id"] for key in found.elsewhere}
        self._report.count("fine-tuning example", ERASED, examples_of.erase(self._store, found.threads | elsewhere))
        self._named(found)
        self._elsewhere(found)
        database, messages = self._store.database, self._transfer.tables["messages"]
        totals = self._transfer.keys_in(found.partition)
        for kind, keys in (("usage line", totals), ("idempotency record", found.records)):
            database.delete_all(messages, keys)
            self._report.count(kind, ERASED, len(keys))
        database.delete_all(self._transfer.tables["threads"], found.rows)
        for run_id in sorted(found.runs):
            self._store.blobs.delete_below(f"outbox/{run_id}/")
        for thread_id in sorted(found.threads):
            self._thread(thread_id)

    def _thread(self, thread_id: str) -> None:
        names = self._transfer.keys_in(thread_id)
        try:
            self._store.threads.delete(thread_id, self._now)
        except ApiError as error:
            if self._transfer.has_active_run(thread_id):
                self._report.leave_out("thread", thread_id, str(error))
                return
        retention.bury(self._store, thread_id)
        self._report.count("thread", ERASED)
        for kind, prefix in (
            ("message", "msg_"),
            ("run", "run_"),
            ("run step", "step_"),
            ("stream log line", "events#"),
        ):
            self._report.count(kind, ERASED, sum(key["message_id"].startswith(prefix) for key in names))

    def _named(self, found: Holdings) -> None:
        for name in sorted(found.named):
            kind, delete = ("vector_store", vector_stores.delete) if is_store_id(name) else ("file", files.delete)
            try:
                delete(self._store, name)
            except ApiError:
                continue  # It was deleted before.
            self._report.count(kind, ERASED)

    def _elsewhere(self, found: Holdings) -> None:
        """Delete their messages on threads of others, and take their name off the runs there."""
        for key in found.elsewhere:
            if key["message_id"].startswith("msg_"):
                thread = self._store.threads.get(key["thread_id"])
                messages.delete(self._store, thread, key["message_id"])
                self._report.count("message", ERASED)
            else:
                self._transfer.forget_user(key)
                self._report.note(
                    "thread.run", key["message_id"], "it is on a thread of somebody else, and names nobody now"
                )

    def _exports(self, found: Holdings, user_id: str) -> None:
        """Take their lines out of the files of the export."""
        blobs = self._store.blobs
        pages = blobs.client.get_paginator("list_objects_v2").paginate(Bucket=blobs.bucket, Prefix="export/")
        for item in (item for page in pages for item in page.get("Contents", [])):
            if not item["Key"].endswith(".jsonl.gz"):
                continue
            lines = gzip.decompress(blobs.read_bytes(item["Key"])).splitlines(keepends=True)
            kept = [line for line in lines if not self._is_theirs(json.loads(line), found, user_id)]
            if len(kept) < len(lines):
                body = gzip.compress(b"".join(kept), mtime=0)
                blobs.client.put_object(Bucket=blobs.bucket, Key=item["Key"], Body=body)
                self._report.count("export line", ERASED, len(lines) - len(kept))

    def _is_theirs(self, line: Json, found: Holdings, user_id: str) -> bool:
        if line.get("thread_id") in found.threads:
            return True
        return line.get("user_id") == user_id and line.get("project", self._store.project) == self._store.project


def partitions(found: Holdings, store: Store) -> set[str]:
    """Return what a dump of a person holds: partitions of the messages table, and ids of files."""
    return {found.partition, *found.threads, *found.named}


def told(counts: Any) -> Iterator[str]:
    """Return what was erased, a line for each kind."""
    for (kind, outcome), number in counts.items():
        if outcome == ERASED and number:
            yield f"{number:,} {kind}{'s' if number != 1 else ''}"
