"""Attempts at a model that is down or answers with errors: record, `runs watch`, report and log name each of them."""

import io
import time
import uuid
from datetime import UTC, datetime

import pytest
from rich.console import Console

from assistant_engine.runtime import settings
from assistants import report, watch
from assistants.run_trace import RunTraces
from assistants.stack import Stack
from local import up as local
from tests.support.driver import Driver
from tests.support.model_server import Behaviour, ModelServer, failure

pytestmark = pytest.mark.offline_model


def test_each_attempt_is_named_with_status_reason_and_the_next(
    driver: Driver, stack: local.Local, model_server: ModelServer
) -> None:
    marker, began = f"marker-{uuid.uuid4()}", time.time()
    model_server.when(marker, [failure(503, retry_after="2"), Behaviour(close="before"), failure(400)])
    run = driver.ended(driver.begin(f"say {marker}"), "failed")
    first, second, third = run.failed_attempts
    assert [each["attempt"] for each in run.failed_attempts] == [1, 2, 3]
    assert (first["status"], first["reason"]) == (503, "The model server fails with 503.")
    assert first["next_ms"] >= first["failed_ms"] + 2_000 > 1_000 * began
    assert (second["status"], second["reason"]) == (None, "The model's server could not be reached.")
    assert second["next_ms"] and (third["status"], third["next_ms"]) == (400, None)

    traces = RunTraces(Stack(stack.settings))
    shown = io.StringIO()
    watch.watch(traces, run, Console(file=shown, width=300))
    following = f"{datetime.fromtimestamp(first['next_ms'] / 1000, UTC):%H:%M:%S} UTC"
    for told in (
        f"model call 1 answered 503: The model server fails with 503. The next one comes at {following}.",
        "model call 2: The model's server could not be reached. The next one comes at",
        "model call 3 answered 400: The model server fails with 400. It is not tried again.",
    ):
        assert told in shown.getvalue()

    page = report.html(traces.read(run), datetime.now(UTC))
    assert "1 answered 503: The model server fails with 503." in page
    assert "503: The model server fails with 503. tried again in" in page

    lines = [line for line in driver.log_lines(began).splitlines() if run.id in line and "model call" in line]
    assert any("/0/1: server_error, status 503, tried again in" in line for line in lines), lines
    assert any("/0/2: server_error, no status, tried again in" in line for line in lines), lines
    assert any("/0/3: invalid_prompt, status 400" in line for line in lines), lines
    assert not any("fails with" in line for line in lines), "the server's words may hold a text or a key"


def test_a_run_on_another_name_is_answered_by_its_alias(
    driver: Driver, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = f"marker-{uuid.uuid4()}"
    monkeypatch.setenv("MODEL_ALIASES", f"gpt-4*={driver.model}")
    settings.forget()
    run = driver.ended(driver.begin(f"say {marker}", model="gpt-4o"), "completed")
    [asked] = model_server.requests(marker)
    assert asked.body["model"] == run.model == driver.model
    assert run.api([], ended=True)["model"] == "gpt-4o"
