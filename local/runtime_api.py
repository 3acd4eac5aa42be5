"""Lambda's Runtime API for one execution environment, served by the thread that invokes the function.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Between invocations nobody serves: the runtime's request
for the next invocation waits, as it does on AWS in an environment that is frozen.
"""

import base64
import json
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h11

from local.callers import is_from_a_program

MAX_RESPONSE_BYTES = 6_291_556
"""Of a response that isn't streamed: 6 MB and 100 bytes, as Lambda's own message gives it."""
MAX_STREAMED_BYTES = 209_715_200
"""Of one that is: 200 MB ("Lambda quotas")."""

_MODE, _ERROR_BODY = b"lambda-runtime-function-response-mode", b"lambda-runtime-function-error-body"

_Headers = Iterable[tuple[bytes, bytes]]

_RESULT = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, slots=True)
class Invocation:
    """An invocation as the runtime gets it: the event as JSON, and its request."""

    request_id: str
    event: bytes
    deadline: float
    """Seconds since 1970."""
    function_arn: str
    trace_id: str = ""
    tenant_id: str = ""
    on_chunk: Callable[[bytes], None] | None = None
    """Gets the pieces of a streamed answer as they arrive; without it they are collected."""

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of the Runtime API."""
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(self.event))),
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(self.deadline * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", self.function_arn),
        ]
        if self.trace_id:
            headers.append(("Lambda-Runtime-Trace-Id", self.trace_id))
        if self.tenant_id:
            headers.append(("Lambda-Runtime-Aws-Tenant-Id", self.tenant_id))
        return headers


@dataclass(slots=True)
class Answer:
    """The answer to an invocation, or an initialisation that failed; the body is JSON as the runtime sent it.

    Attributes:
        streamed: the body is what the runtime streamed, and is empty if its pieces were handed on.
    """

    failed: bool
    body: bytes
    streamed: bool = False


class RuntimeApi:
    """The API's server on a port of the loopback address.

    Attributes:
        address: the value of AWS_LAMBDA_RUNTIME_API.
        init_error: why the runtime could not initialise; None as long as it did not say so.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.watch(self._listener, self._accept)
        self._connections: set[_Connection] = set()
        self._waiting: _Connection | None = None
        self._invocation: Invocation | None = None
        self._answer: Answer | None = None
        self.init_error: Answer | None = None

    def close(self) -> None:
        """Stop serving."""
        self.hang_up()
        self._listener.close()
        self._selector.close()

    def watch(self, file: Any, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the file has something to read while this API serves."""
        self._selector.register(file, selectors.EVENT_READ, ready)

    def unwatch(self, file: Any) -> None:
        """Forget a file."""
        self._selector.unregister(file)

    def hang_up(self) -> None:
        """Forget a runtime that has ended, and what it had said."""
        for connection in list(self._connections):
            self._forget(connection)
        self._waiting = self._invocation = self._answer = self.init_error = None

    def serve(self, done: Callable[[], bool], deadline: float) -> bool:
        """Serve until `done` or the deadline (of the monotonic clock); return whether it is done."""
        while not done():
            left = deadline - time.monotonic()
            for key, _ in self._selector.select(max(0, left)):
                key.data()
            if left <= 0:
                return done()
        return True

    @property
    def is_ready(self) -> bool:
        """Return whether the runtime waits for an invocation."""
        return self._waiting is not None

    def hand_over(self, invocation: Invocation) -> None:
        """Give an invocation to the runtime, which must be ready."""
        assert self._waiting
        self._invocation, self._answer = invocation, None
        waiting, self._waiting = self._waiting, None
        waiting.respond(200, invocation.headers(), invocation.event)

    def take_answer(self) -> Answer | None:
        """Return the answer to the invocation once it has arrived."""
        if self._answer is None:
            return None
        answer, self._answer, self._invocation = self._answer, None, None
        return answer

    @property
    def is_answered(self) -> bool:
        """Return whether the answer has arrived."""
        return self._answer is not None

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(accepted, self._request, self._streams_to)
        self._connections.add(connection)

        def read() -> None:
            if not connection.read():
                self._forget(connection)

        self.watch(accepted, read)

    def _forget(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        if self._waiting is connection:
            self._waiting = None
        self.unwatch(connection.socket)
        connection.socket.close()

    def _request(self, connection: "_Connection", request: h11.Request, body: bytes, trailers: _Headers) -> None:
        """Answer a request that has arrived whole."""
        path = request.target.decode()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        if not is_from_a_program(headers, {self.address.rpartition(":")[2]}):
            connection.answer(403, {"errorType": "Forbidden", "errorMessage": "Forbidden"})
        elif request.method == b"GET" and path == "/2018-06-01/runtime/invocation/next":
            self._waiting = connection
        elif request.method == b"GET" and path == "/2018-06-01/runtime/restore/next":
            connection.answer(200, {})  # Of a runtime that asks here there is no snapshot, or it was forked from one.
        elif request.method == b"POST" and path in (
            "/2018-06-01/runtime/init/error",
            "/2018-06-01/runtime/restore/error",
        ):
            self.init_error = Answer(failed=True, body=body)
            connection.answer(202, {"status": "OK"})
        elif request.method == b"POST" and (result := _RESULT.fullmatch(path)):
            answer = Answer(result[2] == "error", body)
            if result[2] == "response" and dict(request.headers).get(_MODE) == b"streaming":
                error = dict(trailers).get(_ERROR_BODY)
                answer = Answer(error is not None, base64.b64decode(error) if error else body, streamed=True)
            connection.answer(*self._result(result[1], answer))
        else:
            connection.answer(404, {"errorType": "NotFound", "errorMessage": "Not found"})

    def _streams_to(self, request: h11.Request) -> Callable[[bytes], None] | None:
        """Return what gets the pieces of a request's body as they arrive; None if the body is collected."""
        result, invocation = _RESULT.fullmatch(request.target.decode()), self._invocation
        if not (result and invocation and dict(request.headers).get(_MODE) == b"streaming"):
            return None
        return invocation.on_chunk if result.groups() == (invocation.request_id, "response") else None

    def _result(self, request_id: str, answer: Answer) -> tuple[int, Mapping[str, str]]:
        if self._invocation is None or request_id != self._invocation.request_id or self._answer is not None:
            return 400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}
        if len(answer.body) > (MAX_STREAMED_BYTES if answer.streamed else MAX_RESPONSE_BYTES):
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            self._answer = Answer(failed=True, body=json.dumps(error).encode())
            return 413, {"errorType": "RequestEntityTooLarge", "errorMessage": message}
        self._answer = answer
        return 202, {"status": "OK"}


