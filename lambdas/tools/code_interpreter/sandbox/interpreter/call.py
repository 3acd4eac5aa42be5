"""One call: the interpreter confines itself, takes up the session, runs the cell and leaves the session to the next."""

import ctypes
import gc
import json
import os
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any, NoReturn

from interpreter import byte_code, confinement, libraries, multiprocesses, packages
from interpreter.session import Session
from interpreter.shell import Shell

MOUNT = "/mnt/data"
"""Where the code finds its files; `layers/python_data/mnt_data.c` lets it lead to the workspace."""


def run(shell: Shell, request: int, output: int, modules: int, report: int) -> NoReturn:
    """Run a cell, and leave without waiting for what it left behind.

    Args:
        shell: made before, for this process alone to use.
        request: descriptor of a JSON object `{"code", "libraries", "wanted", "environment", "folder", "writable",
            "limits", "filter", "needs_filter"}`. The folder holds `data` (seen as /mnt/data), `variables` (those of the
            calls before, and afterwards those of this one) and `figures`; `wanted` are libraries that packages find.
        output: descriptor that gets what the code prints, the value of its last expression and its traceback.
        modules: descriptor of a socket that gives modules' byte code, and folders for `libraries`, which are modules.
        report: descriptor that gets a JSON list of what the kernel refused to confine, before the code runs. If the
            filter of system calls is refused and `needs_filter` is true, nothing is run.
    """
    try:
        _run(shell, request, output, modules, report)
    finally:
        sys.stdout.flush()
        # Threads and exit handlers that the code left would keep the process, and the caller, waiting.
        os._exit(0)


def _run(shell: Shell, request: int, output: int, modules: int, report: int) -> None:
    os.setsid()
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    with os.fdopen(request) as told:
        asked: dict[str, Any] = json.load(told)
    folder = Path(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    tempfile.tempdir = None
    # /mnt/data leads to the folder from here on.
    ctypes.CDLL(None).mnt_data_start()
    os.chdir(MOUNT)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    confinement.show()
    refused = confinement.confine(asked["limits"], b64decode(asked["filter"]), asked["writable"])
    with os.fdopen(report, "w") as reported:
        json.dump(refused, reported)
    if asked["needs_filter"] and any(part.startswith(confinement.FILTER) for part in refused):
        return
    ask = byte_code.install(modules)
    libraries.install(asked["libraries"], ask, asked["wanted"])
    multiprocesses.install()
    packages.draw_anew()
    sys.path.append(MOUNT)

    own_pid = os.getpid()
    session = Session(folder / "variables", shell)
    try:
        # Nothing of what is loaded and saved is garbage, and looking for some would take as long again.
        gc.disable()
        session.restore()
        gc.freeze()
        gc.enable()
        shell.run(asked["code"])
        if os.getpid() != own_pid:
            return  # A copy that the code made of the process, and that reached the code's end too.
        _keep_figures()
        gc.disable()
        session.keep(asked["limits"]["session_bytes"])
    except Exception as error:
        print(f"[the variables are as they were before: {type(error).__name__}: {error}]")


def _keep_figures() -> None:
    """Keep the figures that the code made and did not show."""
    if "matplotlib.pyplot" in sys.modules:
        from interpreter import figures

        try:
            figures.show()
        except Exception as error:
            print(f"[a figure could not be drawn: {type(error).__name__}: {error}]")
