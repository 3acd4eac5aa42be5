"""Starts the interpreter, watches it and all that it starts, and leaves none of it alive."""

import json
import logging
import os
import selectors
import signal
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from ctypes import CDLL, c_int, c_ulong, get_errno
from dataclasses import dataclass
from pathlib import Path

import byte_code
import process_table
from interpreter import filter as system_call_filter
from interpreter import packages
from interpreter.confinement import FILTER
from libraries import Libraries
from template import environment, template
from workspace import Workspace

_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
TICK = 0.2
PATIENCE = 20
"""Seconds after which processes that can't be killed end this one, and with it the whole execution environment."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits one call.

    Attributes:
        seconds: of time, and of each process's processor time.
        memory_mb: of all processes together, and of the address space of each.
        processes: processes and threads at once.
        disk_mb: of all files together, given ones included.
        file_mb: of one file, given or produced.
        files: produced files and figures that are given back.
        session_mb: of variables, and of files, that pass to the next call.
        output_bytes: of printed text, the middle of which is left out beyond this.
    """

    seconds: int
    memory_mb: int
    processes: int
    disk_mb: int
    file_mb: int
    files: int
    session_mb: int
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Describes the end of an interpreter.

    Attributes:
        output: what was printed.
        reason: why it did not end by itself, a sentence; empty if it did.
        refused: what the kernel refused to confine of the code, for operators.
    """

    output: str
    reason: str
    refused: list[str]


STOPPED = "The code was stopped: its run has ended."
"""The reason of a call that nobody waits for any more."""

UNAVAILABLE = "The code interpreter is not available."
"""The reason of a call that was not run, because nothing would keep its code from the network."""

logger = logging.getLogger("sandbox")


def guard_this_process() -> None:
    """Take care that what the code starts can be found and that it can't look into this process."""
    prctl = CDLL(None, use_errno=True).prctl
    prctl.argtypes = [c_int, *[c_ulong] * 4]
    # Orphans become children of this process; /proc shows its memory and environment to root alone.
    for option, value in ((_PR_SET_CHILD_SUBREAPER, 1), (_PR_SET_DUMPABLE, 0)):
        if prctl(option, value, 0, 0, 0) != 0:
            logger.error("the kernel refuses prctl(%s): %s", option, os.strerror(get_errno()))


def run(
    code: str,
    workspace: Workspace,
    limits: Limits,
    seconds: float,
    is_stopped: Callable[[], bool] = lambda: False,
    libraries: Libraries | None = None,
) -> Ended:
    """Run the code in a process of its own; when this returns, nothing that it started is alive.

    Args:
        seconds: how long it may take; the limits' own time is the most.
        is_stopped: whether nobody waits for the code any more. It is asked many times a second.
        libraries: what the code may import in addition to the layers; nothing unless given.
    """
    libraries = libraries or Libraries()
    seconds = min(seconds, limits.seconds)
    output = _Output(limits.output_bytes)
    report, reported = os.pipe()
    asked, asks = os.pipe()
    printed, prints = os.pipe()
    wanted = libraries.used | packages.libraries_named(code)
    imported, barred = packages.plan(code, wanted, (workspace.data, workspace.home))
    with byte_code.served(libraries.answer) as modules:
        forked = template.fork(asked, prints, modules, reported, imported=imported, barred=barred)
        child = _Child(forked, printed)
        for descriptor in (asked, prints, reported):
            os.close(descriptor)
        try:
            _send(asks, child, code, workspace, limits, libraries, wanted)
            reason = _watch(child, output, workspace, limits, seconds, is_stopped)
        finally:
            end_descendants()
    _read(child, output)
    os.close(printed)
    with os.fdopen(report) as told:
        refused: list[str] = json.loads(told.read() or "[]")
    if refused:
        logger.error("the kernel refuses to confine the code: %s", "; ".join(refused))
        if _needs_filter() and any(part.startswith(FILTER) for part in refused):
            reason = UNAVAILABLE
    if not reason and workspace.used([]) > limits.disk_mb << 20:
        reason = _too_much_disk(limits)  # Written and ended between two looks.
    return Ended(output.text().replace(str(workspace.data), "/mnt/data"), reason, refused)


class _Child:
    """The interpreter, a child of this process that another process forked.

    Attributes:
        output: descriptor of what it prints.
        status: its exit status, None while it runs.
    """

    def __init__(self, pid: int, output: int) -> None:
        self.pid = pid
        self.output = output
        self.status: int | None = None

    def has_ended(self) -> bool:
        """Return whether it has ended; its status is known then."""
        if self.status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if ended else None
        return self.status is not None


def _needs_filter() -> bool:
    """Return whether the filter of system calls is all that keeps the code from the network."""
    return os.environ.get("SANDBOX_NETWORK") != "isolated"


def _too_much_disk(limits: Limits) -> str:
    return f"The code was stopped: it wrote more than {limits.disk_mb} MB, or too many files."


