"""Background processes: each has a port of its own, however many start at once."""

import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local import processes
from local.processes import Background
from tests.support.loopback_server import serving

SERVER = Background(name="server", marker="http.server", health_path="/")


class AnyPath(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def rival() -> Iterator[int]:
    """The port of a server that answers as ours would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), AnyPath)
    with serving(server):
        yield server.server_port


def test_a_server_whose_port_another_one_took_first_starts_on_the_next(
    rival: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, asked = processes.free_port, iter([rival])
    monkeypatch.setattr(processes, "free_port", lambda port, attempts=100: next(asked, None) or find(port, attempts))
    port = SERVER.serve(tmp_path, 0, [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"], HOME=os.devnull)
    try:
        assert port != rival and SERVER.running_port(tmp_path) == port
    finally:
        assert SERVER.stop(tmp_path)
