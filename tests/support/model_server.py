"""A model server that fails on request: it stands between the stack and the offline model for the whole test session.

A request that holds a marker in its body is met by the behaviours that a test queued for that marker; every other one,
and every one after them, is answered by the offline model. What came in and what became of it stands in the journal.
"""

import http.client
import json
import random
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from assistant_engine.domain.json_data import Json
from tests.support.loopback_server import LoopbackServer

_UPSTREAM_SECONDS = 120
_LONGEST_SILENCE_SECONDS = 900
_LONGEST_HOLD_SECONDS = 60
_HOP_BY_HOP = {"connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Says what becomes of one request.

    Attributes:
        status: of the answer, where `body` is given.
        body: the answer: a JSON value, or bytes word for word; None for the offline model's own answer.
        delay: seconds before the answer begins.
        hold: wait for this event before the answer begins, at most a minute.
        trickle: seconds between the bytes of the body.
        events: the answer, as the events of a stream instead of a body.
        gap: seconds between the events.
        close: close the connection `before` the answer, or `within` its body.
        silent: never answer; the connection stays open.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0
    hold: threading.Event | None = None
    trickle: float = 0
    events: Sequence[Json] = ()
    gap: float = 0
    close: Literal["before", "within"] | None = None
    silent: bool = False


@dataclass(slots=True)
class Request:
    """A POST that came in.

    Attributes:
        received_at: seconds since 1970.
        headers: by their names in lower case.
        request_id: its `X-Client-Request-Id`.
        body: as JSON, `{}` if it is none.
        status: of the answer; 0 if none began.
        outcome: `answered` in full, `closed` by us, `dropped` by the client before it had the answer, or `open`.
        answer: as JSON, whether or not the client got it.
    """

    received_at: float
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int = 0
    outcome: str = "open"
    answer: Any = None

    @property
    def request_id(self) -> str:
        return self.headers.get("x-client-request-id", "")


def failure(status: int, code: str | None = None, **headers: str) -> Behaviour:
    """An error as OpenAI's API words it; `retry_after="3"` is the header `retry-after`."""
    error = {"message": f"The model server fails with {status}.", "type": "error", "param": None, "code": code}
    return Behaviour(status, {name.replace("_", "-"): value for name, value in headers.items()}, {"error": error})


CHAOS: Mapping[str, Behaviour] = {
    "429": failure(429, "rate_limit_exceeded", retry_after="1"),
    "500": failure(500),
    "refused": Behaviour(close="before"),
    "cut": Behaviour(close="within"),
    "slow": Behaviour(delay=3),
}


class ModelServer:
    """Serves on a free port of the loopback address until `close`.

    Attributes:
        url: what `model_base_url` is to be.
        journal: every POST so far, in the order of arrival.
        files: what is answered to a GET, by path.
    """

    def __init__(self, upstream_url: str) -> None:
        self.journal: list[Request] = []
        self.files: dict[str, bytes] = {}
        self._upstream = urlsplit(upstream_url)
        self._lock = threading.Lock()
        self._queues: dict[str, Iterator[Behaviour]] = {}
        self._chaos: tuple[float, Sequence[str], random.Random] | None = None
        self._closing = threading.Event()
        owner = self

        class Handler(_Handler):
            server_of_faults = owner

        self._server = LoopbackServer(Handler, _Server)
        self.url = f"{self._server.origin}{self._upstream.path}"

    def close(self) -> None:
        """Stop serving; requests that are held are let go."""
        self._closing.set()
        self._server.close()

    def when(self, marker: str, behaviours: Iterable[Behaviour]) -> None:
        """Meet the requests whose body holds the marker (plain ASCII) so, one after another.

        `itertools.repeat(behaviour)` meets all of them; a generator may look at the journal for what it answers.
        """
        with self._lock:
            self._queues[marker] = iter(behaviours)

    @contextmanager
    def chaos(self, rate: float, kinds: Sequence[str] = tuple(CHAOS), seed: int = 0) -> Iterator[None]:
        """Within the block, let this share of the requests (0 to 1) that no marker meets fail in ways of `CHAOS`."""
        self._chaos = rate, kinds, random.Random(seed)
        try:
            yield
        finally:
            self._chaos = None

    def requests(self, text: str) -> list[Request]:
        """The requests so far whose body, or `X-Client-Request-Id`, holds the text."""
        return [r for r in list(self.journal) if text in r.request_id or text in json.dumps(r.body, ensure_ascii=False)]

    def _behaviour(self, body: bytes) -> Behaviour:
        with self._lock:
            for marker, queue in self._queues.items():
                if marker.encode() in body and (behaviour := next(queue, None)):
                    return behaviour
            if self._chaos:
                rate, kinds, chance = self._chaos
                if chance.random() < rate:
                    return CHAOS[chance.choice(kinds)]
        return Behaviour()

    def _forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json, bytes]:
        connection = http.client.HTTPConnection(self._upstream.netloc, timeout=_UPSTREAM_SECONDS)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(method, path, body, kept)
            answer = connection.getresponse()
            more = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            return answer.status, more, answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Or a body waits 40 ms for the receipt of its head.
    server_of_faults: ModelServer

    def do_GET(self) -> None:
        if self.path in self.server_of_faults.files:
            self._send(200, {"content-type": "application/binary"}, self.server_of_faults.files[self.path])
            return
        self._send(*self.server_of_faults._forward("GET", self.path, dict(self.headers.items()), b""))

    def do_POST(self) -> None:
        owner = self.server_of_faults
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(time.time(), self.path, headers, _parsed(body))
        owner.journal.append(request)
        try:
            self._meet(request, owner._behaviour(body), body)
        except OSError:
            request.outcome = "dropped"
            self.close_connection = True

    def _meet(self, request: Request, behaviour: Behaviour, body: bytes) -> None:
        owner = self.server_of_faults
        if behaviour.silent or behaviour.delay:
            self._hold(_LONGEST_SILENCE_SECONDS if behaviour.silent else behaviour.delay)
        if behaviour.hold:
            behaviour.hold.wait(_LONGEST_HOLD_SECONDS)
        if behaviour.close == "before" or behaviour.silent:
            self._hang_up(request)
            return
        if behaviour.events:
            self._stream(request, behaviour)
            return
        if behaviour.body is None:
            if isinstance(request.body, dict) and request.body.get("stream"):
                self._pass_on(request, body, cut=behaviour.close == "within")
                return
            status, headers, answer = owner._forward("POST", self.path, request.headers, body)
        else:
            given = behaviour.body
            status, headers = behaviour.status, {"content-type": "application/json"}
            answer = given if isinstance(given, bytes) else json.dumps(given).encode()
        request.status = status
        request.answer = _parsed(answer)
        self._hold(0)  # The client may have gone while the offline model worked.
        if behaviour.close == "within":
            self._send(status, {**headers, **behaviour.headers}, answer, cut=True)
            self._hang_up(request)
            return
        self._send(status, {**headers, **behaviour.headers}, answer, trickle=behaviour.trickle)
        request.outcome = "answered"

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, *, cut: bool = False, trickle: float = 0
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if trickle:
            for byte in body:
                self._hold(trickle)
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(body[: len(body) // 2] if cut else body)

    def _stream(self, request: Request, behaviour: Behaviour) -> None:
        """Answer with events; one of them is named in the journal as the answer if it ends the stream."""
        request.status = behaviour.status
        last = len(behaviour.events) // 2 if behaviour.close == "within" else len(behaviour.events)
        self._begin(behaviour.status, {"content-type": "text/event-stream", **behaviour.headers})
        for event in behaviour.events[:last]:
            self._hold(behaviour.gap)
            self._chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            request.answer = event.get("response", request.answer)
        if behaviour.close == "within":
            self._hang_up(request)
            return
        self._chunk(b"")
        request.outcome = "answered"

    def _pass_on(self, request: Request, body: bytes, *, cut: bool) -> None:
        """Answer with what the offline model streams, as it comes."""
        owner = self.server_of_faults
        connection = http.client.HTTPConnection(owner._upstream.netloc, timeout=_UPSTREAM_SECONDS)
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            connection.request("POST", self.path, body, kept)
            answer = connection.getresponse()
            request.status = answer.status
            self._begin(answer.status, {"content-type": answer.getheader("content-type", "")})
            count = 0
            while line := answer.readline():
                count += line == b"\n"
                if cut and count > 8:
                    self._hang_up(request)
                    return
                self._hold(0)
                self._chunk(line)
                if line.startswith(b"data: ") and "response" in (event := _parsed(line[6:])):
                    request.answer = event["response"]
            self._chunk(b"")
        finally:
            connection.close()
        request.outcome = "answered"

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _hold(self, seconds: float) -> None:
        """Wait; raise OSError as soon as the client hangs up."""
        deadline = time.monotonic() + seconds
        awaited = select.poll()
        awaited.register(self.connection, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            readable = awaited.poll(1_000 * max(0.0, min(left, 0.2)))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionError("the client hung up")
            if self.server_of_faults._closing.is_set():
                raise ConnectionError("closing")
            if left <= 0:
                return

    def _hang_up(self, request: Request) -> None:
        request.outcome = "closed"
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}
