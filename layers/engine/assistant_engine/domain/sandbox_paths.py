"""Gives each file of the code interpreter a safe name of its own: `/mnt/data/<name>`."""

import re
from pathlib import PurePosixPath

from assistant_engine.domain.json_data import Json

FOLDER = "/mnt/data"
MAX_NAME_BYTES = 200


def names(files: list[Json]) -> dict[str, str]:
    """The name of each file (`{"file_id", "filename"}`) below `/mnt/data`, by its id.

    It is the file's own name, without the folders in it and what can't be printed. Of files of one name the last has
    it, which is the one that the user gave last; the id of each other one is in its name.
    """
    named = {file["file_id"]: _safe(file["filename"]) or file["file_id"] for file in files}
    given: dict[str, str] = {}
    for file_id, name in reversed(named.items()):
        if name in given.values():
            path = PurePosixPath(name)
            name = f"{path.stem}-{file_id}{path.suffix}"
        given[file_id] = name
    return {file_id: given[file_id] for file_id in named}


def _safe(filename: str) -> str:
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(letter if letter.isprintable() else "_" for letter in name).strip().lstrip(".")
    while len(name.encode()) > MAX_NAME_BYTES:
        path = PurePosixPath(name)
        name = path.stem[:-1] + path.suffix if len(path.stem) > 1 else name[:-1]
    return name
