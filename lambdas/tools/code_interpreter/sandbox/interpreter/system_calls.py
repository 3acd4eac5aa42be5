"""The system calls that the interpreter and what it starts may make: the one table, on x86-64 and arm64.

Whatever is not in it never reaches the kernel. The numbers are those of Linux's `syscall_64.tbl` and
`include/uapi/asm-generic/unistd.h`, which arm64 uses. docs/code-interpreter.md shows the table by group.
"""

from dataclasses import dataclass
from typing import Literal

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""By the machine's name: which of a call's two numbers is its own, and `AUDIT_ARCH_...` of linux/audit.h."""

MAX_NUMBER = 469
"""The highest number when this was written (Linux 6.18). Programs fall back from a newer call that is not there yet."""

Numbers = dict[str, tuple[int | None, int | None]]
"""Calls by name; None where an architecture has no such call."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that are allowed for one reason."""

    name: str
    reason: str
    calls: Numbers


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that an argument of a call must meet.

    Attributes:
        argument: which one, from 0.
        kind: `among` the values; `without` their bits; `null`, a pointer to nothing; `own`, a process or a group that
            the code started (0 is the caller's own), or `own_task`, a process or thread that it started.
        reason: why, for the reader.
    """

    argument: int
    kind: Literal["among", "without", "null", "own", "own_task"]
    reason: str
    values: tuple[int, ...] = ()


_FILES: Numbers = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287),
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None), "close": (3, 57),
    "close_range": (436, 436), "lseek": (8, 62), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84), "ftruncate": (77, 46),
    "truncate": (76, 45), "fallocate": (285, 47), "fadvise64": (221, 223), "readahead": (187, 213),
    "copy_file_range": (326, 285), "sendfile": (40, 71), "splice": (275, 76), "tee": (276, 77), "stat": (4, None),
    "fstat": (5, 80), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43),
    "fstatfs": (138, 44), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "getdents": (78, None), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "unlink": (87, None), "unlinkat": (263, 35),
    "symlink": (88, None), "symlinkat": (266, 36), "readlink": (89, None), "readlinkat": (267, 78),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None), "mknod": (133, None), "mknodat": (259, 33), "umask": (95, 166),
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "listxattr": (194, 11),
    "llistxattr": (195, 12), "flistxattr": (196, 13), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "fcntl": (72, 25), "ioctl": (16, 29),
}  # fmt: skip
_MEMORY: Numbers = {
    "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
    "madvise": (28, 233), "msync": (26, 227), "mincore": (27, 232), "membarrier": (324, 283),
    "get_mempolicy": (239, 236),
}  # fmt: skip
_PROCESSES: Numbers = {
    "fork": (57, None), "vfork": (58, None), "clone": (56, 220), "execve": (59, 221), "execveat": (322, 281),
    "exit": (60, 93), "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95), "getpid": (39, 172),
    "getppid": (110, 173), "gettid": (186, 178), "getpgid": (121, 155), "setpgid": (109, 154), "getpgrp": (111, None),
    "getsid": (124, 156), "setsid": (112, 157), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150),
    "set_tid_address": (218, 96), "set_robust_list": (273, 99), "rseq": (334, 293), "arch_prctl": (158, None),
    "prctl": (157, 167), "getrlimit": (97, 163), "prlimit64": (302, 261), "getrusage": (98, 165), "times": (100, 153),
    "sysinfo": (99, 179), "uname": (63, 160), "capget": (125, 90), "getcpu": (309, 168),
}  # fmt: skip
_SCHEDULING: Numbers = {
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_setaffinity": (203, 122),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "sched_rr_get_interval": (148, 127), "getpriority": (140, 141),
    "setpriority": (141, 140),
}  # fmt: skip
_SIGNALS: Numbers = {
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigsuspend": (130, 133), "rt_sigtimedwait": (128, 137), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "signalfd": (282, None), "signalfd4": (289, 74), "pause": (34, None),
    "kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
_TIME: Numbers = {
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "alarm": (37, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "timer_create": (222, 107), "timer_settime": (223, 110), "timer_gettime": (224, 108),
    "timer_getoverrun": (225, 109), "timer_delete": (226, 111), "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86), "timerfd_gettime": (287, 87),
}  # fmt: skip
_WAITING: Numbers = {
    "futex": (202, 98), "futex_waitv": (449, 449), "eventfd": (284, None), "eventfd2": (290, 19), "poll": (7, None),
    "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "epoll_create": (213, None),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
}  # fmt: skip
_PIPES: Numbers = {
    "pipe": (22, None), "pipe2": (293, 59), "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200),
    "connect": (42, 203), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "getsockname": (51, 204),
    "getpeername": (52, 205), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "sendmmsg": (307, 269), "recvmmsg": (299, 243), "shutdown": (48, 210), "setsockopt": (54, 208),
    "getsockopt": (55, 209),
}  # fmt: skip
_RANDOMNESS: Numbers = {
    "getrandom": (318, 278),
}  # fmt: skip

GROUPS = (
    Group("files", "Files, folders and their attributes, where the user may write them.", _FILES),
    Group("memory", "A process's own memory.", _MEMORY),
    Group(
        "processes",
        "Starting programs and waiting for them; no other user, limits or root.",
        _PROCESSES,
    ),
    Group("scheduling", "Reading how processes are scheduled, and changing it for the code's own.", _SCHEDULING),
    Group("signals", "Handling signals, and sending them to the code's own processes.", _SIGNALS),
    Group("time", "Clocks and timers of the process; the system's clock can't be set.", _TIME),
    Group("waiting", "Locks, and waiting for files, pipes and timers.", _WAITING),
    Group(
        "pipes and local sockets",
        "Talking between the code's own processes.",
        _PIPES,
    ),
    Group("randomness", "Random numbers.", _RANDOMNESS),
)

ABSENT: Numbers = {"clone3": (435, 435)}
"""Calls that are answered as by a kernel without them: its flags can't be looked at, and programs then use `clone`."""

_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NOT_A_CHILD = 0x8000 | 0x2000 | 0x800000  # CLONE_PARENT, PTRACE, UNTRACED
_NO_OTHER = "only the code's own processes"

RULES = {
    "clone": (Rule(0, "without", "no namespaces, and no child of another process", (_NAMESPACES | _NOT_A_CHILD,)),),
    "kill": (Rule(0, "own", _NO_OTHER),),
    "tgkill": (Rule(0, "own_task", _NO_OTHER), Rule(1, "own_task", _NO_OTHER)),
    "rt_sigqueueinfo": (Rule(0, "own_task", _NO_OTHER),),
    "rt_tgsigqueueinfo": (Rule(0, "own_task", _NO_OTHER), Rule(1, "own_task", _NO_OTHER)),
    "sched_setaffinity": (Rule(0, "own", _NO_OTHER),),
    "setpriority": (Rule(0, "among", "a process, not a group or a user", (0,)), Rule(1, "own", _NO_OTHER)),
    "prlimit64": (Rule(2, "null", "reading limits, not setting them"),),
    "socket": (Rule(0, "among", "local sockets", (1,)),),
    "socketpair": (Rule(0, "among", "local sockets", (1,)),),
    "prctl": (
        Rule(
            0,
            "among",
            "names, and reading what a process is",
            # GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, GET_TIMERSLACK,
            # GET_NO_NEW_PRIVS, SET_THP_DISABLE, GET_THP_DISABLE, SET_VMA
            (2, 3, 15, 16, 21, 23, 30, 39, 41, 42, 0x53564D41),
        ),
    ),
    "fcntl": (
        Rule(
            1,
            "among",
            "descriptors and locks; no signals by way of a file (`F_SETOWN`, `F_SETSIG`)",
            # DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, GETOWN, OFD_GETLK, OFD_SETLK, OFD_SETLKW,
            # GETLEASE, DUPFD_CLOEXEC, GETPIPE_SZ
            (0, 1, 2, 3, 4, 5, 6, 7, 9, 36, 37, 38, 1025, 1030, 1032),
        ),
    ),
    "ioctl": (
        Rule(
            1,
            "among",
            "pipes, files and terminals of the code's own session; no signals by way of a file (`FIOSETOWN`)",
            # TCGETS, TCSETS, TCSETSW, TCSETSF, TCSBRK, TCXONC, TCFLSH, TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ,
            # TIOCGWINSZ, TIOCSWINSZ, FIONREAD, FIONBIO, TIOCNOTTY, TIOCGSID, TIOCSPTLCK, TIOCGPTN, TIOCGPTPEER,
            # FIONCLEX, FIOCLEX, FICLONE
            (
                *range(0x5401, 0x5405),
                *range(0x5409, 0x540C),
                *range(0x540E, 0x5412),
                *(0x5413, 0x5414, 0x541B, 0x5421, 0x5422, 0x5429, 0x40045431, 0x80045430, 0x5441, 0x5450, 0x5451),
                0x40049409,
            ),
        ),
    ),
}
"""Of the listed calls, those whose arguments decide too."""


def numbers(machine: str) -> dict[str, int]:
    """Return the numbers of the listed calls on a machine (`x86_64`, `aarch64`), by name."""
    which, _ = ARCHITECTURES[machine]
    found = ((name, pair[which]) for group in GROUPS for name, pair in group.calls.items())
    return {name: number for name, number in found if number is not None}
