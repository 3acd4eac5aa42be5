"""The process of the embedded AWS: ministack, patched, behind its front door, until it is signalled.

Started by `local.emulator`.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path

import uvicorn
from ministack import app as ministack  # type: ignore[import-untyped]

from local import front_door, patches


def serve() -> None:
    """Serve the emulator by uvicorn: its own server, hypercorn, takes 0.66 ms for a request that takes 0.40 here."""
    uvicorn.run(
        ministack.app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # A caller's own headers don't say where it comes from, and the answers' are the emulator's.
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    # Each environment of a function takes some ten open files here, and many a shell allows a process 1,024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):  # macOS has a limit of its own below this one.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    front_door.install(os.environ.pop("FRONT_DOOR_PORTS").split(","))
    patches.apply()
    if journal := os.environ.pop("METER_JOURNAL", ""):
        from local import meter

        meter.attach(Path(journal))
    serve()
