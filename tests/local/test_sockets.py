"""The emulator knows by the kernel's record whose connection a request came through."""

import os
import socket
import sys
from pathlib import Path

import pytest

from local import sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's records are Linux's")


def test_a_connection_is_found_by_its_two_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        port, to = client.getsockname()[1], server.getsockname()[1]
        with accepted:
            inode = str(Path(f"/proc/self/fd/{client.fileno()}").readlink())[len("socket:[") : -1]
            assert sockets.connection(port, to) == (os.getuid(), inode)
            assert sockets._from_proc(port, to) == (os.getuid(), inode)
            assert sockets.connection(to, port) != (os.getuid(), inode)
            assert sockets.connection(port, port) is None
    assert sockets.connection(port, to) is None
