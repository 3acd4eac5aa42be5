"""Reads a server of this API: another stack, an open-source server, a Foundry project (classic agents)."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from openai import NotFoundError, OpenAI, OpenAIError

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json, dicts_of
from assistants.errors import CommandError
from assistants.transfer.openai_export import Collector
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging

_PAGE = 100
_RETRIES = 5


class Server:
    """A server whose data is read.

    Args:
        base_url: what `/assistants` and `/threads` are below.
        key: its key, or a token of Microsoft Entra.
        api_version: the query parameter `api-version`, for Azure.
        folder: where the bytes of files are kept while they are carried.
    """

    def __init__(
        self, base_url: str, key: str, api_version: str, staging: Staging, report: Report, folder: Path
    ) -> None:
        query: dict[str, object] = {"api-version": api_version} if api_version else {}
        headers = {"OpenAI-Beta": "assistants=v2", "api-key": key if api_version else ""}
        self._client = OpenAI(
            base_url=base_url,
            api_key=key,
            default_query=query,
            default_headers={name: value for name, value in headers.items() if value},
            max_retries=_RETRIES,
        )
        self._staging = staging
        self._report = report
        self._collector = Collector(staging, report)
        self._folder = folder

    def read(self, threads: list[str]) -> None:
        """Put everything into the staging.

        Args:
            threads: ids of threads, for a server that does not list them.

        Raises:
            CommandError: the server can't be read.
        """
        try:
            self._all("assistant", "/assistants")
            self._all("file", "/files", optional=True)
            self._all("vector_store", "/vector_stores", optional=True)
            for store_id in self._staging.names("vector_store"):
                self._all("vector_store.file", f"/vector_stores/{store_id}/files", {"vector_store_id": store_id})
            self._all("thread", "/threads", optional=True)
            self._named(threads)
            for thread_id in self._staging.names("thread"):
                self._thread(thread_id)
            for file_id in self._staging.names("file"):
                self._bytes(file_id)
        except OpenAIError as error:
            raise CommandError(f"{self._client.base_url} can't be read: {type(error).__name__}: {error}") from None

    def _named(self, threads: list[str]) -> None:
        known = set(self._staging.names("thread"))
        for thread_id in threads:
            if thread_id in known or not ids.is_id(thread_id):
                continue
            try:
                self._collector.take(self._get(f"/threads/{thread_id}"), f"/threads/{thread_id}", "thread")
            except NotFoundError:
                self._report.leave_out("thread", thread_id, "the server does not have it")

    def _thread(self, thread_id: str) -> None:
        within = {"thread_id": thread_id}
        self._all("thread.message", f"/threads/{thread_id}/messages", within)
        self._all("thread.run", f"/threads/{thread_id}/runs", within, optional=True)
        for run_id in self._staging.names("thread.run", thread_id):
            path = f"/threads/{thread_id}/runs/{run_id}/steps"
            self._all("thread.run.step", path, {**within, "run_id": run_id}, optional=True)

    def _all(self, kind: str, path: str, within: Json | None = None, *, optional: bool = False) -> None:
        """Put every object of a list into the staging.

        Args:
            optional: whether a server may lack the list.
        """
        try:
            for value in self._pages(path):
                self._collector.take(value, path, kind, within)
        except OpenAIError as error:
            if not optional or getattr(error, "status_code", None) not in (400, 404, 405, 501):
                raise

    def _pages(self, path: str) -> Iterator[Json]:
        after: str | None = None
        while True:
            query: Json = {"limit": _PAGE, "order": "asc", **({"after": after} if after else {})}
            page = self._get(path, query)
            values = dicts_of(page.get("data"))
            yield from values
            following = page.get("last_id") or (values[-1].get("id") if values else None)
            if not page.get("has_more") or not following or following == after:
                return
            after = following

    def _get(self, path: str, query: Json | None = None) -> Json:
        answer: Any = self._client.get(path, cast_to=object, options={"params": query or {}})
        return answer if isinstance(answer, dict) else {}

    def _bytes(self, file_id: str) -> None:
        with suppress(OpenAIError):  # Of files for assistants, OpenAI gave none; the import says so.
            self._client.files.content(file_id).write_to_file(self._folder / file_id)

    def content(self) -> Callable[[Json], Path | None]:
        """Return what finds the bytes of a file."""

        def find(file: Json) -> Path | None:
            path = self._folder / str(file["id"])
            return path if path.is_file() else None

        return find


def thread_ids(path: Path) -> list[str]:
    """Return the ids in a file: one on each line, or JSON lines and exports whose objects name threads."""
    found = []
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        text = line.strip()
        if text.startswith("{"):
            with suppress(ValueError):
                value = json.loads(text)
                text = str(value.get("thread_id") or value.get("id") or "")
        if text and not text.startswith("#"):
            found.append(text)
    return list(dict.fromkeys(found))
