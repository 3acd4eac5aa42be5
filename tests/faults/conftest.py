"""What the tests of faults share."""

import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest

from tests.driver import Driver

WORKERS = {"api": 4, "queued": 4, "in_progress": 12, "requires_action": 3, "tool-finance": 3}
"""Concurrent invocations of each function: each is a process of its own on this machine. Lambda throttles the others,
as an account's limit would."""


@pytest.fixture(scope="session")
def api(base_url: str, api_key: str) -> Iterator[httpx2.Client]:
    """The stack's HTTP API without a client of its own, which would refuse to send what the tests send."""
    headers = {"Authorization": f"Bearer {api_key}"}
    with httpx2.Client(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


class Listener:
    """A server on the loopback that counts who connects; `address` is what a request is told of it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.connections = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener that nobody may connect to: the test fails if somebody did."""
    made = Listener()
    yield made
    made.close()
    assert made.connections == 0


@pytest.fixture(scope="module")
def few_workers(driver: Driver) -> Iterator[None]:
    """As many workers as a machine bears while hundreds of runs go on at once."""
    functions = driver.client("lambda")
    for name, most in WORKERS.items():
        functions.put_function_concurrency(FunctionName=driver.function_name(name), ReservedConcurrentExecutions=most)
    yield
    for name in WORKERS:
        functions.delete_function_concurrency(FunctionName=driver.function_name(name))
