"""The process of the embedded AWS: ministack, patched, behind its front door, until it is signalled.

Started by `local.emulator`.
"""

import os
from pathlib import Path

from ministack.app import main  # type: ignore[import-untyped]

from local import front_door, patches

if __name__ == "__main__":
    front_door.install(os.environ.pop("FRONT_DOOR_PORTS").split(","))
    patches.apply()
    if journal := os.environ.pop("METER_JOURNAL", ""):
        from local import meter

        meter.attach(Path(journal))
    main()
