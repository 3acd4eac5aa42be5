"""Holds what the tests of faults share."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.attacks import KEPT, STILL_THERE, Attack
from tests.support.driver import Driver
from tests.support.interpreter import Interpreter
from tests.support.listener import Listener

WORKERS = {"api": 4, "queued": 4, "in_progress": 12, "requires_action": 3, "tool-finance": 3}
"""Concurrent invocations of each function: each is a process of its own on this machine. Lambda throttles the others,
as an account's limit would."""


@pytest.fixture(scope="session")
def api(base_url: str, api_key: str) -> Iterator[httpx2.Client]:
    """The stack's HTTP API without a client of its own, which would refuse to send what the tests send."""
    headers = {"Authorization": f"Bearer {api_key}"}
    with httpx2.Client(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener that nobody may connect to: the test fails if somebody did."""
    made = Listener()
    yield made
    made.close()
    assert made.connections == 0


@pytest.fixture(scope="module")
def few_workers(driver: Driver) -> Iterator[dict[str, int]]:
    """Limit each function to the workers that a machine bears while hundreds of runs go on; return the limits."""
    functions = driver.client("lambda")
    for name, most in WORKERS.items():
        functions.put_function_concurrency(FunctionName=driver.function_name(name), ReservedConcurrentExecutions=most)
    yield WORKERS
    for name in WORKERS:
        functions.delete_function_concurrency(FunctionName=driver.function_name(name))


@pytest.fixture(scope="module")
def victim(driver: Driver) -> Interpreter:
    """Another thread, with a secret."""
    victim = Interpreter(driver)
    victim.run("secret = 'victim-secret'; open('/mnt/data/victim-secret.txt', 'w').write(secret)")
    return victim


@pytest.fixture(scope="module")
def attacker(driver: Driver) -> Interpreter:
    """A thread that has something to lose, and has it still after each attack."""
    attacker = Interpreter(driver)
    attacker.run(KEPT)
    return attacker


@pytest.fixture
def attack(attacker: Interpreter, victim: Interpreter) -> Iterator[Attack]:
    """Run hostile code; afterwards everything is as it was."""
    yield attacker.run
    assert attacker.run(STILL_THERE).logs == "kept kept []"
    assert victim.run("secret").logs == "'victim-secret'"
