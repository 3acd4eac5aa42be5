"""The environment of a program that a Lambda function starts: what the runtime needs, and nothing that is secret."""

import os
import sys

NEEDED = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ", "TMPDIR")
"""Lambda's own variables without which a program may not start: its Python finds `libpython` by `LD_LIBRARY_PATH`."""


def environment(**own: str) -> dict[str, str]:
    """Return the environment of a Python that imports what this function does, and has none of its credentials.

    Args:
        own: further variables.
    """
    inherited = {name: os.environ[name] for name in NEEDED if name in os.environ}
    return {**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **own}
