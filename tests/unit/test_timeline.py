"""The timeline of a run, laid out from records made here."""

from dataclasses import replace
from typing import Any

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.timeline import Bar, bars
from assistant_engine.domain.turn import Asked, ToolStep
from tests.support import streamed_run

RUN = replace(streamed_run.RUN, streams=False, created_at=1, created_ms=Milliseconds(1_000), expires_at=601, due_at=0)


def step(*names: str, **more: Any) -> ToolStep:
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in names]
    return ToolStep(
        {"step_details": {"tool_calls": calls}}, **{"server_calls": [], "to_approve": [], "outputs": {}} | more
    )


def shown(found: list[Bar]) -> list[tuple[str, int, int | None]]:
    return [(("  " if bar.inner else "") + bar.label, bar.start_ms, bar.end_ms) for bar in found]


def test_a_run_that_was_just_created_is_queued() -> None:
    assert shown(bars(replace(RUN, status="queued"), [], {})) == [("queued", 1_000, None)]


def test_a_model_call_goes_on_until_it_is_answered() -> None:
    run = replace(RUN, asked_ms=1_100)  # type: ignore[arg-type]
    assert shown(bars(run, [], {})) == [
        ("queued", 1_000, 1_100),
        ("in_progress", 1_100, None),
        ("  model call 1", 1_100, None),
    ]


def test_tools_of_the_stack_work_within_the_state() -> None:
    run = replace(RUN, turn=2, status="completed", ended_ms=2_000)  # type: ignore[arg-type]
    output = {"text": "3", "began_ms": 1_300, "ended_ms": 1_400}
    tools = {0: step("add", server_calls=["add"], outputs={"add": output})}
    assert shown(bars(run, [Asked(1_100, None, 1_200), Asked(1_500, None, 1_990)], tools)) == [
        ("queued", 1_000, 1_100),
        ("in_progress", 1_100, 2_000),
        ("  model call 1", 1_100, 1_200),
        ("  add", 1_300, 1_400),
        ("  model call 2", 1_500, 1_990),
        ("completed", 2_000, 2_000),
    ]


def test_a_tool_that_the_client_said_yes_to_works_after_the_wait() -> None:
    run = replace(RUN, turn=1, status="in_progress")
    output = {"text": "3", "began_ms": 1_800, "ended_ms": 1_900}
    tools = {0: step("pay", server_calls=["pay"], outputs={"pay": output}, waited=(1_250, 1_700))}
    assert shown(bars(run, [Asked(1_100, None, 1_200)], tools)) == [
        ("queued", 1_000, 1_100),
        ("in_progress", 1_100, 1_250),
        ("  model call 1", 1_100, 1_200),
        ("requires_action", 1_250, 1_700),
        ("queued", 1_700, 1_800),
        ("in_progress", 1_800, None),
        ("  pay", 1_800, 1_900),
    ]


def test_a_run_that_failed_before_the_model_answered_ends_and_shows_the_wait() -> None:
    failed = {"attempt": 1, "turn": 0, "failed_ms": 1_200, "status": 429, "reason": "busy", "next_ms": 2_200}
    run = replace(RUN, status="expired", started_at=1, ended_ms=3_000, failed_attempts=[failed])  # type: ignore[arg-type]
    assert shown(bars(run, [], {})) == [
        ("queued", 1_000, 1_000),
        ("in_progress", 1_000, 3_000),
        ("  backoff", 1_200, 2_200),
        ("expired", 3_000, 3_000),
    ]


def test_a_run_that_waits_shows_what_for() -> None:
    run = replace(RUN, turn=1, status="requires_action", waiting_ms=1_300)  # type: ignore[arg-type]
    assert shown(bars(run, [Asked(1_100, None, 1_200)], {0: step("ask")})) == [
        ("queued", 1_000, 1_100),
        ("in_progress", 1_100, 1_300),
        ("  model call 1", 1_100, 1_200),
        ("requires_action", 1_300, None),
        ("  ask", 1_300, None),
    ]


def test_clocks_that_differ_turn_no_state_around() -> None:
    run = replace(RUN, turn=1, status="completed", ended_ms=1_150)  # type: ignore[arg-type]
    found = bars(run, [Asked(990, None, 1_200)], {})
    assert [bar.label for bar in found] == ["queued", "in_progress", "model call 1", "completed"]
    assert all(bar.end_ms is not None and bar.end_ms >= bar.start_ms for bar in found)
