"""The model of the benchmarks: answers of the offline model, each after exactly as many seconds as it is told to take.

`POST /responses` with `background` answers at once and works on; `GET /responses/{id}` tells how far it is. So does
OpenAI's own API, which the polling loop is measured with.
"""

import http.client
import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from local import offline_model

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the model: when it arrived and when the last byte of its answer went out (seconds since 1970)."""

    received: float
    sent: float
    run_id: str
    request_bytes: int

    @property
    def seconds(self) -> float:
        """Return how long the model took."""
        return self.sent - self.received


class Model:
    """Serves on a free port of the loopback address until `close`.

    Attributes:
        url: the base URL.
        seconds: what each answer takes from now on.
        deltas: how many deltas a streamed answer has, spread over its seconds.
        calls: those that were answered.
        first_deltas: when the first delta of each streamed answer went out.
    """

    def __init__(self, upstream_port: int) -> None:
        self.seconds = 0.0
        self.deltas = 0
        self.first_deltas: list[float] = []
        self.calls: list[Call] = []
        self._upstream = upstream_port
        self._working: dict[str, tuple[float, Json]] = {}
        owner = self

        class Handler(_Handler):
            model = owner

        self._http = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

    def calls_of(self, *run_ids: str) -> list[Call]:
        """The calls that runs made, in order."""
        return [call for call in list(self.calls) if call.run_id in run_ids]

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """The offline model's own answer, at once: its status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {offline_model.API_KEY}"}
            connection.request("POST", "/v1/responses", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def begin(self, body: bytes, due: float) -> Json:
        """Begin to work in the background; what is told at once."""
        _, answer = self.answer(body)
        response: Json = json.loads(answer)
        self._working[response["id"]] = due, response
        return {**response, "status": "in_progress", "output": [], "usage": None}

    def look(self, response_id: str) -> Json:
        """Return what is told of a response that was begun."""
        due, response = self._working[response_id]
        return response if time.time() >= due else {**response, "status": "in_progress", "output": [], "usage": None}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A cancelled run hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model: Model

    def do_GET(self) -> None:
        self._send(200, json.dumps(self.model.look(urlsplit(self.path).path.rpartition("/")[2])).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received = time.time()
        due = received + self.model.seconds
        if json.loads(body).get("stream"):
            self._stream(received)
            self._note(received, body)
            return
        if json.loads(body).get("background"):
            self._send(200, json.dumps(self.model.begin(body, due)).encode())
            return
        status, answer = self.model.answer(body)
        time.sleep(max(0.0, due - time.time()))
        self._send(status, answer)
        self._note(received, body)

    def _note(self, received: float, body: bytes) -> None:
        run_id = self.headers.get("X-Client-Request-Id", "").partition("/")[0]
        self.model.calls.append(Call(received, time.time(), run_id, len(body)))

    def _stream(self, received: float) -> None:
        """Answer with words at even distances, as the Responses API streams a text."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        count, at = self.model.deltas, {"output_index": 0, "content_index": 0}
        words = [f"word{number} " for number in range(count)]
        for number, word in enumerate(words):
            time.sleep(max(0.0, received + number * self.model.seconds / count - time.time()))
            if number == 0:
                self.model.first_deltas.append(time.time())
            self._event({"type": "response.output_text.delta", **at, "delta": word})
        time.sleep(max(0.0, received + self.model.seconds - time.time()))
        part = {"type": "output_text", "text": "".join(words), "annotations": []}
        item = {"type": "message", "role": "assistant", "content": [part]}
        usage = {"input_tokens": 10, "output_tokens": count, "total_tokens": 10 + count}
        whole = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
        self._event({"type": "response.completed", "response": whole})
        self.close_connection = True

    def _event(self, event: Json) -> None:
        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: `calls` counts."""
