"""Holds what the tests of tools share."""

import time

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.tools import call


@pytest.fixture
def a_run_that_waits(monkeypatch: pytest.MonkeyPatch) -> Json:
    """Whatever call a tool is given, the run that it reads waits for it. Changes of the record are seen."""
    run: Json = {"run_status": "in_progress", "turn": 4, "expires_at": int(time.time()) + 600}
    monkeypatch.setattr(call, "_run", lambda call, consistent: run)
    return run
