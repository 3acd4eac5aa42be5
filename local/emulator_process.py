"""The process of the embedded AWS: ministack, patched, behind its front door, until it is signalled.

Started by `local.emulator`.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path

from ministack.app import main  # type: ignore[import-untyped]

from local import front_door, patches

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
    main()
