"""Holds what unit tests share."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.model import client
from assistant_engine.tools import call
from tests.support.model_server import ModelServer
from tests.support.sandboxes import Environment


@pytest.fixture
def a_run_that_waits(monkeypatch: pytest.MonkeyPatch) -> Json:
    """Whatever call a tool is given, the run that it reads waits for it. Changes of the record are seen."""
    run: Json = {"run_status": "in_progress", "turn": 4, "expires_at": int(time.time()) + 600}
    monkeypatch.setattr(call, "_run", lambda call, consistent: run)
    return run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A fake model, to which the engine's client leads."""
    server = ModelServer("http://127.0.0.1:9/v1")
    monkeypatch.setenv("MODEL_PROVIDER", "openai")
    monkeypatch.setenv("MODEL_BASE_URL", server.url)
    monkeypatch.setattr(client, "_key", lambda: "sk-first")
    monkeypatch.setattr(client, "_REFUSES", {})
    client._client.cache_clear()
    yield server
    client._client.cache_clear()
    server.close()


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """An execution environment of the sandbox, for calls that start from nothing."""
    # With a short path, as Lambda's: local sockets are in it.
    with tempfile.TemporaryDirectory() as folder, Environment(Path(folder)) as environment:
        yield environment
