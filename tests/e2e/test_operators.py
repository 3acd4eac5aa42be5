"""The operators' commands on a deployed stack: which runs there are, and what was logged of one."""

import io
import re

import pytest

from assistant_engine.domain.ids import time_of
from assistant_engine.domain.run import Run
from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from tests.support.driver import ASK, GET_STOCK_PRICE, LABORATORY, Driver

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
    assert list(listed) == sorted(listed, key=lambda run_id: (time_of(run_id), run_id), reverse=True)
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


def test_the_last_run_is_the_newest(driver: Driver, ended: Run, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = driver.until(
        driver.begin('call ask {"question": "Friday?"}', assistant_id=driver.assistant(tools=[ASK])), "requires_action"
    )
    assert waiting.id in said(capsys, "runs", "logs", "--last")
    assert ended.id in said(capsys, "runs", "logs", "--last", "--thread", ended.thread_id)
    for arguments in (["--last", waiting.id], []):
        with pytest.raises(SystemExit):
            main(["runs", "watch", *arguments])
        assert "Name a run, or say --last" in capsys.readouterr().err
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "done"})
    assert "completed" in said(capsys, "runs", "watch", "--last")


def test_what_a_tool_prints_is_in_its_function_s_log(
    driver: Driver, ended: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run = driver.begin('call take {"seconds": 0}', assistant_id=driver.assistant(functions=LABORATORY))
    driver.ended(run, "completed")
    assert "laboratory: done" in said(capsys, "logs", "laboratory")
    with pytest.raises(SystemExit):
        main(["logs", "nothing"])
    assert re.search(r"no function nothing here. There are: .*laboratory", capsys.readouterr().err)


def test_a_conversation_asks_for_outputs_and_approval(
    stack: local.Local,
    driver: Driver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assistant = driver.assistant(tools=[ASK], functions=LABORATORY)
    lines = ['call publish {"text": "it"}', "yes", 'call ask {"question": "Friday?"}', "On Friday.", ""]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    shown = said(capsys, "chat", "--assistant", assistant)
    assert "published it" in shown
    assert "asks you ask(" in shown and "Friday?" in shown
    assert "On Friday." in shown


def test_a_conversation_with_a_new_assistant_ends_with_the_input(
    stack: local.Local, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("say Good morning."))
    assert "Terminal: Good morning." in said(capsys, "chat", "--instructions", "Greet.")
