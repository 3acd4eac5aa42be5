"""How long a client's poll of a run is held, and when it is told to come again."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import runs
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.run import Run
from assistant_engine.runtime.clock import now_ms
from tests.support.examples import RUN

SECOND = 1_000


def aged(seconds: float, status: Status = "in_progress", **more: Any) -> Run:
    return replace(RUN, status=status, created_ms=Milliseconds(now_ms() - round(seconds * SECOND)), **more)


def polled(run: Run, *statuses: Status) -> tuple[Run, int]:
    """The run that a poll is answered with, and how often it was looked at: the last status stays."""
    looks: list[Status] = []

    def status(thread_id: str, run_id: str) -> Status:
        looks.append(statuses[min(len(looks), len(statuses) - 1)])
        return looks[-1]

    store = SimpleNamespace(runs=SimpleNamespace(status=status, get=lambda *ids: replace(run, status=looks[-1])))
    return runs._watched(store, run), len(looks)  # type: ignore[arg-type]


def test_a_poll_is_held_until_the_run_has_ended_or_waits_for_its_client() -> None:
    for end in ("completed", "failed", "requires_action"):
        answered, looks = polled(aged(1), "in_progress", "in_progress", end)
        assert (answered.status, looks) == (end, 3)


def test_a_poll_is_answered_before_api_gateway_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "HOLD_SECONDS", 0.3)
    answered, looks = polled(aged(0), "in_progress")
    assert answered.status == "in_progress"
    assert 2 <= looks <= 8


def test_a_run_that_takes_long_is_answered_at_once() -> None:
    assert polled(aged(runs.HOLD_SECONDS + 1), "completed")[1] == 0


def test_a_run_that_goes_on_after_its_client_s_word_is_young_again() -> None:
    assert polled(aged(600, "queued"), "completed")[1] == 1
    assert polled(aged(600, asked_ms=Milliseconds(now_ms() - SECOND)), "completed")[1] == 1
    assert polled(aged(600, "queued", line="waiting"), "completed")[1] == 0


def test_a_look_comes_after_a_twentieth_of_the_time_that_was_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    moment, slept = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal moment
        moment += seconds
        slept.append(seconds)

    monkeypatch.setattr(runs, "time", SimpleNamespace(monotonic=lambda: moment, sleep=sleep))
    polled(aged(0), "in_progress")
    assert slept[0] == runs.LOOK_SECONDS
    assert max(slept) <= runs.LOOK_SHARE * runs.HOLD_SECONDS
    assert runs.HOLD_SECONDS <= sum(slept) <= runs.HOLD_SECONDS * (1 + runs.LOOK_SHARE)
    assert len(slept) < 100


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0.1, 250), (10, 1_000), (30, 3_000), (900, 5_000)])
def test_the_next_poll_comes_after_a_tenth_of_the_run_s_age(seconds: float, milliseconds: int) -> None:
    assert runs.poll_after(aged(seconds), now_ms()) == pytest.approx(milliseconds, abs=30)
    assert runs.poll_after(aged(seconds, "requires_action"), now_ms()) == 1_000
