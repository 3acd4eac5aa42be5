"""Stops the local stack: `python -m local.down [--keep]`, `make down`.

It needs the standard library alone, so that a stack can also be stopped where the set-up is broken.
"""

import argparse
from pathlib import Path

from local import embedding_model, emulator, offline_model, speech
from local.paths import LOCAL


def down(directory: Path = LOCAL, *, keep_state: bool = False) -> bool:
    """Stop the local stack and forget what it held unless `keep_state`; return whether anything was running."""
    stopped = [
        emulator.stop(directory, keep_state=keep_state),
        offline_model.stop(directory),
        embedding_model.stop(directory),
        speech.stop(directory),
    ]
    for name in ("env", "openai.env", "deployed.json"):
        (directory / name).unlink(missing_ok=True)
    return any(stopped)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.down", description="Stop the local stack.")
    parser.add_argument("--keep", action="store_true", help="keep the embedded AWS's state: say it to up and down")
    print("Stopped." if down(keep_state=parser.parse_args().keep) else "Nothing was running.")
