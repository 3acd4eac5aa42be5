"""Checks what may be fetched on somebody's word; then fetches, with names and connections of the tests' own."""

import base64
import http.server
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.model import images
from assistant_engine.model.body import encoded
from assistant_engine.web import fetch as fetching
from assistant_engine.web import urls
from assistant_engine.web.fetch import fetch
from tests.support.addresses import INSIDE, NOT_PUBLIC
from tests.support.loopback_server import serving

PNG = b"\x89PNG\r\n\x1a\n and so on"
PUBLIC = "93.184.216.34"
CERTIFICATE = Path(__file__).with_name("example.com.pem")


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by the path; `seen` is what was asked, by host and path."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.headers["Host"], self.path))
        path, _, query = self.path.partition("?")
        if path == "/redirect":
            self._answer(302, b"", Location=query)
        elif path == "/large":
            self._answer(200, b"x" * 100_000)
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            self._trickle()
        elif path == "/cut":
            self._answer(200, b"half", **{"Content-Length": "8"})
        elif path == "/compressed":
            self._answer(200, b"\x1f\x8b", **{"Content-Encoding": "gzip"})
        elif path == "/missing":
            self._answer(404, b"no")
        elif path == "/garbage":
            self.wfile.write(b"\0\1\2 this is no HTTP\r\n\r\n")
        else:
            self._answer(200, PNG, **{"Content-Type": "image/png; charset=x"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _trickle(self) -> None:
        try:
            while True:
                self.wfile.write(b".")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None: ...


class World:
    """Holds what the names of a test resolve to, and the one server behind every public address."""

    def __init__(self, server: http.server.ThreadingHTTPServer, seen: list[tuple[str, str]]) -> None:
        self.names: dict[str, Any] = {"example.com": [PUBLIC]}
        self.connected: list[str] = []
        self.seen = seen
        self._server = server

    def resolve(self, host: str, port: int) -> list[str]:
        known = self.names.get(host, [host] if urls.literal(host) else [])
        return list(known if isinstance(known, list) else next(known))

    def connect(self, address: str, port: int, timeout: float) -> socket.socket:
        self.connected.append(address)
        return socket.create_connection(self._server.server_address[:2], timeout)  # type: ignore[arg-type]


def serve(handler: type[Site]) -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with serving(server):
        yield server


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    seen: list[tuple[str, str]] = []
    for server in serve(type("AnySite", (Site,), {"seen": seen})):
        made = World(server, seen)
        monkeypatch.setattr(fetching, "resolve", made.resolve)
        monkeypatch.setattr(fetching, "connect", made.connect)
        yield made


def refused(url: str, **more: Any) -> str:
    with pytest.raises(InvalidRequest) as raised:
        fetch(url, **{"most_bytes": 10_000, "timeout": 20, **more})
    return raised.value.message


def test_what_a_public_host_has_is_fetched_by_the_address_that_was_checked(world: World) -> None:
    assert fetch("http://example.com/a.png?x=1#y", most_bytes=10_000, timeout=20) == ("image/png", PNG)
    assert world.seen == [("example.com", "/a.png?x=1")]
    assert world.connected == [PUBLIC]


def test_proxies_of_the_environment_are_not_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch("http://example.com/", most_bytes=10_000, timeout=20)[1] == PNG


@pytest.mark.parametrize("address", INSIDE[:-2])
def test_a_name_with_an_address_inside_is_never_connected_to(world: World, address: str) -> None:
    world.names["inside.example"] = [address]
    assert NOT_PUBLIC in refused("http://inside.example/")
    assert (world.connected, world.seen) == ([], [])


def test_one_address_inside_among_public_ones_is_enough_to_refuse(world: World) -> None:
    world.names["both.example"] = [PUBLIC, "10.0.0.1"]
    refused("http://both.example/")
    assert world.connected == []


def test_an_unknown_name_and_a_private_one_are_refused_in_the_same_words(world: World) -> None:
    world.names["secret.internal"] = ["10.0.0.1"]
    unknown, private = refused("http://nobody.internal/"), refused("http://secret.internal/")
    assert unknown.replace("nobody", "secret") == private


def test_a_message_names_the_host_and_neither_path_nor_query(world: World) -> None:
    message = refused("http://nobody.example/secret-path?token=secret")
    assert "nobody.example" in message
    assert "secret" not in message and "token" not in message


def test_a_name_that_changes_its_address_is_resolved_once(world: World) -> None:
    world.names["rebinding.example"] = iter([[PUBLIC], ["127.0.0.1"]])
    assert fetch("http://rebinding.example/", most_bytes=10_000, timeout=20)[1] == PNG
    assert world.connected == [PUBLIC]


def test_a_name_that_changes_its_address_between_two_hops_is_refused(world: World) -> None:
    world.names["rebinding.example"] = iter([[PUBLIC], ["127.0.0.1"]])
    assert NOT_PUBLIC in refused("http://rebinding.example/redirect?/next")
    assert world.connected == [PUBLIC]


def test_redirects_are_followed(world: World) -> None:
    world.names["other.example"] = ["2606:4700::1111"]
    found = fetch("http://example.com/redirect?http://other.example/a%23b", most_bytes=10_000, timeout=20)
    assert found == ("image/png", PNG)
    assert world.seen[1] == ("other.example", "/a%23b")
    assert world.connected == [PUBLIC, "2606:4700::1111"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "//127.0.0.1/",
        "http://user@example.com/",
        "http://example.com:22/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://[broken/",
    ],
)
def test_each_hop_is_checked_anew(world: World, target: str) -> None:
    assert "example.com" in refused(f"http://example.com/redirect?{target}")
    assert world.connected == [PUBLIC]


def test_a_redirect_without_end_is_given_up(world: World) -> None:
    assert "redirected more than 3 times" in refused("http://example.com/redirect?/redirect?/redirect?/redirect?/")
    assert len(world.connected) == 4


def test_what_is_too_large_is_not_read_to_its_end(world: World) -> None:
    assert "more than 10,000 bytes" in refused("http://example.com/large")
    assert "more than 10,000 bytes" not in refused("http://example.com/endless", timeout=1)


def test_the_time_is_for_all_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("http://example.com/endless", timeout=0.5).endswith(("longer than 0 s.", "as it should."))
    asked = threading.Event()
    monkeypatch.setattr(fetching, "resolve", lambda host, port: asked.wait(60))
    assert "longer than" in refused("http://example.com/", timeout=0.2)
    asked.set()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "answers with status 404"),
        ("cut", "does not answer as it should"),
        ("garbage", "does not answer as it should"),
        ("compressed", "compressed data"),
        ("redirect", "answers with status 302"),
    ],
)
def test_a_bad_answer_is_refused(world: World, path: str, reason: str) -> None:
    assert reason in refused(f"http://example.com/{path}")


