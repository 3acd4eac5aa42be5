"""Finds the kernel's record of a TCP connection over the loopback address, and the process that has it, on Linux."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NETLINK_SOCK_DIAG = 20, 1, 4
_ESTABLISHED = 1
_HEADER = struct.Struct("=IHHII")
_LOOPBACK = socket.inet_aton("127.0.0.1") + bytes(12)
_AFTER_IDS = struct.Struct("=5I")


def connection(port: int, to: int) -> tuple[int, str] | None:
    """Return the user and the inode of the socket at `port` of the connection to the port `to`; None if there is none.

    Asks the kernel for the one socket (sock_diag(7)): /proc/net/tcp holds every socket of the machine, and reading it
    for each request took most of the emulator's time. A kernel without sock_diag has only that file.
    """
    try:
        return _from_sock_diag(port, to)
    except (OSError, AttributeError):  # macOS has no netlink, and no /proc either.
        return _from_proc(port, to)


def _from_sock_diag(port: int, to: int) -> tuple[int, str] | None:
    ask = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 1 << _ESTABLISHED)
    ask += struct.pack("!HH", port, to) + _LOOPBACK + _LOOPBACK + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(ask), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + ask)
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        (error,) = struct.unpack_from("=i", answer, _HEADER.size)
        if error == -2:  # ENOENT
            return None
        raise OSError(-error, "sock_diag refused")
    state = answer[_HEADER.size + 1]
    *_, user, inode = _AFTER_IDS.unpack_from(answer, _HEADER.size + 4 + 48)
    return (user, str(inode)) if state == _ESTABLISHED and inode else None


def _from_proc(port: int, to: int) -> tuple[int, str] | None:
    ends = [f"0100007F:{port:04X}", f"0100007F:{to:04X}"]
    for _ in range(3):  # The kernel's list may skip one while others come and go.
        with suppress(OSError):
            for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:]):
                if fields[1:3] == ends and fields[3] == f"{_ESTABLISHED:02X}":
                    return int(fields[7]), fields[9]
    return None


def family(pid: int) -> Iterator[int]:
    """A process and all that it started, by the kernel's list of children: psutil looks at every process there is."""
    yield pid
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with suppress(OSError):
                for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                    yield from family(int(child))


def holds(pid: int, inode: str) -> bool | None:
    """Return whether a process has a connection; None if its files can't be seen."""
    folder, wanted = f"/proc/{pid}/fd", f"socket:[{inode}]"
    try:
        opened = os.listdir(folder)  # noqa: PTH208
    except PermissionError:
        return None
    except OSError:
        return False
    for one in opened:
        with suppress(OSError):  # It was closed meanwhile.
            if os.readlink(f"{folder}/{one}") == wanted:  # noqa: PTH115
                return True
    return False
