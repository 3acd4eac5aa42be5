"""Probes of the API's streams: what a client sees while a run goes on."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from assistants import keys
from verify.account import Account, Json
from verify.probe import Seen, Untried, probe

QUESTION = "Write the numbers from one to thirty in words."
KEY_SECONDS = 90
"""How long each environment of the API's functions may know the old keys."""


class _Api:
    """The API as a client sees it, with a key of the probe's own."""

    def __init__(self, account: Account) -> None:
        self._url = urlsplit(account.outputs["ApiUrl"])
        secrets, secret, name = account.client("secretsmanager"), account.outputs["ApiKeysSecret"], account.own_prefix
        account.later(f"key {name}", partial(keys.revoke, secrets, secret, name))
        self._key = keys.issue(secrets, secret, name)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Json]:
        """Return status and body of an answer."""
        connection, answer = self.open(method, path, body)
        with closing(connection):
            return answer.status, json.loads(answer.read() or b"{}")

    def open(self, method: str, path: str, body: Any = None) -> tuple[HTTPConnection, HTTPResponse]:
        """Send a request; return when the head of its answer is there."""
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.netloc, timeout=120)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request(method, self._url.path + path, json.dumps(body) if body is not None else None, headers)
        return connection, connection.getresponse()


@dataclass
class _Stream:
    """The times of a stream, in seconds after its request.

    Attributes:
        first_byte: of the body.
        events: the name of each event and when it was there.
    """

    first_byte: float = 0
    events: list[tuple[str, float]] = field(default_factory=list)

    def first(self, name: str) -> float | None:
        """Return when the first event of a name was there."""
        return next((at for event, at in self.events if event == name), None)


@probe(
    does="Asks the API, with a key of its own, for a run with `stream: true`, and reads the answer as it comes.",
    expected="The first byte comes before the run is over, deltas come one by one, and the last event is `done`.",
)
def streaming(account: Account) -> Seen:
    api = _Api(account)
    if not account.until(lambda: api.ask("GET", "/models")[0] == 200, KEY_SECONDS, every=5):
        raise Untried("the API does not take a new key")
    model = api.ask("GET", "/models")[1]["data"][0]["id"]
    status, assistant = api.ask("POST", "/assistants", {"model": model, "name": account.own_prefix})
    if status != 200:
        raise Untried(f"an assistant could not be made: {status}")
    account.later("the assistant", lambda: api.ask("DELETE", f"/assistants/{assistant['id']}"))
    thread = {"messages": [{"role": "user", "content": QUESTION}]}
    request = {"assistant_id": assistant["id"], "stream": True, "thread": thread}
    start = time.monotonic()
    connection, answer = api.open("POST", "/threads/runs", request)
    with closing(connection):
        if answer.status != 200:
            return Seen(f"the API answered {answer.status}", False)
        stream = _read(answer, start)
    return _seen(stream)


def _read(answer: HTTPResponse, start: float) -> _Stream:
    stream = _Stream()
    for line in _lines(answer):
        at = time.monotonic() - start
        stream.first_byte = stream.first_byte or at
        if line.startswith("event: "):
            stream.events.append((line.removeprefix("event: "), at))
    return stream


def _lines(answer: HTTPResponse) -> Iterator[str]:
    while line := answer.readline():
        yield line.decode().rstrip("\n")


def _seen(stream: _Stream) -> Seen:
    if not stream.events:
        return Seen("the answer has no events", False)
    last, end = stream.events[-1]
    deltas = [at for name, at in stream.events if name == "thread.message.delta"]
    if not deltas:
        return Seen(f"no delta; the last event is {last} after {end:.2f} s", False)
    text = (
        f"first byte after {stream.first_byte:.2f} s, first delta after {deltas[0]:.2f} s, {len(deltas)} deltas, "
        f"{last} after {end:.2f} s"
    )
    # What is buffered on the way arrives all at once, at the end.
    return Seen(text, last == "done" and stream.first_byte < 0.8 * end and len(deltas) > 1)
