"""The process of the embedded AWS: ministack, mended, until it is signalled. Started by `local.emulator`."""

import os
from pathlib import Path

from ministack.app import main  # type: ignore[import-untyped]

from local import mends

if __name__ == "__main__":
    mends.apply()
    if journal := os.environ.pop("METER_JOURNAL", ""):
        from local import meter

        meter.attach(Path(journal))
    main()
