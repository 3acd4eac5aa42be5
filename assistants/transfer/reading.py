"""Reads JSON values from files: one document, an array, or a value on each line; large ones piece by piece."""

import json
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import IO, Any

_PIECE = 1 << 20
_SUFFIXES = {".json", ".jsonl", ".ndjson"}


class Broken(Exception):
    """A piece of a file that is not JSON; the rest is read on."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


def files(paths: list[Path]) -> Iterator[Path]:
    """Return the JSON files among paths and, for folders, in them, but for what lies below `files/`."""
    for path in paths:
        if path.is_file():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            inside = found.relative_to(path).parts
            if found.is_file() and found.suffix.lower() in _SUFFIXES and inside[0] != "files":
                yield found


def values(path: Path) -> Iterator[tuple[str, Any] | Broken]:
    """Return the values of a file, each with where it is, and what of it is broken."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        start = file.read(_PIECE)
        first = start.lstrip()[:1]
        file.seek(0)
        if first == "[":
            yield from _elements(file, path)
        elif first == "{" and _is_one_document(start, file):
            yield from _document(file, path)
        else:
            yield from _lines(file, path)


def _is_one_document(start: str, file: IO[str]) -> bool:
    """Return whether a file is one object over several lines; one that has a whole value on its first line is not."""
    file.seek(0)
    line = next((line for line in iter(file.readline, "") if line.strip()), "")
    rest = any(line.strip() for line in iter(file.readline, ""))
    file.seek(0)
    if not rest:
        return True
    try:
        _loaded(line)
    except ValueError:
        return not _has_a_whole_line(start)
    return False


def _has_a_whole_line(start: str) -> bool:
    for line in start.splitlines()[1:20]:
        if line.startswith("{") and line.rstrip().endswith("}"):
            try:
                return isinstance(_loaded(line), dict)
            except ValueError:
                continue
    return False


def _document(file: IO[str], path: Path) -> Iterator[tuple[str, Any] | Broken]:
    try:
        yield str(path.name), _loaded(file.read())
    except (ValueError, RecursionError) as error:
        yield Broken(path.name, _why(error))


def _lines(file: IO[str], path: Path) -> Iterator[tuple[str, Any] | Broken]:
    for number, line in enumerate(file, 1):
        if line.strip():
            where = f"{path.name}:{number}"
            try:
                yield where, _loaded(line)
            except (ValueError, RecursionError) as error:
                yield Broken(where, _why(error))


def _elements(file: IO[str], path: Path) -> Iterator[tuple[str, Any] | Broken]:
    """Return the elements of one large array, as they come."""
    decoder = JSONDecoder(parse_constant=_refuse)
    rest, number = file.read(_PIECE).lstrip()[1:], 0
    while True:
        rest = rest.lstrip().removeprefix(",").lstrip()
        if rest.startswith("]"):
            return
        number += 1
        try:
            value, end = decoder.raw_decode(rest)
            # A number at the end of what was read may go on.
            if end == len(rest) and (more := file.read(_PIECE)):
                rest, number = rest + more, number - 1
                continue
        except (ValueError, RecursionError) as error:
            more = file.read(max(_PIECE, len(rest)))
            if not more:
                yield Broken(f"{path.name}[{number - 1}]", _why(error))
                return
            rest, number = rest + more, number - 1
            continue
        yield f"{path.name}[{number - 1}]", value
        rest = rest[end:]
        if len(rest) < _PIECE // 2:
            rest += file.read(_PIECE)


def _loaded(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _why(error: Exception) -> str:
    return f"not JSON: {error.msg}" if isinstance(error, JSONDecodeError) else f"not JSON: {type(error).__name__}"
