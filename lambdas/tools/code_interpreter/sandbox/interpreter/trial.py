"""Tells which variables can't pass to another process: each is tried by itself."""

import io
import json
import os
import signal
import sys
import types
from typing import Any

from cloudpickle import cloudpickle

from interpreter import pickling

MAX_SECONDS = 20
"""After which loading is ended; the variables that it has not come to count as good."""
MAX_REASON = 200

Values = dict[str, Any]


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def unsaveable(values: Values, namespace: Values) -> dict[str, str]:
    """Return which variables can't be pickled, and why."""
    reasons = {}
    for name, value in values.items():
        try:
            pickling.Pickler(_Nowhere(), namespace).dump(value)  # type: ignore[arg-type]
        except Exception as error:
            reasons[name] = reason_of(error)
    return reasons


def unloadable(values: Values, namespace: Values) -> dict[str, str]:
    """Return which variables can't be loaded where nothing of this process is, and why.

    A copy of this process loads them, so whatever loading does harms nothing here.
    """
    reasons: dict[str, str] = {}
    names = list(values)
    while names:
        told, is_late = _in_a_copy({name: values[name] for name in names}, namespace)
        reasons |= {name: reason for name, reason in told if reason}
        names = names[len(told) :]
        if is_late:
            break
        if names:
            reasons[names.pop(0)] = "loading it ends the process"
    return reasons


def reason_of(error: Exception) -> str:
    """Return what is said of an error: its class, and the first line of its text."""
    text = (str(error).splitlines() or [""])[0][:MAX_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _in_a_copy(values: Values, namespace: Values) -> tuple[list[tuple[str, str]], bool]:
    """Return what came of loading each variable, as far as it came; and whether time was over."""
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:  # The code has as many processes as it may have.
        os.close(reader)
        os.close(writer)
        return [(name, "") for name in values], False
    if child == 0:
        try:
            os.close(reader)
            _load(values, namespace, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        told = [(str(name), str(reason)) for name, reason in map(json.loads, answers)]
    _, status = os.waitpid(child, 0)
    return told, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM


def _load(values: Values, namespace: Values, writer: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MAX_SECONDS)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    # As the next call finds it: without the names and classes of this one.
    sys.modules["__main__"] = types.ModuleType("__main__")
    cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    for name, value in values.items():
        file = io.BytesIO()
        pickler = pickling.Pickler(file, namespace)
        pickler.dump(value)
        reason = ""
        try:
            pickling.Unpickler(file.getbuffer(), {}, pickler.buffers).load()
        except Exception as error:
            reason = reason_of(error)
        os.write(writer, json.dumps([name, reason]).encode() + b"\n")
