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


def test_clients_are_made_at_the_start_of_a_function_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    try:
        monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
        startup.end(lambda: made.append("elsewhere"))
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
        startup.end(lambda: made.append("one"), lambda: made.append("other"))
    finally:
        gc.unfreeze()
    assert made == ["one", "other"]


@pytest.mark.parametrize(
    "path",
    [
        "lambdas/api/api.py",
        "lambdas/events/publish_run_events.py",
        "lambdas/graphql/entry.py",
        "lambdas/speech/speech.py",
        "lambdas/tools/code_interpreter/code_interpreter.py",
        "lambdas/tools/file_search/file_search.py",
        "lambdas/tools/file_search/ingestion/ingestion.py",
        "layers/engine/assistant_engine/runtime/handler.py",
        "layers/engine/assistant_engine/tool.py",
    ],
)
def test_functions_end_their_start(path: str) -> None:
    assert "startup.end(" in (ROOT / path).read_text()
