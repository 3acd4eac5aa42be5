"""Writes files that hold keys or conversations: for their owner alone, from their first byte."""

import os
import tempfile
from pathlib import Path


def folder(path: Path) -> Path:
    """Make a folder that nobody else may enter, or close one that is there; the folder."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    close(path, 0o700)
    return path


def write(path: Path, text: str) -> None:
    """Write a file that nobody else may read, in place of the one that is there.

    It is made anew: whoever has the old one open sees nothing of it, and nobody sees half of it.
    """
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def create(path: Path) -> int:
    """Make an empty file that nobody else may read, in place of the one that is there; its descriptor, to be written.

    A link of that name is not followed.
    """
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def close(path: Path, mode: int = 0o600) -> None:
    """Take the rights of others off a file of ours that is there."""
    status = path.stat()
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        path.chmod(mode)
