"""Ends the start of a function, once the module of its handler was imported."""

import gc
import os
from collections.abc import Callable
from typing import Any

from assistant_engine.runtime import snapshots


def end(*clients: Callable[[], Any]) -> None:
    """Make clients of AWS; take all that was made so far out of the garbage collector's hands: it stays.

    The collector would go through all of it again and again while the function is warm, and once when it ends: 30 ms of
    a whole CPU each time. The first client takes 65 ms, which the first event would wait for with the function's share
    of a CPU; Lambda lends the initialisation more.

    Args:
        clients: make, once, what each event needs.
    """
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:  # Elsewhere the module is imported for other reasons.
        for client in clients:
            client()
    gc.freeze()
    snapshots.renew_after_restore()
