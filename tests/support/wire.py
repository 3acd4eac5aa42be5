"""A proxy between the probes and the embedded AWS, in which a test plants what AWS may answer otherwise."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.support.loopback_server import close


@dataclass(frozen=True, slots=True)
class Request:
    """A call of AWS that a probe made."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """Its name where AWS's protocol has one (`StartExecution`); else the method and the path."""
        if target := self.headers.get("X-Amz-Target"):
            return target.rpartition(".")[2]
        action = parse_qs(self.body.decode(errors="replace")).get("Action") if self.method == "POST" else None
        return action[0] if action else f"{self.method} {unquote(self.path)}"

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Response:
    """Holds an answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[Request], Response]
Plant = Callable[[Request, Ask], Response | None]
"""Answers a request by itself, or by what the embedded AWS answers; None where the request is not its business."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # A burst of connections is refused where only Python's five may wait.


class Wire:
    """Serves on a free port of the loopback address until `close`; `plants` may be changed at any time."""

    def __init__(self, upstream_port: int) -> None:
        self.plants: list[Plant] = []
        self._upstream = upstream_port
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.close_connection = True
                super().handle_one_request()

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                # A proxy is asked for an address with its host.
                path = re.sub("^http://[^/]+", "", self.path)
                answer = wire.answer(Request(self.command, path, dict(self.headers.items()), body))
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if not any(name.lower() == "content-length" for name in answer.headers):
                    self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        close(self._server)

    def answer(self, request: Request, first: int = 0) -> Response:
        """Return the answer of the first plant that has to do with the request, or else of the embedded AWS.

        A plant that asks for the answer gets that of those after it.
        """
        for number, plant in enumerate(self.plants[first:], first + 1):
            answer = plant(request, partial(self.answer, first=number))
            if answer is not None:
                return answer
        return self._ask(request)

    def _ask(self, request: Request) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=120)
        try:
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(request.body)
            answer = connection.getresponse()
            body = answer.read()
            dropped = ["connection", "transfer-encoding", "date", "server"]
            if request.method != "HEAD":
                dropped.append("content-length")
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
            return Response(answer.status, body, headers)
        finally:
            connection.close()


def answered(operation: str, body: Any, *, about: str = "", status: int = 200, **headers: str) -> Plant:
    """Answer an operation (a pattern) whose body holds a text; `body` as it is, or as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def plant(request: Request, ask: Ask) -> Response | None:
        if not re.search(operation, request.operation) or about not in request.text:
            return None
        return Response(status, data, {"Content-Type": "application/json", **_named(headers)})

    return plant


def failed_with(operation: str, code: str, *, about: str = "") -> Plant:
    """Answer an operation with an error of AWS's JSON protocols."""
    return answered(operation, {"__type": code, "message": "planted"}, about=about, status=400)


def rewritten(operation: str, old: str, new: str, *, about: str = "", **headers: str) -> Plant:
    """Change what is answered to an operation, wherever it says `old` (a pattern)."""

    def plant(request: Request, ask: Ask) -> Response | None:
        if not re.search(operation, request.operation) or about not in request.text:
            return None
        answer = ask(request)
        body = re.sub(old.encode(), new.encode(), answer.body) if old else answer.body
        # What it checksums is not what is answered any more.
        kept = {name: value for name, value in answer.headers.items() if "checksum" not in name.lower()}
        kept = {name: value for name, value in kept.items() if name.lower() != "x-amz-crc32"}
        return Response(answer.status, body, {**kept, **_named(headers)})

    return plant


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
