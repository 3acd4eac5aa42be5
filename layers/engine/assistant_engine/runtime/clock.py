"""The clock of the functions."""

import time

from assistant_engine.domain.clock import Milliseconds


def now_ms() -> Milliseconds:
    """Milliseconds since 1970."""
    return Milliseconds(int(time.time() * 1000))
