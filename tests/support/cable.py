"""A cable to a server that can be cut: all connections through it break, and no new one is made until it is joined."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cable:
    """A TCP proxy to a port of this machine.

    The server is asked for by its own name, as the `Host` of a request is that of the cable.

    Attributes:
        port: the cable's own end.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._is_cut = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and refuse others."""
        self._is_cut.set()
        while self._open:
            _hang_up(self._open.pop())

    def join(self) -> None:
        """Let connections through again."""
        self._is_cut.clear()

    def close(self) -> None:
        """End the proxy."""
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut.is_set():
                    _hang_up(client)
                    continue
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        ours, theirs = (f"127.0.0.1:{port}".encode() for port in (self.port, self._server))
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data.replace(ours, theirs) if to_server else data)
        _hang_up(source)
        _hang_up(target)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def cable_to(server: int) -> Iterator[Cable]:
    """Lay a cable to a port."""
    cable = Cable(server)
    yield cable
    cable.close()
