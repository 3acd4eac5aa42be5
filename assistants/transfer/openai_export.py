"""Reads exports of the Assistants API, in the shapes in which people have them; OpenAI itself made none.

An object is known by its `object`, by the export that it is part of (`assistants-thread-export/v1`), or by its shape:
flat messages (`{"thread_id", "assistant_id", "message_id", "role", "text", "created_at"}`), assistants without an
`object`, containers (`{"assistants": [...], "threads": [...]}`), pages.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json, dicts_of
from assistants.transfer import reading
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging

_PARENTS = {
    "assistant": "",
    "thread": "",
    "file": "",
    "vector_store": "",
    "thread.message": "thread_id",
    "thread.run": "thread_id",
    "thread.run.step": "run_id",
    "vector_store.file": "vector_store_id",
}
"""The kinds of objects, and the member that names what each lies in."""

_CONTAINED = {
    "assistant": "assistant",
    "assistants": "assistant",
    "thread": "thread",
    "threads": "thread",
    "messages": "thread.message",
    "runs": "thread.run",
    "steps": "thread.run.step",
    "run_steps": "thread.run.step",
    "files": "file",
    "vector_stores": "vector_store",
    "vector_store_files": "vector_store.file",
}
"""The members of containers, and the kind of what is in each."""

_SINGLE = {"text", "message"}


class Collector:
    """Puts what it is given into the staging, each object once."""

    def __init__(self, staging: Staging, report: Report) -> None:
        self._staging = staging
        self._report = report
        self._unnamed: Counter[str] = Counter()

    def read(self, paths: list[Path]) -> None:
        """Read files and folders, and what lies in their `files/` by the ids of files."""
        for path in reading.files(paths):
            for found in reading.values(path):
                if isinstance(found, reading.Broken):
                    self._report.leave_out("line", found.where, found.why)
                else:
                    where, value = found
                    self.take(value, where)

    def take(self, value: Any, where: str, kind: str = "", within: Json | None = None) -> None:
        """Take an object, a page, a container or a list of them.

        Args:
            where: names the value in the report.
            kind: what it is if it doesn't say so.
            within: the members that name what it lies in, for objects that don't say so.
        """
        if isinstance(value, list):
            for number, each in enumerate(value):
                self.take(each, f"{where}[{number}]", kind, within)
            return
        if not isinstance(value, dict):
            self._report.leave_out("line", where, "it is no object")
            return
        told = str(value.get("object", ""))
        if isinstance(value.get("data"), list) and told in ("", "list"):
            self.take(value["data"], where, kind, within)
        elif value.get("export_schema") == "assistants-export-manifest/v1":
            for failed in dicts_of(value.get("threads_failed")):
                self._report.leave_out("thread", str(failed.get("thread_id")), "the export did not get it")
        elif "export_schema" in value:
            self._thread_export(value, where)
        elif known := told if told in _PARENTS else _kind_of(value) or kind:
            self._object(value, where, known, within or {})
        elif parts := [name for name in _CONTAINED if isinstance(value.get(name), (list, dict))]:
            for name in parts:
                self.take(value[name], f"{where}.{name}", _CONTAINED[name], within)
        else:
            self._report.leave_out("line", where, "it is no object of the Assistants API")

    def _thread_export(self, value: Json, where: str) -> None:
        if not isinstance(value.get("thread"), dict):
            self._report.leave_out("thread", str(value.get("thread_id")), "the export did not get it")
            return
        parts = {name: value.get(name) or [] for name in ("messages", "runs")}
        self._object({**value["thread"], **parts}, where, "thread", {})
        files = value.get("files")
        self.take(list(files.values()) if isinstance(files, dict) else files or [], f"{where}.files", "file")

    def _object(self, value: Json, where: str, kind: str, within: Json) -> None:
        body = {**within, **value, "object": kind}
        if kind == "thread.message":
            _unflatten(body)
        if kind == "thread":
            body.setdefault("id", body.get("thread_id"))
        parent = str(body.get(_PARENTS[kind]) or "")
        if _PARENTS[kind] and not ids.is_id(parent):
            self._report.leave_out(kind, str(body.get("id") or where), f"it has no {_PARENTS[kind]}")
            return
        identifier = body.get("id")
        if kind == "thread.message" and not identifier:
            # Nobody can ask for it by such a name, which only tells it from the others.
            self._unnamed[parent] += 1
            identifier = f"{parent}/{self._unnamed[parent]}"
        elif not isinstance(identifier, str) or not ids.is_id(identifier):
            self._report.leave_out(kind, where, "it has no id of letters, digits, - and _")
            return
        body["id"] = identifier
        self._contained(kind, body, where)
        before = self._staging.add(kind, identifier, body, parent)
        if before is None:
            return
        if before == body:
            self._report.note(kind, identifier, f"it is there twice: {where}")
        else:
            self._report.leave_out(kind, identifier, f"another one before it has this id: {where}")

    def _contained(self, kind: str, body: Json, where: str) -> None:
        """Take what an object holds of others out of it."""
        parts: Iterable[str] = ()
        if kind == "thread":
            parts, within = ("messages", "runs", "steps", "run_steps"), {"thread_id": body["id"]}
        elif kind == "thread.run":
            parts, within = ("steps", "run_steps"), {"thread_id": body["thread_id"], "run_id": body["id"]}
        elif kind == "vector_store":
            parts, within = ("files",), {"vector_store_id": body["id"]}
        for name in parts:
            if isinstance(body.get(name), (list, dict)):
                inner = "vector_store.file" if kind == "vector_store" else _CONTAINED[name]
                self.take(body.pop(name), f"{where}.{name}", inner, within)


def _kind_of(value: Json) -> str:
    """Return the kind of an object that does not say it, by its shape; empty if it has none that is known."""
    if (
        "role" in value
        and ("thread_id" in value or "message_id" in value)
        and not isinstance(value.get("messages"), list)
    ):
        return "thread.message"
    if isinstance(value.get("messages"), list) and isinstance(value.get("id", value.get("thread_id")), str):
        return "thread"
    if isinstance(value.get("id"), str) and ("instructions" in value or ("model" in value and "tools" in value)):
        return "thread.run" if "thread_id" in value else "assistant"
    return ""


def _unflatten(body: Json) -> None:
    """Give a flat message the members of `MessageObject`."""
    if "message_id" in body:
        body.setdefault("id", body.pop("message_id"))
    for name in _SINGLE & body.keys():
        text = body.pop(name)
        body.setdefault("content", text)
