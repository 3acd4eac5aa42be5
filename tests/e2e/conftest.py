"""Clients of the stack that a module's tests talk to."""

import httpx2
import pytest

from local import up as local
from tests.support.clients import StrictOpenAI, connect


@pytest.fixture(scope="module")
def client(stack: local.Local, api_key: str) -> StrictOpenAI:
    """Return the `openai` package's client."""
    return connect(stack, api_key)


@pytest.fixture(scope="module")
def http(base_url: str, api_key: str) -> httpx2.Client:
    """Return a client of HTTP, for what the package does not know."""
    return httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=120)