def test_a_host_that_can_not_be_reached_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = itertools.count()

    def connect(address: str, port: int, timeout: float) -> socket.socket:
        next(tried)
        raise ConnectionRefusedError

    monkeypatch.setattr(fetching, "connect", connect)
    world.names["example.com"] = ["1.1.1.1", "8.8.8.8"]
    assert "does not answer as it should" in refused("http://example.com/")
    assert next(tried) == 2


@pytest.fixture
def secure(world: World) -> World:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    world._server.socket = context.wrap_socket(world._server.socket, server_side=True)
    return world


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(
    secure: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    secure.names["other.example"] = [PUBLIC]
    assert fetch("https://example.com/", most_bytes=10_000, timeout=20) == ("image/png", PNG)
    assert "does not answer as it should" in refused("https://other.example/")


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: World) -> None:
    assert "does not answer as it should" in refused("https://example.com/")


def shown(*image_urls: str) -> list[Json]:
    parts = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in image_urls]
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look"}, *parts]}
    return [said, {"type": "reasoning", "role": "user"}]


def files_with(data: Callable[[], bytes]) -> Any:
    return SimpleNamespace(image=lambda file_id: ("image/png", data()))


def test_images_go_to_the_model_as_bytes(world: World) -> None:
    items = shown("http://example.com/a.png", "data:image/gif;base64,AAAA", "http://example.com/a.png")
    items[0]["content"].append({"type": "input_image", "file_id": "file-1", "detail": "low"})
    images.put_bytes(items, files_with(lambda: b"file"))
    png = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    file = f"data:image/png;base64,{base64.b64encode(b'file').decode()}"
    with encoded({"input": items}, whole=True) as body:
        assert isinstance(body, bytes)
        [said, _] = json.loads(body)["input"]
    sent = [part["image_url"] for part in said["content"][1:]]
    assert sent == [png, "data:image/gif;base64,AAAA", png, file]
    assert len(world.seen) == 1, "the same address is fetched once"


def test_what_is_no_image_is_not_sent(world: World) -> None:
    with pytest.raises(InvalidRequest, match="not an image"):
        images.put_bytes(shown("http://example.com/a.png", "http://example.com/large"), files_with(bytes))


def test_images_that_are_fetched_at_once_hold_no_more_than_all_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight are read side by side: all of them whole would be more than the function's memory."""
    monkeypatch.setattr(images, "MAX_BYTES", 4 * 20_000 // 3)
    read: list[int] = []
    take = images._Room.take

    def noted(room: images._Room, size: int) -> None:
        read.append(size)
        take(room, size)

    monkeypatch.setattr(images._Room, "take", noted)
    with pytest.raises(InvalidRequest, match="bytes together"):
        images.put_bytes(shown(*[f"http://example.com/large?{n}" for n in range(8)]), files_with(bytes))
    assert sum(read) <= 20_000 + 8 * max(read)


def test_all_images_together_have_a_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 1_000)
    images.put_bytes(shown(*[f"http://example.com/{n}" for n in range(20)]), files_with(bytes))
    with pytest.raises(InvalidRequest, match="1,000 bytes together"):
        images.put_bytes(shown(*[f"http://example.com/{n}" for n in range(30)]), files_with(bytes))
    with pytest.raises(InvalidRequest, match="1,000 bytes together"):
        images.put_bytes(shown("data:image/png;base64," + "A" * 1_000), files_with(bytes))
