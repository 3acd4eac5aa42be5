"""HTTP servers of the tests' own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class LoopbackServer:
    """Serves on a free port of the loopback address until it is closed.

    Attributes:
        origin: `http://127.0.0.1:<port>`.
    """

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], server: type[ThreadingHTTPServer] = ThreadingHTTPServer
    ) -> None:
        self._http = server(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        close(self._http)


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Have a server of the loopback address serve in the block; its origin."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        close(server)


def close(server: HTTPServer) -> None:
    """Stop a server that serves, at once.

    It looks every half second whether it is to stop, and at each connection. To look more often takes processor time
    as long as it serves: 3 ms in each second at 100 times.
    """
    stopping = threading.Thread(target=server.shutdown)
    stopping.start()
    while stopping.is_alive():
        socket.create_connection(("127.0.0.1", server.server_port)).close()
        stopping.join(0.01)
    server.server_close()
