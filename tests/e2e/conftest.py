"""Clients of the stack that a module's tests talk to, and the browser that they look with."""

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser

from local import up as local
from tests.support.clients import StrictOpenAI, connect
from tests.support.console import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium for a module."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: local.Local, api_key: str) -> StrictOpenAI:
    """Return the `openai` package's client."""
    return connect(stack, api_key)


@pytest.fixture(scope="module")
def http(base_url: str, api_key: str) -> httpx2.Client:
    """Return a client of HTTP, for what the package does not know."""
    return httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=120)
