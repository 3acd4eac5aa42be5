"""Reads the kernel's table of processes (proc(5)).

It is read several times for each call, and a computer may have hundreds of processes: so each file is read at once, as
bytes, and nothing of it is parsed that is not asked for.
"""

import os
import re
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MAX_BYTES = 8_192
"""Of one file; the kernel gives a process's in one piece, and none of those read here is half as long."""


def descendants(root: int, left_out: int) -> list[int]:
    """Return all processes that one started, or that those started; also those that ended and nobody waited for.

    Args:
        left_out: a child that doesn't count, nor what it started.
    """
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError):
            children.setdefault(int(_fields_of(pid)[1]), []).append(pid)
    found: list[int] = []
    pending = [root]
    while pending:
        started = [pid for pid in children.get(pending.pop(), ()) if pid != left_out]
        found += started
        pending += started
    return found


def marked(mark: int) -> list[int]:
    """Return this user's other processes whose limit of message queues is `mark`, whoever is their parent by now."""
    sought = re.compile(rb"Max msgqueue size +%d " % mark)
    own, user = os.getpid(), os.getuid()
    found = []
    for pid in _pids():
        with suppress(OSError):
            if pid != own and os.stat(f"/proc/{pid}").st_uid == user and sought.search(_read(pid, "limits")):
                # One that is dead has only not been noticed by its parent yet.
                found += [pid] if _fields_of(pid)[0] not in b"ZX" else []
    return found


def tasks() -> int:
    """Return how many processes and threads this user has: the kernel's limit counts all of them."""
    sought = re.compile(rb"\nUid:\t%d\t.*?\nThreads:\t(\d+)" % os.getuid(), re.DOTALL)
    total = 0
    for pid in _pids():
        with suppress(OSError):
            if found := sought.search(_read(pid, "status")):
                total += int(found[1])
    return total


def memory_of(pids: list[int]) -> int:
    """Return the bytes of memory that processes have between them; what two share counts twice."""
    total = 0
    for pid in pids:
        with suppress(OSError, IndexError):
            total += int(_read(pid, "statm").split()[1]) * _PAGE
    return total


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _fields_of(pid: int) -> list[bytes]:
    """Return the fields of /proc/<pid>/stat from the state to the parent.

    The name before them, in parentheses, may hold anything.
    """
    return _read(pid, "stat").rpartition(b")")[2].split(maxsplit=2)


def _read(pid: int, name: str) -> bytes:
    descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
    try:
        return os.read(descriptor, _MAX_BYTES)
    finally:
        os.close(descriptor)
