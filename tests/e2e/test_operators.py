"""The operators' commands on a deployed stack: which runs there are, and what was logged of one."""

import re

import pytest

from assistant_engine.domain.run import Run
from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from tests.support.driver import ASK, GET_STOCK_PRICE, Driver

pytestmark = pytest.mark.offline_model


@pytest.fixture(autouse=True)
def _found(stack: local.Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_finder, "find", lambda environment: stack_finder.Stack(stack.settings))


@pytest.fixture
def ended(driver: Driver) -> Run:
    """A run with a tool's call."""
    begun = driver.begin(
        'call get_stock_price {"symbol": "ACME"}\nsay Done.', assistant_id=driver.assistant(functions=[GET_STOCK_PRICE])
    )
    return driver.ended(begun, "completed")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(arguments)
    return capsys.readouterr().out


def rows(shown: str) -> dict[str, str]:
    """The lines of a list of runs, by the run's id."""
    return {found[0]: line for line in shown.splitlines() if (found := re.search(r"run_\w+", line))}


def test_runs_that_are_under_way_or_ended_today_are_listed(
    driver: Driver, ended: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = driver.begin('call ask {"question": "Friday?"}', assistant_id=driver.assistant(tools=[ASK]))
    waiting = driver.until(waiting, "requires_action")
    listed = rows(said(capsys, "runs", "list", "--limit", "1000"))
    assert list(listed) == sorted(listed, reverse=True)
    assert "completed" in listed[ended.id] and ended.thread_id in listed[ended.id]
    assert "requires_action" in listed[waiting.id]
    assert list(rows(said(capsys, "runs", "list", "--limit", "1"))) == [waiting.id]
    assert list(rows(said(capsys, "runs", "list", "--thread", ended.thread_id))) == [ended.id]
    assert said(capsys, "runs", "list", "--day", "2020-01-01") == "There are none.\n"
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "done"})


def test_what_every_function_logged_of_a_run_is_printed_in_order(
    ended: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, "runs", "logs", "--thread", ended.thread_id, ended.id).splitlines()
    parts = [re.fullmatch(r"(\d\d:\d\d:\d\d\.\d{3})  (\S+) +(.+)", line) for line in lines]
    assert parts and all(parts)
    times = [part[1] for part in parts if part]
    assert times == sorted(times)
    assert {"in_progress"} <= {part[2] for part in parts if part}
    assert any(ended.id in line for line in lines)
