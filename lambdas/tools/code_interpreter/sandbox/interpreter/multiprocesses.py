"""Lets `multiprocessing` work where the system has no semaphores: Lambda has no /dev/shm to keep them in.

Its locks are made of an `eventfd` each, which the processes that are started inherit. All start methods are `fork`: the
code of a cell is in no file, so a Python that starts anew could not import what it is to run.
"""

import importlib
import os
import select
import sys
import threading
import time
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType, TracebackType
from typing import Any

_RECURSIVE = 0
_FREE_FOR_ALL = 2**31 - 1


class SemLock:
    """A semaphore or a lock, as `_multiprocessing.SemLock` describes it."""

    SEM_VALUE_MAX = _FREE_FOR_ALL

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.handle = os.eventfd(value, os.EFD_SEMAPHORE | os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = None
        self._held = 0
        self._owner = (0, 0)

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the semaphore; return whether it was free in time."""
        if self.kind == _RECURSIVE and self._is_mine():
            self._held += 1
            return True
        deadline = None if timeout is None else time.monotonic() + max(0.0, timeout)
        while True:
            try:
                os.eventfd_read(self.handle)
                break
            except BlockingIOError:
                left = None if deadline is None else deadline - time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                select.select([self.handle], [], [], left)
        self._held += 1
        self._owner = os.getpid(), threading.get_ident()
        return True

    def release(self) -> None:
        """Give the semaphore back.

        Raises:
            AssertionError: another holds this recursive lock.
            ValueError: it was given back more often than taken.
        """
        if self.kind == _RECURSIVE:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif self.maxvalue < _FREE_FOR_ALL and self._get_value() >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        self._held -= 1
        os.eventfd_write(self.handle, 1)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def __del__(self) -> None:
        os.close(self.handle)

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == (os.getpid(), threading.get_ident())

    def _get_value(self) -> int:
        with open(f"/proc/self/fdinfo/{self.handle}") as told:
            [value] = [line.split()[1] for line in told if line.startswith("eventfd-count:")]
        return int(value, 16)

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._held = 0


def _use_own_locks(package: Any) -> None:
    importlib.import_module("_multiprocessing").SemLock = SemLock  # type: ignore[attr-defined]
    fork = package.context._concrete_contexts["fork"]
    package.context._concrete_contexts.update(spawn=fork, forkserver=fork)
    package.context._default_context._default_context = fork


def _share_memory_in_files(heap: Any) -> None:
    """Keep shared memory in files: the code may not write to /dev/shm."""
    heap.Arena._dir_candidates = []


_CHANGES = {"multiprocessing": _use_own_locks, "multiprocessing.heap": _share_memory_in_files}


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _CHANGES[module.__name__](module)


class _Finder:
    """Changes `multiprocessing` when it is first imported, and takes no time before."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _CHANGES:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and spec.origin:
            spec.loader = _Loader(name, spec.origin)
        return spec


def install() -> None:
    """Let `multiprocessing` work in this process."""
    for name in _CHANGES.keys() & sys.modules.keys():
        _CHANGES[name](sys.modules[name])
    sys.meta_path.insert(0, _Finder())