class _Connection:
    """One connection of the runtime.

    Args:
        handle: gets each request with its body and trailers.
        streams_to: says what gets a request's body piece by piece, if anything does.
    """

    def __init__(
        self,
        accepted: socket.socket,
        handle: Callable[["_Connection", h11.Request, bytes, _Headers], None],
        streams_to: Callable[[h11.Request], Callable[[bytes], None] | None],
    ) -> None:
        self.socket = accepted
        self._handle = handle
        self._streams_to = streams_to
        self._on_piece: Callable[[bytes], None] | None = None
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body: list[bytes] = []

    def read(self) -> bool:
        """Take in what has arrived; return whether the connection goes on."""
        try:
            self._http.receive_data(self.socket.recv(65_536))
            while True:
                event = self._http.next_event()
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                match event:
                    case h11.Request():
                        self._request = event
                        self._on_piece = self._streams_to(event) or self._body.append
                    case h11.Data():
                        assert self._on_piece
                        self._on_piece(bytes(event.data))
                    case h11.EndOfMessage():
                        assert self._request
                        body, self._body = b"".join(self._body), []
                        self._handle(self, self._request, body, event.headers)
                    case h11.ConnectionClosed():
                        return False
                    case _:
                        return True
        except (OSError, h11.RemoteProtocolError):
            return False

    def answer(self, status: int, body: Mapping[str, str]) -> None:
        """Answer with JSON."""
        encoded = json.dumps(body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(encoded)))]
        self.respond(status, headers, encoded)

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer the request in one piece: the client waits 40 ms for the second of two small ones."""
        self._send(h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        if self._http.our_state is h11.MUST_CLOSE:
            self.socket.shutdown(socket.SHUT_RDWR)
        else:
            self._http.start_next_cycle()

    def _send(self, *events: h11.Event) -> None:
        self.socket.sendall(b"".join(self._http.send(event) or b"" for event in events))
