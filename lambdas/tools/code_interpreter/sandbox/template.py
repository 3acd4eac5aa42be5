"""The template of interpreters: a process that has imported what each call needs, and of which each is a fork.

Starting Python and importing IPython and pandas anew would take longer than most code runs. The template runs no code
of a model, was started without anything of this process's environment or memory, and can't be looked into.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

MOUNTING = "libmnt_data.so"
"""The library that lets paths below /mnt/data lead to a call's workspace; it is in a layer."""


class Template:
    """The template of this process's interpreters; started when one is asked for, and again if it died."""

    def __init__(self) -> None:
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._imported: set[str] = set()

    @property
    def pid(self) -> int:
        """The template's process id; 0 if this process has none."""
        return self._process.pid if self._process and self._owner == os.getpid() else 0

    def ensure(self) -> None:
        """Start the template unless it is there; it is ready some time later."""
        # A fork of the process that started it, as an execution environment may be, has none of its own.
        if self.pid and self._process and self._process.poll() is None:
            return
        self.end()
        own, given = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with given:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "interpreter", str(given.fileno())],
                cwd="/",
                env=environment(),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[given.fileno()],
            )
        self._owner, self._requests = os.getpid(), own

    def fork(self, *descriptors: int, imported: Set[str] = frozenset(), barred: Set[str] = frozenset()) -> int:
        """Return the process id of a new interpreter, a child of this process that waits for its request.

        Args:
            descriptors: those of `interpreter.call.run`.
            imported: modules that the template imports first, unless it did for an earlier call.
            barred: modules that it must not have imported: if it has, another one is started.

        Raises:
            OSError: there can't be one.
        """
        if self._imported & barred:
            self.end()
        self.ensure()
        assert self._requests
        message = json.dumps(sorted(imported - self._imported))
        self._imported |= imported
        socket.send_fds(self._requests, [message.encode()], descriptors)
        number = int.from_bytes(self._requests.recv(8), "big")
        if not number:
            raise OSError("no interpreter could be started")
        return number

    def end(self) -> None:
        """End the template, if it is this process's."""
        if self._requests:
            self._requests.close()
        if self.pid and self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        self._process = self._requests = None
        self._imported = set()


def environment() -> dict[str, str]:
    """Return what every interpreter finds in its environment, whatever the call; nothing of this process's own."""
    path = [os.path.realpath(folder) for folder in sys.path if folder]
    mounting = next(folder for folder in path if os.path.exists(os.path.join(folder, MOUNTING)))
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        # Where Lambda keeps the libraries that Python itself needs. The path of one to preload may have no space in it.
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [os.environ.get("LD_LIBRARY_PATH"), mounting])),
        "LD_PRELOAD": MOUNTING,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "module://interpreter.figures",
        # As many threads as Lambda gives processors to this much memory.
        "OPENBLAS_NUM_THREADS": "2",
        "OMP_NUM_THREADS": "2",
        # Idle threads spin for 2^20 ticks of the clock before they sleep. With the default of 2^28, each interpreter
        # that imports numpy anew loses a tenth of a second of its processors.
        "OPENBLAS_THREAD_TIMEOUT": "20",
    }


template = Template()
