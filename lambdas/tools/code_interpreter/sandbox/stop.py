"""Tells whether a call is to be stopped: the broker puts an object where this looks, once nobody waits for the call.

An invocation of Lambda can't be ended from outside, and the sandbox reaches nothing but the bucket.
"""

import threading
import time
from contextlib import suppress
from types import TracebackType

import transfer

LOOK_SECONDS = 2.0
"""How often this looks, and how long a call runs before it looks at all. Each look is a GET."""


class Stop:
    """The stop of a call, looked for within a `with` block, in a thread so that nothing waits for an answer of S3."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._first_look = time.monotonic() + LOOK_SECONDS
        self._asked = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> "Stop":
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()

    def is_asked(self) -> bool:
        """Return whether a look has found the object."""
        return self._asked.is_set()

    def is_asked_now(self) -> bool:
        """Look once more, unless the call is too young for a look; return whether the object was found."""
        if not self.is_asked() and time.monotonic() >= self._first_look:
            self._look()
        return self.is_asked()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS) and not self.is_asked():
            self._look()

    def _look(self) -> None:
        with suppress(Exception):  # A look that fails is no reason to stop.
            if transfer.is_there(self._url):
                self._asked.set()
