"""Gives the interpreter byte code of modules that the layers hold without it, and keeps it for later calls.

Byte code of all modules doesn't fit into Lambda's limit, and the interpreter is a new process for each call, so a
module without byte code would be compiled in every call. The interpreter asks this process over a socket instead. This
process compiles the module from its own folders, the first time, and keeps the result in its memory. Nothing that the
model's code writes ever becomes byte code for a later call. Files in `/tmp` could not be protected like that: on Lambda
all processes are the same user.
"""

import contextlib
import marshal
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

MAX_PATH_BYTES = 4096
MAX_KEPT_BYTES = 128 << 20
"""Far more than all modules of the layers take, and far less than the memory that this process has."""
_LENGTH_BYTES = 4
_folders = tuple(os.path.realpath(folder) + os.sep for folder in sys.path if folder)
_compiled: dict[str, bytes] = {}


@contextlib.contextmanager
def served(library: Callable[[str], bytes]) -> Iterator[int]:
    """Serve requests while the block runs; the value is the descriptor that the interpreter inherits.

    A request is the path of a module and a newline. The answer is the length of the byte code (4 bytes, big-endian) and
    the byte code as `marshal` writes it; nothing (length 0) for a file that is not among this process's modules.

    A request `library <module>` gets in the same way what `library` gives for the module.
    """
    own, given = socket.socketpair()
    server = threading.Thread(target=_serve, args=(own, library), daemon=True)
    server.start()
    try:
        with given:
            yield given.fileno()
    finally:
        with contextlib.suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)
        server.join()


def _serve(connection: socket.socket, library: Callable[[str], bytes]) -> None:
    # The interpreter may send anything, and may close its end at any time.
    with connection, contextlib.suppress(OSError), connection.makefile("rb") as requests:
        while (line := requests.readline(MAX_PATH_BYTES)).endswith(b"\n"):
            kind, _, module = os.fsdecode(line[:-1]).partition(" ")
            answer = library(module) if kind == "library" else _byte_code(os.fsdecode(line[:-1]))
            connection.sendall(len(answer).to_bytes(_LENGTH_BYTES, "big") + answer)


def _byte_code(path: str) -> bytes:
    if path not in _compiled:
        # Each file under one name only: the interpreter can't make this process keep it under many.
        if os.path.realpath(path) != path or not path.startswith(_folders) or not path.endswith(".py"):
            return b""
        try:
            with open(path, "rb") as file:
                code = marshal.dumps(compile(file.read(), path, "exec", dont_inherit=True))
        except (OSError, SyntaxError, ValueError):
            return b""
        if sum(map(len, _compiled.values())) + len(code) > MAX_KEPT_BYTES:
            return b""
        _compiled[path] = code
    return _compiled[path]
