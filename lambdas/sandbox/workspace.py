"""The one place where the code of a call may write, and what is found there when all that it started is dead.

All of it is hostile: names, links, pipes, depths and sizes. Only regular files are read, and no link is followed.
"""

import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

MOST_NAME = 255
MOST_ENTRIES = 20_000
_TEMPORARY = tempfile.gettempdir()
# Lambda gives each execution environment an empty folder of its own; on a computer it has other programs' files in it.
_IS_OWN = not os.listdir(_TEMPORARY)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the code: its path below `data`, and what tells one version of it from another."""

    name: str
    version: tuple[int, int]
    bytes: int


class Workspace:
    """A folder of one call: `data` (the code's /mnt/data), `figures`, `variables`, `home`; removed at the end.

    So is all else that the code left in the temporary folder, the only place where Lambda lets it write.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="call-"))
        self.data = self.folder / "data"
        self.figures = self.folder / "figures"
        self.home = self.folder / "home"
        for folder in (self.data, self.figures, self.home):
            folder.mkdir()
        self._device = self.folder.stat().st_dev
        self._before: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *exception: object) -> None:
        for path in _entries(_TEMPORARY) if _IS_OWN else [self.folder]:
            remove(Path(path))

    def remember(self) -> None:
        """Take what is there now for given: `changed` tells what is not."""
        self._before = {found.name: found.version for found in self._files()}

    def used(self) -> int:
        """Bytes that all files take; more than anyone may have when there are too many of them."""
        total = seen = 0
        pending = [str(self.folder)]
        while pending:
            with suppress(OSError), os.scandir(pending.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MOST_ENTRIES:
                        return 2**63
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    with suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
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
        shown = sorted(entry.path for entry in _entries(self.figures) if entry.is_file(follow_symlinks=False))
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
            for entry in _entries(pending.pop()):
                name = os.path.relpath(entry.path, self.data)
                if entry.name.startswith(".") or entry.name == "__pycache__" or not _is_name(name):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)
                elif stat.S_ISREG(status.st_mode):
                    found.append(Found(name, (status.st_size, status.st_mtime_ns), status.st_size))
        yield from sorted(found, key=lambda file: file.name)

    def pack(self, archive: Path, unchanged: set[str], most_bytes: int) -> list[str]:
        """Write the variables and the files, without those that are given anew for each call, into an archive.

        Returns:
            the files that were left out, because there is no more room.
        """
        left_out, room = [], most_bytes
        variables = self.folder / "variables"
        with tarfile.open(archive, "w") as tar:
            if variables.is_file() and not variables.is_symlink():
                self._add(tar, variables, "variables")
            for file in sorted(self._files(), key=lambda file: file.bytes):
                if file.name in unchanged and self._before.get(file.name) == file.version:
                    continue
                if file.bytes > room:
                    left_out.append(file.name)
                    continue
                room -= file.bytes
                self._add(tar, self.data / file.name, f"data/{file.name}")
        return left_out

    def unpack(self, archive: Path) -> None:
        """Put what `pack` wrote back into place."""
        with tarfile.open(archive) as tar:
            for member in tar:
                data = tar.extractfile(member)
                assert data is not None
                path = self.folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(data, file)

    def _add(self, tar: tarfile.TarFile, path: Path, name: str) -> None:
        with self.open(path) as file:
            member = tarfile.TarInfo(name)
            member.size = os.fstat(file.fileno()).st_size
            tar.addfile(member, file)


def _is_name(name: str) -> bool:
    """Whether the path can be a file's name in the API: valid, printable text that is not too long."""
    return len(name) <= MOST_NAME and name.isprintable()


def _entries(folder: str | Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is none, or can't be listed."""
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
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700, follow_symlinks=True)
                moved = path.with_name(f"{path.name}.{next(numbers)}")
                Path(entry).rename(moved)
                pending.append(moved)
            else:
                os.unlink(entry.path)
        folder.rmdir()
