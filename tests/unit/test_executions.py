"""What an execution is told when it is started, and what the step `queued` makes of it without the record."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.runs import executions
from tests.support.streamed_run import RUN


def test_an_execution_is_told_all_that_queued_answers_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:run")
    started: list[Any] = []
    client: Any = SimpleNamespace(
        start_execution=lambda **request: started.append(request),
        exceptions=SimpleNamespace(ExecutionAlreadyExists=KeyError),
    )
    store: Any = None
    executions.start(client, store, RUN, Seconds(100))
    assert executions.known_run(json.loads(started[0]["input"])) == {
        "thread_id": RUN.thread_id,
        "run_id": RUN.id,
        "expires_at": RUN.expires_at,
        "turn": RUN.turn,
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"thread_id": "thread_1", "run_id": "run_1"},  # An execution that older code has started.
        {"thread_id": "thread_1", "run_id": "run_1", "expires_at": "soon", "turn": 0},
        {"assistant_id": "asst_1", "thread_id": "thread_1"},
        [],
        None,
    ],
)
def test_a_run_of_any_other_execution_is_found_or_created(request_: Any) -> None:
    assert executions.known_run(request_) is None
