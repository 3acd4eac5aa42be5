"""A receiver of the stack's webhook, for the whole test session; it fails on request.

It verifies what it gets as a user's program would, with the `standardwebhooks` package.
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from standardwebhooks import Webhook

from assistant_engine.domain.json_data import Json
from local import up as local
from tests.support.loopback_server import LoopbackServer


@dataclass(frozen=True, slots=True)
class Delivery:
    """A POST that came in.

    Attributes:
        at: seconds of a clock that only rises.
        name: its `webhook-id`.
        text: its body.
        body: the same, verified.
        taken: whether the answer was a 2xx.
    """

    at: float
    name: str
    text: str
    body: Json
    taken: bool


class WebhookReceiver:
    """Serves on a free port of the loopback address until `close`.

    Attributes:
        url: what `webhook_url` is to be.
        secret: what the stack is to sign with.
        journal: every POST so far, in the order of arrival.
        unverified: how many more there were whose signature was wrong.
    """

    def __init__(self) -> None:
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self.journal: list[Delivery] = []
        self.unverified = 0
        self._fails: str | None = None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(owner.take(dict(self.headers.items()), text))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = LoopbackServer(Handler)
        self.url = f"{self._server.origin}/runs?from=stack"

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    @contextmanager
    def failing(self, about: str = "") -> Iterator[None]:
        """Answer 500 within the block, to events that hold a text."""
        before, self._fails = self._fails, about
        try:
            yield
        finally:
            self._fails = before

    def take(self, headers: dict[str, str], text: str) -> int:
        """The answer's status."""
        try:
            Webhook(self.secret).verify(text, headers)
        except Exception:
            self.unverified += 1
            return 400
        fails = self._fails is not None and self._fails in text
        name = {key.lower(): value for key, value in headers.items()}["webhook-id"]
        self.journal.append(Delivery(time.monotonic(), name, text, json.loads(text), not fails))
        return 500 if fails else 204


def set_mapping(stack: local.Local, function: str, **settings: Any) -> None:
    """Change settings of what hands a queue or a stream to a function: `Enabled=False` lets it wait."""
    functions = stack.client("lambda")
    name = f"{stack.outputs['EventBus']}-{function}"
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)
