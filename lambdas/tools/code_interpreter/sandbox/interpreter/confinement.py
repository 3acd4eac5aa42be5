"""Confines this process, and all that it starts, before it runs the code.

Limits on resources, a filter of system calls, and, where the kernel knows Landlock, files that are none of the code's
business. None of it can be taken back, and all of it works without privileges.
"""

import ctypes
import errno
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

FILTER = "the filter of system calls"
"""What `confine` calls the part without which the code may reach the network."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 4, 38, 22
_SECCOMP = {"x86_64": 317, "aarch64": 277}  # the number of seccomp(2)
_SECCOMP_SET_MODE_FILTER, _SECCOMP_MODE_FILTER = 1, 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _READ_FILE, _READ_FOLDER, _WRITE_FILE = 1, 4, 8, 2
_EVERYTHING = {2: 0x3FFF, 3: 0x7FFF}
"""All that a version of Landlock can forbid of files; versions after 3 add what has no use here."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/proc", "/sys", "/dev", "/var/lang")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/pts", "/dev/tty")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def forbid_inspection() -> None:
    """Keep all processes but root's from reading this one through /proc or with a debugger."""
    _prctl(_PR_SET_DUMPABLE, 0)


def show() -> None:
    """Let processes of the same user look into this one again: it is a fork of one that is hidden."""
    _prctl(_PR_SET_DUMPABLE, 1)


def confine(limits: dict[str, Any], program: bytes, writable: str) -> list[str]:
    """Confine this process.

    Args:
        limits: `seconds`, `memory_bytes`, `file_bytes`, `tasks` (processes and threads of this user, all counted) and
            `mark` (a number by which all that the code starts is known).
        program: the filter of system calls (`interpreter.filter`), made for this process by the one that started it.
        writable: the folder below which files may be written, where the kernel can see to that.

    Returns:
        what the kernel refused to take away, and why; for operators, not for the code.
    """
    refused: list[str] = []
    for kind, most in (
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["tasks"]),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_CORE, 0),
        # Nobody may make message queues. The number is readable for all that run, and can't be raised again.
        (resource.RLIMIT_MSGQUEUE, limits["mark"]),
    ):
        _attempt(refused, f"limit {kind}", partial(_limit, kind, most))
    _attempt(refused, "being killed first", _be_killed_first)
    _attempt(refused, "ending with the runtime", lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    _attempt(refused, "no new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1))
    with suppress(OSError):  # A kernel without Landlock; the microVM has no files of anybody else's.
        _close_files(writable)
    _attempt(refused, FILTER, lambda: _filter(program))
    return refused


def _attempt(refused: list[str], name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except (OSError, ValueError) as error:
        refused.append(f"{name}: {error}")


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _be_killed_first() -> None:
    """Have the kernel end this process first when memory runs out, and not the one that started it."""
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, first, second, 0, 0) != 0:
        _raise()


def _raise() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def _filter(program: bytes) -> None:
    """Give the kernel a filter, by either of the two ways that it has: a sandbox around this one may close one."""
    instructions = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))  # struct sock_fprog
    )
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))
    except OSError:
        if _libc.syscall(_SECCOMP[os.uname().machine], _SECCOMP_SET_MODE_FILTER, 0, header) != 0:
            raise


def _close_files(writable: str) -> None:
    """Leave the process the system's files and its packages to read, and one folder to write (Landlock, Linux 5.19).

    So it can't change its own place in /proc, and on a computer it sees no files of whoever works there.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = _landlock(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < min(_EVERYTHING):
        raise OSError(errno.EOPNOTSUPP, "files can't be moved between folders under the first version")
    everything = _EVERYTHING[min(version, max(_EVERYTHING))]
    ruleset = _landlock(_LANDLOCK_CREATE_RULESET, struct.pack("Q", everything), 8, 0)
    reading = _EXECUTE | _READ_FILE | _READ_FOLDER
    own = {os.path.realpath(path) for path in sys.path if path}
    own |= {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, os.path.dirname(sys.executable))}
    own |= {os.path.realpath(path) for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path}
    rules = [(path, reading) for path in {*_SYSTEM, *own}]
    rules += [(path, _READ_FILE | _WRITE_FILE) for path in _DEVICES]
    rules.append((writable, everything))
    for path, allowed in rules:
        with suppress(OSError):  # It does not exist.
            _allow(ruleset, path, allowed & everything)
    _landlock(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            allowed &= ~_READ_FOLDER
        _landlock(_LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, descriptor), 0)
    finally:
        os.close(descriptor)


def _landlock(number: int, *arguments: Any) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        _raise()
    return result
