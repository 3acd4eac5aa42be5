"""The process of the embedded AWS: ministack, mended, until it is signalled. Started by `local.emulator`."""

from ministack.app import main  # type: ignore[import-untyped]

from local import mends

if __name__ == "__main__":
    mends.apply()
    main()
