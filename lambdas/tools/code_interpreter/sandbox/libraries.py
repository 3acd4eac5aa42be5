"""Fetches a large library when code first imports it, and keeps it for later calls of the execution environment.

A function's layers may have 262 MB, and these libraries have more. Each is an archive in the bucket. The interpreter,
which has no network and no address, asks this process for the folder of a module; the first time, this process fetches
the archive and unpacks it. The files are in `/tmp`, beside what a call leaves for the next, and don't count as the
code's. The code could change them there, since on Lambda all processes are the same user. So between calls, a library
that is not as it was unpacked is removed.
"""

import json
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import transfer

MAX_ARCHIVE_BYTES = 256 << 20
_BLOCK = 4096


class _Stamp(NamedTuple):
    """Identifies a version of a file. Nobody can set the time of a change (`ctime`)."""

    inode: int
    size: int
    changed_ns: int


_kept: dict[str, dict[str, _Stamp]] = {}
"""The stamp of each file of a library, by its path, and that by the library's name."""
_taken: dict[str, tuple[int, int]] = {}
"""What a library takes of the disk, bytes and entries, as soon as it is unpacked; by its name."""


def folder() -> Path:
    """Return the folder of the libraries; a copy of an execution environment has a temporary folder of its own."""
    return Path(tempfile.gettempdir()) / "libraries"


class Libraries:
    """The libraries that one call may import.

    Args:
        offered: `[{"name", "modules": [its top-level modules], "url"}]`; another archive has another name.
        used: the modules that the session has imported before.

    Attributes:
        used: these and those that this call imports.
    """

    def __init__(self, offered: Iterable[dict[str, Any]] = (), used: Iterable[str] = ()) -> None:
        self.used = set(used)
        self._by_module = {module: library for library in offered for module in library["modules"]}
        self._lock = threading.Lock()

    @property
    def modules(self) -> list[str]:
        """The names of all top-level modules."""
        return sorted(self._by_module)

    def answer(self, module: str) -> bytes:
        """Return JSON, `{"folder": where the module is}` or `{"error": why it can't be had}`."""
        library = self._by_module.get(module)
        if library is None:
            return json.dumps({"error": "there is no such library"}).encode()
        with self._lock:
            try:
                if library["name"] not in _kept:
                    _fetch(library)
            except Exception as error:
                return json.dumps({"error": f"it could not be fetched ({type(error).__name__})"}).encode()
        self.used.add(module)
        return json.dumps({"folder": str(folder() / library["name"] / "python")}).encode()


def _fetch(library: dict[str, Any]) -> None:
    # A file without a name: the code can't change it.
    with tempfile.TemporaryFile() as file:
        transfer.fetch_into(library["url"], file, MAX_ARCHIVE_BYTES)
        with zipfile.ZipFile(file) as archive:
            folders = {os.path.dirname(entry.filename) for entry in archive.infolist()}
            blocks = sum(-(-entry.file_size // _BLOCK) for entry in archive.infolist()) + len(folders)
            _taken[library["name"]] = blocks * _BLOCK, len(archive.infolist()) + len(folders)
            _kept[library["name"]] = _unpack(archive, library["name"])


def _unpack(archive: zipfile.ZipFile, name: str) -> dict[str, _Stamp]:
    """Unpack an archive below the folder of libraries; no link that the code may have put there is followed."""
    stamps = {}
    open_folder, opened = "", -1
    try:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            path = f"{name}/{entry.filename}"
            if opened < 0 or os.path.dirname(path) != open_folder:
                if opened >= 0:
                    os.close(opened)
                open_folder = os.path.dirname(path)
                opened = _folder(open_folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with (
                archive.open(entry) as packed,
                os.fdopen(os.open(os.path.basename(path), flags, 0o444, dir_fd=opened), "wb") as file,
            ):
                shutil.copyfileobj(packed, file, 1 << 20)
                file.flush()
                stamps[path] = _stamp(os.fstat(file.fileno()))
    finally:
        if opened >= 0:
            os.close(opened)
    return stamps


def _folder(path: str) -> int:
    """Open a folder below that of the libraries; make what is missing of it."""
    root = folder()
    opened = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY)
    for part in (root.name, *path.split("/")):
        above = opened
        try:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
            opened = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        finally:
            os.close(above)
    return opened


def is_kept(path: str) -> bool:
    """Return whether a path in the temporary folder is that of libraries, all as they were unpacked.

    If one is not, or something else is there, none is kept any more.
    """
    if path != str(folder()):
        return False
    with suppress(OSError):
        if _kept and _are_as_unpacked({name: stamp for stamps in _kept.values() for name, stamp in stamps.items()}):
            return True
    _kept.clear()
    _taken.clear()
    return False


def _are_as_unpacked(known: dict[str, _Stamp]) -> bool:
    """Return whether the folder holds these files alone. The first other one ends it: there may be a great many."""
    found = 0
    for path, stamp in _walked():
        if known.get(path) != stamp:
            return False
        found += 1
    return found == len(known)


def _walked() -> Iterator[tuple[str, _Stamp]]:
    root = folder()
    above = len(f"{root}/")
    pending = [] if root.is_symlink() else [str(root)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    status = entry.stat(follow_symlinks=False)
                    regular = stat.S_ISREG(status.st_mode)
                    yield entry.path[above:], _stamp(status) if regular else _Stamp(0, 0, 0)


def _stamp(status: os.stat_result) -> _Stamp:
    return _Stamp(status.st_ino, status.st_size, status.st_ctime_ns)


def taken() -> tuple[int, int]:
    """Return how many bytes of the disk the kept libraries take, and how many files and folders they have."""
    taken = list(_taken.values())  # Another thread may add one.
    return sum(size for size, _ in taken), sum(entries for _, entries in taken)
