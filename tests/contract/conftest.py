"""Fixtures of the contract tests: a strict client (`tests/support/clients.py`), and the stack's own store."""

import os
from collections.abc import Iterator

import openai
import pytest

from assistant_engine.store import Store
from local import up as local
from tests.support.clients import StrictOpenAI, connect


@pytest.fixture(scope="session")
def client(stack: local.Local, api_key: str) -> StrictOpenAI:
    return connect(stack, api_key)


@pytest.fixture(scope="session")
def azure(stack: local.Local, api_key: str) -> Iterator[openai.AzureOpenAI]:
    """A client for Azure, as its own samples make it."""
    endpoint = stack.settings.get("ASSISTANTS_AZURE_ENDPOINT") or stack.outputs["AzureEndpoint"]
    with openai.AzureOpenAI(azure_endpoint=endpoint, api_version="2024-05-01-preview", api_key=api_key) as client:
        yield client


@pytest.fixture(scope="session")
def a_file(client: StrictOpenAI) -> str:
    """The id of a file."""
    return client.files.create(file=("a.txt", b"a"), purpose="assistants").id


@pytest.fixture(scope="session")
def model(stack: local.Local) -> str:
    """The name of a model that answers."""
    return stack.model or "gpt-6-luna"


@pytest.fixture
def store(stack: local.Local, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The stack's own store, to make in a moment what the API would make one by one."""
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", stack.settings.get("AWS_REGION", os.environ.get("AWS_REGION", "")))
    return Store()
