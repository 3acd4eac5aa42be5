"""The archive that carries a session's files from call to call: a tar file of all that code left where it may write.

That is `data` (/mnt/data), `home` and `temporary`, with empty folders, hidden files, links, modes and times; with the
variables, and with what is known of it (`Known`). Whoever holds the archive's address may
have forged it: what is unpacked stays below these folders, and links are made when everything else is there.
"""

import io
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import libraries
from workspace import Workspace, entries

MOUNT = "/mnt/data"
MAX_ENTRIES = 20_000
VARIABLES, KNOWN = "variables", "known.json"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """Holds what this process knows of a session.

    Attributes:
        given: of the files that were given (`given_files`).
        libraries: the modules of libraries that were imported (`libraries`).
    """

    given: Json = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


def pack(workspace: Workspace, archive: BinaryIO, known: Known, most_bytes: int) -> list[str]:
    """Write a session into an archive.

    Args:
        known: what `unpack` is to return.
        most_bytes: of files. Smaller files come first.

    Returns:
        the paths of the files that were left out, because there is no more room.
    """
    unchanged = {name for name, is_as_given in known.given.values() if is_as_given}
    left_out, room = [], most_bytes
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add_bytes(tar, KNOWN, json.dumps(asdict(known)).encode())
        variables = workspace.folder / "variables"
        if variables.is_file() and not variables.is_symlink():
            _add_file(tar, workspace, VARIABLES, variables, variables.lstat())
        found = list(_found(workspace))
        packed: dict[tuple[int, int], str] = {}
        for name, path, status in sorted(found, key=lambda each: (stat.S_ISREG(each[2].st_mode), each[2].st_size)):
            member = tarfile.TarInfo(name)
            member.mode, member.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
            if stat.S_ISDIR(status.st_mode):
                member.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(status.st_mode):
                member.type, member.linkname = tarfile.SYMTYPE, _shown(workspace, os.readlink(path))
            elif name.removeprefix("data/") in unchanged and name.startswith("data/"):
                continue
            elif (inode := (status.st_dev, status.st_ino)) in packed:
                member.type, member.linkname = tarfile.LNKTYPE, packed[inode]
            elif status.st_size > room:
                left_out.append(f"{MOUNT}/{name.removeprefix('data/')}" if name.startswith("data/") else path)
                continue
            else:
                room -= status.st_size
                _add_file(tar, workspace, name, Path(path), status)
                packed[inode] = name
                continue
            tar.addfile(member)
    return left_out


def unpack(workspace: Workspace, archive: Path) -> Known:
    """Put what `pack` wrote back into place; return what it was told is known of the session."""
    known = Known()
    later: list[tuple[tarfile.TarInfo, Path]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            path = _place(workspace, member.name)
            if member.name == KNOWN and (data := tar.extractfile(member)):
                known = Known(**json.load(data))
            elif path is None:
                continue
            elif member.isreg() and (data := tar.extractfile(member)):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(data, file, 1 << 20)
                _set(path, member)
            elif member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                later.append((member, path))
            elif member.issym() or member.islnk():
                later.append((member, path))
    for member, path in later:
        root: Path = getattr(workspace, member.name.partition("/")[0])
        if any((root / above).is_symlink() for above in path.relative_to(root).parents):
            continue
        with suppress(FileExistsError, FileNotFoundError):  # What a hard link leads to had no room.
            if member.issym():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(_real(workspace, member.linkname))
            elif member.islnk() and (target := _place(workspace, member.linkname)):
                path.hardlink_to(target)
    for member, path in sorted(later, key=lambda each: each[1].parts, reverse=True):
        if member.isdir():
            _set(path, member)
    return known


def _found(workspace: Workspace) -> Iterator[tuple[str, str, os.stat_result]]:
    """Give the folders, links and files below the three folders, none through a link: name, path and status."""
    pending = [(name, str(getattr(workspace, name))) for name in ("data", "home", "temporary")]
    count = 0
    while pending:
        above, folder = pending.pop()
        for entry in entries(folder):
            if entry.path in (str(workspace.folder), str(libraries.folder())):
                continue
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                count += 1
                if count > MAX_ENTRIES:
                    return
                name = f"{above}/{entry.name}"
                if stat.S_ISDIR(status.st_mode):
                    pending.append((name, entry.path))
                if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                    yield name, entry.path, status


def _place(workspace: Workspace, name: str) -> Path | None:
    """Return where a member of the archive belongs; None for one that `pack` would not have written."""
    parts = PurePosixPath(name).parts
    if name == VARIABLES:
        return workspace.folder / VARIABLES
    if len(parts) < 2 or parts[0] not in ("data", "home", "temporary") or ".." in parts:
        return None
    root: Path = getattr(workspace, parts[0])
    path = root.joinpath(*parts[1:])
    # Lambda's /tmp has the folder of the call in it.
    is_inside = workspace.folder.is_relative_to(root) and path.is_relative_to(workspace.folder)
    return None if is_inside else path


def _set(path: Path, member: tarfile.TarInfo) -> None:
    os.utime(path, ns=(int(member.mtime * 1e9),) * 2)
    path.chmod(member.mode & 0o777)


def _shown(workspace: Workspace, target: str) -> str:
    """Return a link's target as the code knows it: the folder of the next call may be another one."""
    data = str(workspace.data)
    return MOUNT + target.removeprefix(data) if target == data or target.startswith(f"{data}/") else target


def _real(workspace: Workspace, target: str) -> str:
    is_inside = target == MOUNT or target.startswith(f"{MOUNT}/")
    return str(workspace.data) + target.removeprefix(MOUNT) if is_inside else target


def _add_file(tar: tarfile.TarFile, workspace: Workspace, name: str, path: Path, status: os.stat_result) -> None:
    with workspace.open(path) as file:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(file.fileno()).st_size
        member.mode, member.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
        tar.addfile(member, file)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
