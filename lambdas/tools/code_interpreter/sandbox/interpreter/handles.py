"""Tells of a value that can't be kept whether it is of no use any more: closed, ended or used up."""

import gc
import io
import sqlite3
import types
from typing import Any

MAX_DEPTH = 5
MAX_OBJECTS = 500
_SHARED = (type, types.FunctionType, types.ModuleType)
"""What leads to everything else in the process."""


def is_over(value: Any) -> bool:
    """Tell whether a value, or what it is made of, was closed; nobody misses it then."""
    seen = {id(value)}
    layer = [value]
    for _ in range(MAX_DEPTH):
        if any(map(_is_closed, layer)):
            return True
        found = [each for one in layer if not isinstance(one, _SHARED) for each in gc.get_referents(one)]
        layer = [each for each in found if id(each) not in seen][: MAX_OBJECTS - len(seen)]
        seen |= set(map(id, layer))
    return False


def _is_closed(value: Any) -> bool:
    try:
        match type(value).__name__:
            case "generator":
                return value.gi_frame is None
            case "coroutine":
                return value.cr_frame is None
            case "Popen":
                return value.returncode is not None
            case "Pool" | "ThreadPool":
                return bool(value._state != "RUN")
            case "ProcessPoolExecutor":
                return bool(value._shutdown_thread)
            case "ThreadPoolExecutor":
                return bool(value._shutdown)
            case "ZipFile":
                return value.fp is None
            case "Connection" if isinstance(value, sqlite3.Connection):
                return _is_closed_database(value)
            case "Cursor" if isinstance(value, sqlite3.Cursor):
                return _is_closed_database(value.connection)
    except Exception:
        return False
    return isinstance(value, io.IOBase) and value.closed


def _is_closed_database(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes < 0
    except sqlite3.ProgrammingError:
        return True
