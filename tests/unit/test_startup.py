"""Checks how the start of a function ends."""

import gc
from pathlib import Path

import pytest

from assistant_engine.runtime import startup

ROOT = Path(__file__).parents[2]


def test_what_was_imported_is_out_of_the_collector_s_hands() -> None:
    try:
        startup.end()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("path", ["lambdas/api/api.py", "layers/engine/assistant_engine/runtime/handler.py"])
def test_functions_end_their_start(path: str) -> None:
    assert "startup.end()" in (ROOT / path).read_text()
