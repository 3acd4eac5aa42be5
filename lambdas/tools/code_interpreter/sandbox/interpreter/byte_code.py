"""Imports modules that have no byte code: the process that started this one compiles them, and keeps the result.

`lambdas/tools/code_interpreter/sandbox/byte_code.py` is the other end.
"""

import marshal
import os
import socket
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from threading import Lock
from typing import Any


def install(descriptor: int) -> Callable[[str], bytes]:
    """Ask at the other end of `descriptor` for byte code that is in no file; compile here what it doesn't have.

    Returns:
        what asks there: a line of text gets the answer's bytes, none in a copy of this process.
    """
    own_pid, lock = os.getpid(), Lock()
    stream = socket.socket(fileno=descriptor).makefile("rwb")
    compiled_here = SourceFileLoader.source_to_code

    def ask(line: str) -> bytes:
        if os.getpid() != own_pid or "\n" in line:
            return b""  # A copy of this process would take answers that are not its own.
        with lock:
            stream.write(os.fsencode(line) + b"\n")
            stream.flush()
            return stream.read(int.from_bytes(stream.read(4), "big"))

    def source_to_code(self: SourceFileLoader, data: Any, path: Any, **options: Any) -> Any:
        try:
            code = ask(os.fspath(path))
        except (OSError, ValueError):
            code = b""
        return marshal.loads(code) if code else compiled_here(self, data, path, **options)  # noqa: S302

    SourceFileLoader.source_to_code = source_to_code  # type: ignore[assignment, method-assign]
    return ask
