"""Places the files that a call is given among those that the session has: the newest of a name is the current one.

What is known of given files is kept with the session, as `{id: [name, whether it is as it was given]}`. A file that
code changed or removed stays so, as long as no other is given under its name.
"""

import filecmp
import os
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

import transfer
from workspace import Workspace, remove

Json = dict[str, Any]
MOUNT = "/mnt/data"


def place(files: list[Json], known: Json, workspace: Workspace, max_bytes: int) -> list[str]:
    """Put the given files into place.

    Args:
        files: `{"id", "name", "url"}` of each; the names differ.
        known: of the files given so far.

    Returns:
        what the model is to be told of them.
    """
    notes: list[str] = []
    _rename({file["id"]: file["name"] for file in files}, known, workspace)
    for file in files:
        plain = file["name"].replace(f"-{file['id']}", "")
        if plain != file["name"] and known.get(file["id"], [""])[0] != file["name"]:
            notes.append(f"{MOUNT}/{plain} is the newest file of this name; {MOUNT}/{file['name']} is an older one")
    for file in files:
        path = workspace.data / file["name"]
        if file["id"] in known:
            if known[file["id"]][1] and not os.path.lexists(path):
                _fetch(file, path, max_bytes, notes)
            continue
        if not os.path.lexists(path):
            _fetch(file, path, max_bytes, notes)
            continue
        new = workspace.folder / "given"
        if not _fetch(file, new, max_bytes, notes):
            continue
        if not path.is_symlink() and path.is_file() and filecmp.cmp(path, new, shallow=False):
            remove(path)
        else:
            aside = _aside(path)
            path.rename(aside)
            notes.append(
                f"{MOUNT}/{file['name']} is the file that the user gave now. What was there before is now"
                f" {MOUNT}/{aside.relative_to(workspace.data)}"
            )
        new.rename(path)
    return notes


def known_after(files: list[Json], known: Json, is_unchanged: Callable[[str], bool]) -> Json:
    """Return what is known of given files when the code has run, those included that this call was not given."""
    now = {}
    for file in files:
        was_as_given = known[file["id"]][1] if file["id"] in known else True
        now[file["id"]] = [file["name"], was_as_given and is_unchanged(file["name"])]
    return known | now


def _rename(names: dict[str, str], known: Json, workspace: Workspace) -> None:
    """Give files that code changed the names that they have by now: a newer file took the name of an older one."""
    for file_id, name in names.items():
        if file_id in known and known[file_id][0] != name:
            before, after = workspace.data / known[file_id][0], workspace.data / name
            if os.path.lexists(before) and not os.path.lexists(after):
                before.rename(after)


def _fetch(file: Json, path: Path, max_bytes: int, notes: list[str]) -> bool:
    try:
        transfer.fetch(file["url"], path, max_bytes)
    except transfer.NotThere:
        notes.append(f"{MOUNT}/{file['name']} is not there: the file was deleted")
    except transfer.TooLarge:
        path.unlink()
        notes.append(f"{MOUNT}/{file['name']} is not there: it is over {max_bytes >> 20} MB")
    else:
        return True
    return False


def _aside(path: Path) -> Path:
    """Return a free path beside a file's: `report-before.csv`, `report-before-2.csv` and so on."""
    name = PurePosixPath(path.name)
    names = chain([f"{name.stem}-before{name.suffix}"], (f"{name.stem}-before-{n}{name.suffix}" for n in count(2)))
    return next(free for free in map(path.with_name, names) if not os.path.lexists(free))
