"""Ends the start of a function, once the module of its handler was imported."""

import gc

from assistant_engine.runtime import snapshots


def end() -> None:
    """Take what the imports made out of the garbage collector's hands: it stays until the process ends.

    The collector would go through all of it again and again while the function is warm, and once when it ends: 30 ms of
    a whole CPU each time.
    """
    gc.freeze()
    snapshots.renew_after_restore()
