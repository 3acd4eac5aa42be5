"""Fetches what a URL of a stranger points at, and never what is inside: the one way for the engine and for tools.

Clients that follow redirects look a name up once to check it and once more to connect, and a name may change its
addresses between the two. So this resolves each hop's name itself, once, refuses it unless all its addresses are public
(`urls.is_public`), and connects to the very address that it has checked; the name then only says which host and which
certificate are expected. The standard library's HTTP takes such a connection, which is why no further package does.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urljoin

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.web import urls

MAX_REDIRECTS = 3

_CHUNK = 64 * 1024
_MAX_ADDRESSES = 8
_HEADERS = {"User-Agent": "assistants-engine", "Accept-Encoding": "identity", "Connection": "close"}
_REDIRECTS = (301, 302, 303, 307, 308)


def fetch(
    url: str, *, most_bytes: int, timeout: float, taken: Callable[[int], None] = lambda size: None
) -> tuple[str, bytes]:
    """Return what is at a URL: its media type as its server says it, and its bytes.

    No proxy of the environment, no cookie and no key goes into it; compressed answers are refused, since nobody knows
    how large they become.

    Args:
        url: http or https, without user name and password, port 80 or 443.
        most_bytes: a larger answer is refused, and not read to its end.
        timeout: seconds for all of it: names, redirects and bytes.
        taken: is told of each piece how many bytes it has; what it raises ends the reading.

    Raises:
        InvalidRequest: it was refused, or could not be fetched. The message says why, by the host's name, and the same
            of a private host as of an unknown one.
    """
    opened: list[socket.socket] = []
    outcome: list[tuple[str, bytes] | Exception] = []

    def work() -> None:
        try:
            outcome.append(_follow(url, most_bytes, time.monotonic() + timeout, opened.append, taken))
        except Exception as error:
            outcome.append(error)

    # A thread, because no timeout of a socket or a resolver is one for all that they do.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        worker.join(timeout)
        # Cut off at its deadline, an answer whose length nobody told looks as if it had come to its end.
        in_time = outcome[:]
    finally:
        for connection in opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    match in_time:
        case [(media_type, data)]:
            return media_type, data
        case [urls.Unfit() as refused]:
            reason = str(refused)
        case [OSError() | http.client.HTTPException() | ValueError()]:
            reason = "its host does not answer as it should"
        case [Exception() as unexpected]:
            raise unexpected
        case _:
            reason = f"it took longer than {timeout:.0f} s"
    raise InvalidRequest(f"Can't fetch {_shown(url)}: {reason}.", code="invalid_url")


def _shown(url: str) -> str:
    """The URL by its host alone: path and query may be secrets of the caller's."""
    try:
        return f"the URL at '{urls.parse(url).host}'"
    except urls.Unfit:
        return "the URL"


def _follow(
    url: str,
    most_bytes: int,
    deadline: float,
    opened: Callable[[socket.socket], None],
    taken: Callable[[int], None],
) -> tuple[str, bytes]:
    for _ in range(MAX_REDIRECTS + 1):
        hop = urls.parse(url)
        connection = http.client.HTTPConnection(hop.host, hop.port)
        connection.sock = channel = _connected(hop, deadline)
        opened(channel)
        try:
            connection.request("GET", hop.target, headers={**_HEADERS, "Host": hop.authority})
            response = connection.getresponse()
            location = response.getheader("Location")
            if response.status not in _REDIRECTS or not location:
                return _read(response, most_bytes, channel, deadline, taken)
        finally:
            connection.close()
        # Without its fragment, which is nobody's business but the browser's.
        url = urljoin(url, location).partition("#")[0]
    raise urls.Unfit(f"it is redirected more than {MAX_REDIRECTS} times")


def _connected(hop: urls.Url, deadline: float) -> socket.socket:
    addresses = resolve(hop.host, hop.port)
    # One private address among public ones is refused, too: which one a network prefers is not ours to know.
    if not addresses or not all(urls.is_public(ipaddress.ip_address(address)) for address in addresses):
        raise urls.Unfit(urls.NOT_PUBLIC)
    failed: OSError = ConnectionError()
    for address in addresses[:_MAX_ADDRESSES]:
        try:
            plain = connect(address, hop.port, _left(deadline))
        except OSError as error:
            failed = error
            continue
        if hop.scheme == "http":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=hop.host)
        except Exception:
            plain.close()
            raise
    raise failed


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, best first; of an address, that one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connect(address: str, port: int, timeout: float) -> socket.socket:
    """A connection to an address, which is not a name."""
    return socket.create_connection((address, port), timeout)


def _read(
    response: http.client.HTTPResponse,
    most_bytes: int,
    channel: socket.socket,
    deadline: float,
    taken: Callable[[int], None],
) -> tuple[str, bytes]:
    if response.status != 200:
        raise urls.Unfit(f"its host answers with status {response.status}")
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise urls.Unfit("its host answers with compressed data, unasked")
    data = bytearray()
    while chunk := response.read1(_CHUNK):
        data += chunk
        if len(data) > most_bytes:
            raise urls.Unfit(f"it has more than {most_bytes:,} bytes")
        taken(len(chunk))
        channel.settimeout(_left(deadline))
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return response.headers.get_content_type(), bytes(data)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
