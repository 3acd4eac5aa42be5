"""A speech server for tests: it hears what a test wrote into a sound, and its speech can be read back.

A sound says what is in it between `says:` and a zero byte; one without that is silence. A text that holds a marker
is met by the behaviours that a test queued for that marker. Sounds are WAV, or look like MP3 where that is asked for.
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx2

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import wav
from forms import read_form
from tests.support.loopback_server import LoopbackServer

_SAYS = b"says:"
RATE = 8_000
HELD_SECONDS = 20
"""How long an answer waits for what it is held until: less than a request for speech may take."""


def sound(text: str, seconds: float = 1.0, mark: str = "") -> bytes:
    """Return a WAV file that says a text, of so many seconds."""
    said = _SAYS + text.encode() + b"\0" + mark.encode() if text else b""
    samples = max(int(seconds * RATE) * 2, len(said) + len(said) % 2)
    return wav(said.ljust(samples, b"\0"), RATE)


def said_in(data: bytes) -> str:
    """Return what a sound says; empty for silence."""
    texts = []
    for found in data.split(_SAYS)[1:]:
        texts.append(found.partition(b"\0")[0].decode())
    return " ".join(texts)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Says what becomes of one request.

    Attributes:
        status: of the answer.
        delay: seconds before the answer.
        until: what the answer waits for, whatever the delay. It is refused if that does not happen in time.
    """

    status: int = 200
    delay: float = 0
    until: threading.Event | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that came in: `transcriptions` or `speech`, and its text and other fields."""

    kind: str
    text: str
    fields: Json


class SpeechServer:
    """Serves on a free port of the loopback address until `close`.

    Attributes:
        url: what `speech_base_url` is to be.
        journal: every request so far, in the order of arrival.
    """

    def __init__(self) -> None:
        self.journal: list[Heard] = []
        self._queues: dict[str, Iterator[Behaviour]] = {}
        self._lock = threading.Lock()
        self._upstream = ""
        owner = self

        class Handler(_Handler):
            server_of_speech = owner

        self._server = LoopbackServer(Handler)
        self.url = f"{self._server.origin}/v1"

    def behave(self, marker: str, behaviours: Iterable[Behaviour]) -> None:
        """Meet the next requests whose text holds a marker so, one after the other."""
        with self._lock:
            self._queues[marker] = iter(behaviours)

    def of(self, marker: str, kind: str = "") -> list[Heard]:
        """Return the requests whose text holds a marker."""
        return [each for each in list(self.journal) if marker in each.text and kind in ("", each.kind)]

    @contextmanager
    def forwarding(self, url: str) -> Iterator[None]:
        """Have another speech server answer, at its base URL."""
        self._upstream = url
        try:
            yield
        finally:
            self._upstream = ""

    def forward(self, path: str, body: bytes, content_type: str) -> tuple[int, bytes] | None:
        """Return what the other server answers; None where this one is to answer."""
        if not self._upstream:
            return None
        url = self._upstream + path.removeprefix("/v1")
        answer = httpx2.post(url, content=body, headers={"Content-Type": content_type}, timeout=120)
        return answer.status_code, answer.content

    def take(self, heard: Heard) -> Behaviour:
        """Note a request and say what becomes of it."""
        with self._lock:
            self.journal.append(heard)
            for marker, queue in self._queues.items():
                if marker in heard.text and (behaviour := next(queue, None)):
                    return behaviour
        return Behaviour()


class _Handler(BaseHTTPRequestHandler):
    server_of_speech: SpeechServer

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if forwarded := self.server_of_speech.forward(self.path, body, self.headers["content-type"]):
            self._answer(*forwarded)
            return
        if self.path.endswith("/audio/transcriptions"):
            form = read_form(self.headers["content-type"], body)
            data = form.files["file"].data
            text, fields = said_in(data), dict(form.fields)
            answer: Any = {"text": text, "usage": {"type": "duration", "seconds": 1}}
            if fields.get("response_format") == "verbose_json":
                answer |= {"language": "english", "segments": [{"text": text, "start": 0, "end": 1}]}
            heard = Heard("transcriptions", text, fields)
        else:
            fields = json.loads(body)
            heard, answer = Heard("speech", fields["input"], fields), sound(fields["input"], 0.1)
            if fields["response_format"] == "mp3":
                answer = b"ID3" + answer
        behaviour = self.server_of_speech.take(heard)
        time.sleep(behaviour.delay)
        status = behaviour.status if behaviour.until is None or behaviour.until.wait(HELD_SECONDS) else 400
        if status != 200:
            answer = {"error": {"message": "The speech server fails.", "type": "error", "param": None, "code": None}}
        self._answer(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def _answer(self, status: int, content: bytes) -> None:
        kind = "application/json" if content.startswith(b"{") else "application/octet-stream"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
