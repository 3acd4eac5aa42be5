"""The table of transitions, and what is decided from the record."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.beta.threads import RunStatus

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.lifecycle import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    ActiveStatus,
    Status,
    TerminalStatus,
    sources,
)
from assistant_engine.domain.next_action import next_action
from assistant_engine.domain.turn import ToolStep
from tests.support.examples import RUN

API_STATUSES: set[Status] = set(get_args(RunStatus))


def tool_step(server: list[str], client: list[str], answered: list[str], approve: list[str] | None = None) -> ToolStep:
    calls = [{"id": name, "type": "function", "function": {}} for name in [*server, *client]]
    return ToolStep(
        {"step_details": {"tool_calls": calls}}, server, approve or [], {name: {"text": ""} for name in answered}
    )


def test_the_statuses_are_those_of_the_api() -> None:
    assert set(TRANSITIONS) == API_STATUSES


def test_the_types_say_what_the_table_says() -> None:
    assert set(get_args(TerminalStatus)) == set(TERMINAL)
    assert set(get_args(ActiveStatus)) == set(ACTIVE)


@pytest.mark.parametrize("status", [status for status in TRANSITIONS if status != "queued"])
def test_every_status_is_reached_from_queued(status: str) -> None:
    reached: set[Status] = {"queued"}
    while more := {following for source in reached for following in TRANSITIONS[source]} - reached:
        reached |= more
    assert status in reached


@pytest.mark.parametrize("status", ACTIVE)
def test_every_active_status_can_end(status: str) -> None:
    assert status == "cancelling" or status in sources("cancelling")


@given(st.lists(st.sampled_from(list(TRANSITIONS)), max_size=30))
def test_whatever_is_asked_for_a_run_ends_once(asked: list[Status]) -> None:
    status: Status = "queued"
    ends = 0
    for wanted in asked:
        if status in sources(wanted):
            status = wanted
            ends += status in TERMINAL
    assert ends <= 1


def test_a_run_that_was_asked_to_cancel_does_nothing_else() -> None:
    assert TRANSITIONS["cancelling"] == ("cancelled",)


@pytest.mark.parametrize(
    ("changes", "turn", "tools", "now", "action"),
    [
        ({}, 0, None, 1_001, "call_model"),
        ({"status": "queued"}, 0, None, 1_001, "call_model"),
        ({"turn": 1}, 1, tool_step(["a"], ["b"], []), 1_001, "call_tools"),
        ({"turn": 1}, 1, tool_step(["a"], ["b"], ["b"]), 1_001, "call_tools"),
        ({"turn": 1}, 1, tool_step(["a"], ["b"], ["a"]), 1_001, "requires_action"),
        ({"turn": 1}, 1, tool_step(["a"], ["b"], ["a", "b"]), 1_001, "call_model"),
        ({"turn": 1}, 0, tool_step([], ["b"], []), 1_001, "requires_action"),
        ({"turn": 1}, 1, tool_step(["a", "c"], [], ["a"], ["c"]), 1_001, "requires_action"),
        ({"turn": 1}, 1, tool_step(["a", "c"], [], [], ["c"]), 1_001, "call_tools"),
        ({"turn": 1}, 0, tool_step(["a"], [], ["a"]), 1_001, "late"),
        ({}, 0, None, 1_600, "expired"),
        ({"turn": 1}, 1, tool_step(["a"], [], []), 1_600, "expired"),
        ({"status": "cancelling"}, 0, None, 1_600, "cancelled"),
        ({"status": "queued", "line": "waiting"}, 0, None, 1_001, "wait_for_thread"),
        ({"status": "queued", "line": "waiting"}, 0, None, 1_600, "expired"),
        ({"status": "cancelling", "line": "waiting"}, 0, None, 1_001, "cancelled"),
        ({"status": "queued", "line": "called"}, 0, None, 1_001, "call_model"),
        *(({"status": status}, 0, None, 9_999, status) for status in TERMINAL),
    ],
)
def test_the_next_action_follows_from_the_record(
    changes: dict[str, Any], turn: int, tools: ToolStep | None, now: int, action: str
) -> None:
    assert next_action(replace(RUN, **changes), turn, tools, Seconds(now)) == action
