"""The one place where the code of a call may write, and what is found there when all that it started is dead.

All of it is hostile: names, links, pipes, depths and sizes. Only regular files are read, and no link is followed.
`session_files` carries it from call to call.
"""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

import libraries

MAX_NAME = 255
MAX_ENTRIES = 20_000


def _is_own() -> bool:
    """Return whether the temporary folder is this execution environment's alone, as Lambda's is.

    It survives a runtime that ended in a time-out or a crash, so what is in it tells nothing.
    """
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the code: its path below `data`, and what tells one version of it from another."""

    name: str
    version: tuple[int, int]
    bytes: int


class Workspace:
    """A folder of one call: `data` (the code's /mnt/data), `figures`, `variables`, `home`; removed at the end.

    So is all else that code left in the temporary folder, the only place where Lambda lets it write: before a call too,
    since an earlier one may have ended with its runtime.

    Attributes:
        temporary: the code's folder for temporary files; it has `folder` in it where it is Lambda's /tmp.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.gettempdir()
        if _is_own():
            self._remove_all()
            # The same in each call: the session may hold paths.
            self.folder = Path(self._temporary) / "call"
            self.folder.mkdir(mode=0o700)
            self.temporary = Path(self._temporary)
        else:
            self.folder = Path(tempfile.mkdtemp(prefix="call-"))
            self.temporary = self.folder / "temporary"
        self.data = self.folder / "data"
        self.figures = self.folder / "figures"
        self.home = self.folder / "home"
        for folder in (self.data, self.figures, self.home, self.temporary):
            folder.mkdir(exist_ok=True)
        self._device = self.folder.stat().st_dev
        taken = os.statvfs(self.folder)
        # Libraries that were fetched are not the code's.
        self._taken_before = (taken.f_blocks - taken.f_bfree) * taken.f_frsize - libraries.taken()[0]
        self._before: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *exception: object) -> None:
        if _is_own():
            self._remove_all()
        else:
            remove(self.folder)

    def _remove_all(self) -> None:
        for entry in entries(self._temporary):
            if not libraries.is_kept(entry.path):
                remove(Path(entry))

    def remember(self) -> None:
        """Take what is there now for given: `changed` tells what is not."""
        self._before = {found.name: found.version for found in self._files()}

    def is_unchanged(self, name: str) -> bool:
        """Tell whether a file below `data` is as `remember` found it."""
        path = self.data / name
        try:
            status = path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and self._before.get(name) == (status.st_size, status.st_mtime_ns)

    def used(self, pids: Iterable[int]) -> int:
        """Bytes that all files take; more than anyone may have when there are too many of them.

        A sparse file counts with its size. Where the temporary folder is a file system of its own, all that is taken of
        it counts; elsewhere what processes hold open of removed files.

        Args:
            pids: the processes that the code started.
        """
        if os.path.ismount(self._temporary):
            taken = os.statvfs(self._temporary)
            unseen = (taken.f_blocks - taken.f_bfree) * taken.f_frsize - self._taken_before - libraries.taken()[0]
            return max(self._walked(), unseen)
        return self._walked() + _removed_but_open(pids)

    def _walked(self) -> int:
        total, seen = (-amount if _is_own() else 0 for amount in libraries.taken())
        pending = [self._temporary if _is_own() else str(self.folder)]
        while pending:
            with suppress(OSError), os.scandir(pending.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES:
                        return 2**63
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        regular = stat.S_ISREG(status.st_mode)
                        total += max(status.st_blocks * 512, status.st_size if regular else 0)
        return total

    def changed(self) -> list[Found]:
        """The files that the code made or changed, by name."""
        return [found for found in self._files() if self._before.get(found.name) != found.version]

    def open(self, path: Path) -> BinaryIO:
        """Open a file that was found here, and never what a link leads to.

        Raises:
            OSError: it is no regular file of this file system.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_dev != self._device:
            os.close(descriptor)
            raise OSError(f"{path.name} is no file of the code's")
        return os.fdopen(descriptor, "rb")

    def take_figures(self) -> list[str]:
        """Put the figures that were shown among the files, under names that are free; the names, in order."""
        names: list[str] = []
        shown = sorted(entry.path for entry in entries(self.figures) if entry.is_file(follow_symlinks=False))
        if self.data.is_symlink() or not self.data.is_dir():
            return names
        free = (name for number in count(1) if not os.path.lexists(self.data / (name := f"figure-{number}.png")))
        for path, name in zip(shown, free, strict=False):
            os.rename(path, self.data / name)
            names.append(name)
        return names

    def _files(self) -> Iterator[Found]:
        """The files below `data`, folders that begin with a dot and byte code left out."""
        pending = [str(self.data)]
        found = []
        while pending:
            for entry in entries(pending.pop()):
                name = os.path.relpath(entry.path, self.data)
                if entry.name.startswith(".") or entry.name == "__pycache__" or not _is_name(name):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)
                elif stat.S_ISREG(status.st_mode):
                    found.append(Found(name, (status.st_size, status.st_mtime_ns), status.st_size))
        yield from sorted(found, key=lambda file: file.name)


def _removed_but_open(pids: Iterable[int]) -> int:
    """Bytes of files without a name that processes hold open."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        with suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    status = os.stat(f"/proc/{pid}/fd/{name}")
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                        sizes[status.st_dev, status.st_ino] = max(status.st_blocks * 512, status.st_size)
    return sum(sizes.values())


def _is_name(name: str) -> bool:
    """Return whether the path can be a file's name in the API: valid, printable text that is not too long."""
    return len(name) <= MAX_NAME and name.isprintable()


def entries(folder: str | Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing if it is none, or can't be listed."""
    if os.path.islink(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, whatever its mode and however deep.

    Folders inside are moved up before they are emptied, so that no path grows too long for the system.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    numbers = count()
    pending = [path]
    while pending:
        folder = pending.pop()
        folder.chmod(0o700)
        for entry in entries(folder):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700, follow_symlinks=True)
                moved = path.with_name(f"{path.name}.{next(numbers)}")
                Path(entry).rename(moved)
                pending.append(moved)
            else:
                os.unlink(entry.path)
        folder.rmdir()
