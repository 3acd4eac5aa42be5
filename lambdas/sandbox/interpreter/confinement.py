"""What the process takes away from itself, and from all that it starts, before it runs the code.

Limits on resources; no sockets but local ones; no shared memory that would outlive the processes; no debugging, and no
signals for the process that started it. None of it can be taken back, and all of it works without privileges.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

# The architecture as linux/audit.h names it, and the numbers of its system calls.
_CALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438,
            "io_uring_setup": 425, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "unshare": 272, "setns": 308,
            "add_key": 248, "request_key": 249, "keyctl": 250,
            "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
            "socket": 41, "kill": 62, "tkill": 200, "tgkill": 234, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297,
            "prlimit64": 302,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_open": 434, "pidfd_getfd": 438,
            "io_uring_setup": 425, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "unshare": 97, "setns": 268,
            "add_key": 217, "request_key": 218, "keyctl": 219,
            "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180,
            "socket": 198, "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240,
            "prlimit64": 261,
        },
    ),
}  # fmt: skip
_ON_A_PROCESS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "prlimit64")
_X32 = 0x40000000


def confine(limits: dict[str, Any], runtime: int) -> None:
    """Confine this process.

    Args:
        limits: `seconds`, `memory_bytes`, `file_bytes`, `tasks` (processes and threads of this user, all counted).
        runtime: the process that started it, which no signal may reach.
    """
    for kind, most in (
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["tasks"]),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    _be_killed_first()
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = _filter(platform.machine(), runtime)
    instructions = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))  # struct sock_fprog
    )
    if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header), 0, 0) != 0:
        # Where the kernel has no filters, the network's own closedness and the end of all processes remain.
        print(f"[system calls are not filtered: {os.strerror(ctypes.get_errno())}]")


def _be_killed_first() -> None:
    """When memory runs out, the kernel is to end this process and not the one that started it."""
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _filter(machine: str, runtime: int) -> bytes:
    """A program for the kernel's filter of system calls (classic BPF, `struct sock_filter`)."""
    architecture, calls = _CALLS[machine]
    number, first_argument = 0, 16
    program = [_load(4), _unless_equal(architecture, 1), _answer(_KILL), _load(number)]
    # The second set of calls of x86_64, by which the first could be avoided.
    program += [_unless_below(_X32, 1), _answer(_REFUSE)]
    for name, call in calls.items():
        if name == "socket":
            # Family 1 is local: asyncio and multiprocessing need it.
            block = [_load(first_argument), _unless_equal(1, 1), _answer(_REFUSE), _answer(_ALLOW)]
        elif name in _ON_A_PROCESS:
            block = [_load(first_argument)]
            # -1 is everyone that may be signalled; below it, a process group.
            for process in (runtime, -1, -os.getpgid(runtime)):
                block += [_if_equal(process & 0xFFFFFFFF, 1), _jump(1), _answer(_REFUSE)]
            block.append(_answer(_ALLOW))
        else:
            block = [_answer(_REFUSE)]
        program += [_if_equal(call, 1), _jump(len(block)), *block]
    return b"".join([*program, _answer(_ALLOW)])


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, 0, 0, offset)


def _answer(action: int) -> bytes:
    return _instruction(0x06, 0, 0, action)


def _jump(distance: int) -> bytes:
    return _instruction(0x05, 0, 0, distance)


def _if_equal(value: int, skipped: int) -> bytes:
    """Skip so many instructions if it is equal."""
    return _instruction(0x15, skipped, 0, value)


_unless_equal = _if_equal


def _unless_below(value: int, skipped: int) -> bytes:
    """Skip so many instructions if it is less."""
    return _instruction(0x35, 0, skipped, value)
