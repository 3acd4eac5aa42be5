"""Where the code interpreter finds its files: `/mnt/data/<name>`, a name for each that is safe and its own."""

import re
from pathlib import PurePosixPath

from assistant_engine.domain.json_data import Json

FOLDER = "/mnt/data"
MAX_NAME_BYTES = 200


def names(files: list[Json]) -> dict[str, str]:
    """The name of each file (`{"file_id", "filename"}`) below `/mnt/data`, by its id.

    It is the file's own name, without the folders in it and what can't be printed. The first file of a name has it;
    others get their id into it, so the order must be the same in each call.
    """
    given: dict[str, str] = {}
    for file in files:
        file_id = file["file_id"]
        if file_id in given:
            continue
        name = _safe(file["filename"]) or file_id
        if name in given.values():
            path = PurePosixPath(name)
            name = f"{path.stem}-{file_id}{path.suffix}"
        given[file_id] = name
    return given


def _safe(filename: str) -> str:
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(letter if letter.isprintable() else "_" for letter in name).strip().lstrip(".")
    while len(name.encode()) > MAX_NAME_BYTES:
        path = PurePosixPath(name)
        name = path.stem[:-1] + path.suffix if len(path.stem) > 1 else name[:-1]
    return name