def _environment(workspace: Workspace) -> dict[str, str]:
    """Return all that the code finds in its environment: nothing of this process's own."""
    return {
        **environment(),
        "HOME": str(workspace.home),
        "TMPDIR": str(workspace.temporary),
        "MPLCONFIGDIR": str(workspace.home),
        "SANDBOX_DATA": str(workspace.data),
        "SANDBOX_FIGURES": str(workspace.figures),
    }


def _send(
    asks: int,
    child: _Child,
    code: str,
    workspace: Workspace,
    limits: Limits,
    libraries: Libraries,
    wanted: set[str],
) -> None:
    program = system_call_filter.program(os.uname().machine, child.pid, _own_ids())
    request = {
        "code": code,
        "libraries": libraries.modules,
        "wanted": sorted(wanted),
        "environment": _environment(workspace),
        "folder": str(workspace.folder),
        "writable": tempfile.gettempdir(),
        "filter": b64encode(program).decode(),
        "needs_filter": _needs_filter(),
        "limits": {
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_mb << 20,
            "file_bytes": limits.file_mb << 20,
            "session_bytes": limits.session_mb << 20,
            "tasks": process_table.tasks() + limits.processes,
            "mark": _mark(),
        },
    }
    with suppress(BrokenPipeError), os.fdopen(asks, "wb") as stream:
        stream.write(json.dumps(request).encode())


def _own_ids() -> set[int]:
    """The ids of this process, its group, its threads and the template, which can all be signalled."""
    return {os.getpid(), os.getpgrp(), template.pid, *map(int, os.listdir("/proc/self/task"))}


def _watch(
    child: _Child,
    output: "_Output",
    workspace: Workspace,
    limits: Limits,
    seconds: float,
    is_stopped: Callable[[], bool],
) -> str:
    """Read what is printed until the interpreter ends or uses too much; why it has to be ended, if it has."""
    os.set_blocking(child.output, False)
    deadline = time.monotonic() + seconds
    look = time.monotonic() + TICK
    patience = TICK / 4
    with selectors.DefaultSelector() as selector:
        selector.register(child.output, selectors.EVENT_READ)
        while True:
            ended = child.has_ended()
            if selector.select(0 if ended else patience) and not _read(child, output):
                selector.unregister(child.output)
                patience = 0.002  # It has most likely ended.
            if child.status is not None and ended:
                return _reason_of(child.status)
            now = time.monotonic()
            if now > deadline:
                return f"The code was stopped: it took longer than {seconds:.0f} s."
            if is_stopped():
                return STOPPED
            if now > look:
                pids = descendants()
                if process_table.memory_of(pids) > limits.memory_mb << 20:
                    return f"The code was stopped: it took more than {limits.memory_mb} MB of memory."
                if workspace.used(pids) > limits.disk_mb << 20:
                    return _too_much_disk(limits)
                _keep_first_to_be_killed(pids)
                look = time.monotonic() + TICK


def _reason_of(status: int) -> str:
    if status == 0:
        return ""
    if status == -signal.SIGXCPU or status == -signal.SIGKILL:
        return "The code was stopped: it took too much of the processor's time, or of the memory."
    return f"The interpreter ended with status {status}."


def _read(child: _Child, output: "_Output") -> bool:
    """Read what there is, a bounded part of it at once; whether more may come."""
    with suppress(BlockingIOError):
        for _ in range(64):
            data = os.read(child.output, 65_536)
            if not data:
                return False
            output.add(data)
    return True


class _Output:
    """The beginning and the end of what is printed, and nothing else of it."""

    def __init__(self, most_bytes: int) -> None:
        self._half = most_bytes // 2
        self._first = b""
        self._last = b""
        self._left_out = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._first)
        self._first += data[:room]
        self._last += data[room:]
        if len(self._last) > self._half:
            self._left_out += len(self._last) - self._half
            self._last = self._last[-self._half :]

    def text(self) -> str:
        gap = f"\n[... {self._left_out} bytes left out ...]\n".encode() if self._left_out else b""
        return (self._first + gap + self._last).decode(errors="replace")


def descendants() -> list[int]:
    """All processes that calls started, or that those started; also those that ended and nobody waited for."""
    return process_table.descendants(os.getpid(), left_out=template.pid)


def end_descendants() -> None:
    """Kill all that code started, again and again until there is nothing: one may fork while another dies.

    That is every descendant, and what a runtime that died in this execution environment left: it bears the mark.
    """
    deadline = time.monotonic() + PATIENCE
    while pids := descendants() or process_table.marked(_mark()):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > deadline:
            os._exit(1)
        time.sleep(0.001)


def _mark() -> int:
    """A number that is this execution environment's own, below what the kernel grants everyone (819,200 bytes)."""
    place = os.stat(tempfile.gettempdir())
    return hash((place.st_dev, place.st_ino)) % 400_000 + 400_000


def _keep_first_to_be_killed(pids: list[int]) -> None:
    """The code may take back that the kernel ends it first when memory runs out; this puts it right again."""
    for pid in pids:
        with suppress(OSError):
            score = Path(f"/proc/{pid}/oom_score_adj")
            if score.read_text() != "1000\n":
                score.write_text("1000")
