"""Another server of this API is read page by page: with and without a list of threads, with keys of either kind."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistants.errors import CommandError
from assistants.transfer import importing
from assistants.transfer.live import Server, thread_ids
from assistants.transfer.models import Models
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging
from tests.support.imports import NOW, Imported, messages_of
from tests.support.loopback_server import serving

ASSISTANT = {
    "id": "asst_1",
    "object": "assistant",
    "created_at": 1_699_000_000,
    "name": "A",
    "model": "gpt-6-luna",
    "tools": [],
}
THREAD = {"id": "thread_1", "object": "thread", "created_at": 1_699_000_001, "metadata": {"k": "v"}}
RUN = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1_699_000_003,
    "completed_at": 1_699_000_004,
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "status": "completed",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
FILE = {
    "id": "file-1",
    "object": "file",
    "created_at": 1_699_000_000,
    "filename": "a.txt",
    "bytes": 2,
    "purpose": "assistants",
}
STORE = {"id": "vs_1", "object": "vector_store", "created_at": 1_699_000_000, "name": "V"}


def said(number: int) -> Json:
    text = {"type": "text", "text": {"value": str(number), "annotations": []}}
    return {
        "id": f"msg_{number:04d}",
        "object": "thread.message",
        "created_at": 1_699_000_002,
        "thread_id": "thread_1",
        "role": "user",
        "content": [text],
    }


LISTS: dict[str, list[Json]] = {
    "/v1/assistants": [ASSISTANT],
    "/v1/files": [FILE],
    "/v1/vector_stores": [STORE],
    "/v1/vector_stores/vs_1/files": [{"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1"}],
    "/v1/threads/thread_1/messages": [said(number) for number in range(250)],
    "/v1/threads/thread_1/runs": [RUN],
    "/v1/threads/thread_1/runs/run_1/steps": [],
}


class Elsewhere(ThreadingHTTPServer):
    """A server of this API, as others are."""

    lists_threads = True
    asked: list[tuple[str, dict[str, list[str]], Any]]


class Answer(BaseHTTPRequestHandler):
    server: Elsewhere

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.server.asked.append((url.path, query, self.headers))
        if url.path == "/v1/files/file-1/content":
            self._send(200, b"hi")
        elif url.path == "/v1/threads/thread_1":
            self._send(200, json.dumps(THREAD).encode())
        elif url.path in LISTS or (url.path == "/v1/threads" and self.server.lists_threads):
            self._send(200, json.dumps(self._page(LISTS.get(url.path, [THREAD]), query)).encode())
        else:
            self._send(404, b'{"error": {"message": "Not found"}}')

    def _page(self, objects: list[Json], query: dict[str, list[str]]) -> Json:
        assert query["order"] == ["asc"]
        after = query.get("after", [""])[0]
        rest = [each for each in objects if each["id"] > after]
        page = rest[: int(query["limit"][0])]
        return {
            "object": "list",
            "data": page,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(rest) > len(page),
        }

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere(("127.0.0.1", 0), Answer)
    server.asked = []
    with serving(server):
        yield server


@pytest.fixture
def import_live(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Imported]:
    """Import from the server as `import live` does."""

    def run(store: Store, *threads: str, api_version: str = "") -> Imported:
        report = Report(tmp_path_factory.mktemp("report") / "report.jsonl")
        folder = tmp_path_factory.mktemp("bytes")
        url = f"http://127.0.0.1:{elsewhere.server_address[1]}/v1"
        target = importing.Target(store, NOW, Models(date(2026, 11, 27)))
        with Staging() as staging:
            server = Server(url, "secret", api_version, staging, report, folder)
            server.read(list(threads))
            importing.write(staging, target, report, server.content())
        return Imported(report)

    return run


def test_everything_of_another_server_is_there(store: Store, import_live: Callable[..., Imported]) -> None:
    told = import_live(store)

    assert told.complete, told.lines
    assert store.assistants.get("asst_1")["name"] == "A"
    thread = store.threads.get("thread_1")
    assert (thread.metadata, thread.usage.total_tokens) == ({"k": "v"}, 5)
    assert [int(each["content"][0]["text"]["value"]) for each in messages_of(store, "thread_1")] == list(range(250))
    assert store.files.read("file-1") == b"hi"
    assert store.vector_stores.get("vs_1")["file_counts"]["total"] == 1


def test_a_server_that_does_not_list_threads_is_asked_for_those_that_are_named(
    store: Store, elsewhere: Elsewhere, import_live: Callable[..., Imported]
) -> None:
    elsewhere.lists_threads = False

    told = import_live(store, "thread_1", "thread_gone", api_version="v1")

    assert len(messages_of(store, "thread_1")) == 250
    assert set(told.left_out("thread")) == {"thread_gone"}
    for path, query, headers in elsewhere.asked:
        assert query["api-version"] == ["v1"], path
        assert headers["Authorization"] == "Bearer secret"


def test_ids_of_threads_are_read_from_any_list(tmp_path: Path) -> None:
    path = tmp_path / "threads.txt"
    path.write_text('# mine\nthread_1\n\nthread_2\n{"thread_id": "thread_3", "role": "user"}\n{"id": "thread_2"}\n')
    assert thread_ids(path) == ["thread_1", "thread_2", "thread_3"]


def test_a_server_that_refuses_is_said(
    store: Store, elsewhere: Elsewhere, import_live: Callable[..., Imported], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answer, "do_GET", lambda self: self._send(401, b'{"error": {"message": "No key"}}'))
    with pytest.raises(CommandError, match="can't be read: AuthenticationError"):
        import_live(store)
