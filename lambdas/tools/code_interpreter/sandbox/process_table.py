"""Reads the kernel's table of processes (proc(5)).

It is read several times for each call, and a computer may have hundreds of processes. The kernel takes long to describe
one, so the files of all processes are read only where the kernel has no shorter answer.
"""

import os
import resource
from collections.abc import Callable
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MAX_BYTES = 8_192
"""Of one file, which the kernel gives in one piece. A longer list of children is cut: the next look finds the rest."""


def descendants(root: int, left_out: int) -> list[int]:
    """Return all processes that one started, or that those started; also those that ended and nobody waited for.

    Args:
        left_out: a child that doesn't count, nor what it started.
    """
    children_of = _children_listed if os.path.exists(f"/proc/{root}/task/{root}/children") else _children_found()
    found: list[int] = []
    pending = [root]
    while pending:
        started = [pid for pid in children_of(pending.pop()) if pid != left_out]
        found += started
        pending += started
    return found


def _children_listed(parent: int) -> list[int]:
    """Return the children of a process as the kernel lists them, each at the thread that started it."""
    children: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{parent}/task"):
            with suppress(OSError):
                children += map(int, _read(parent, f"task/{thread}/children").split())
    return children


def _children_found() -> Callable[[int], list[int]]:
    """Return a function that tells the children of a process. It reads all processes: a kernel may lack the lists."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError):
            children.setdefault(int(_fields_of(pid)[1]), []).append(pid)
    return lambda parent: children.get(parent, [])


def marked(mark: int) -> list[int]:
    """Return this user's other processes whose limit of message queues is `mark`, whoever is their parent by now."""
    own, user = os.getpid(), os.getuid()
    found = []
    for pid in _pids():
        with suppress(OSError):
            if resource.prlimit(pid, resource.RLIMIT_MSGQUEUE)[0] == mark and pid != own and _owner(pid).st_uid == user:
                # One that is dead has only not been noticed by its parent yet.
                found += [pid] if _fields_of(pid)[0] not in b"ZX" else []
    return found


def tasks() -> int:
    """Return how many processes and threads this user has: the kernel's limit counts all of them."""
    user, total = os.getuid(), 0
    for pid in _pids():
        with suppress(OSError):
            owner = _owner(pid)
            total += owner.st_nlink - 2 if owner.st_uid == user else 0
    return total


def _owner(pid: int) -> os.stat_result:
    """Return the status of the folder of a process's threads: the folder's owner, and two links more than threads."""
    return os.stat(f"/proc/{pid}/task")


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
