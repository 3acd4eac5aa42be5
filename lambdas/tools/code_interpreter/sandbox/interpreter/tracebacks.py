"""Tracebacks of a cell: they begin in a cell, show each cell's own lines, and nothing of what runs the cells."""

import linecache
import os
import traceback
from pathlib import Path

import IPython

_OWN = (str(Path(__file__).parent) + os.sep, str(Path(IPython.__file__).parent) + os.sep)
_sources: dict[int, str] = {}


def name_of(number: int) -> str:
    """Return the file name of a cell's code."""
    return f"<cell {number}>"


def remember(number: int, source: str) -> None:
    """Keep a cell's text for tracebacks, and for `inspect.getsource`."""
    _sources[number] = source
    name = name_of(number)
    linecache.cache[name] = (len(source), None, [f"{line}\n" for line in source.splitlines()], name)


def remembered(max_characters: int) -> list[tuple[int, str]]:
    """Return the numbers and texts of cells, the newest ones within so many characters."""
    kept = []
    for number in sorted(_sources, reverse=True):
        max_characters -= len(_sources[number])
        if max_characters < 0:
            break
        kept.append((number, _sources[number]))
    return kept[::-1]


def told(error: BaseException) -> str:
    """Return what is printed of an exception that ended a cell."""
    if isinstance(error, SystemExit):
        # As Python does: a number is the status of a process, anything else is a message.
        return "" if error.code is None or isinstance(error.code, int) else f"{error.code}\n"
    if isinstance(error, IPython.core.error.UsageError):
        return f"UsageError: {error}\n"
    described = traceback.TracebackException.from_exception(error)
    _trim(described)
    if not any(map(_is_of_a_cell, described.stack or ())):
        # The cell never ran: it could not be compiled.
        described.stack = None  # type: ignore[assignment]
    return "".join(described.format())


def _is_of_a_cell(frame: traceback.FrameSummary) -> bool:
    return frame.filename.startswith("<cell ")


def _trim(described: traceback.TracebackException | None) -> None:
    if described is None:
        return
    frames = [frame for frame in described.stack if not frame.filename.startswith(_OWN)]
    first = next((place for place, frame in enumerate(frames) if _is_of_a_cell(frame)), 0)
    # Python prints the heading for an empty stack, and none if there is no stack.
    described.stack = traceback.StackSummary.from_list(frames[first:]) if frames else None  # type: ignore[assignment]
    for other in (described.__cause__, described.__context__, *(described.exceptions or ())):
        _trim(other)
