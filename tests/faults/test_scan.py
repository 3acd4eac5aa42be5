"""The scan at the session's end (`tests/session`) sees what is logged, and what histories hold."""

import pytest

from tests.support.canaries import canary, everything_in_histories, found_in_history, found_in_log
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model


def test_the_scan_reads_every_log_and_every_history(driver: Driver) -> None:
    asked = canary("request", called=True)
    execution = driver.ask(driver.assistant(), f"say {asked}")
    run = driver.run(execution)

    events, lines = everything_in_histories(driver)[execution], driver.log_lines(since=0)
    assert asked in events
    assert run["run_id"] in events
    assert lines.count('"type":"platform.start"') >= 2, "a run takes two steps"


def test_the_scan_finds_what_was_planted() -> None:
    said, called = canary("message"), canary("argument", called=True)
    text = f'{{"content": "{said}", "arguments": "{called}"}}'
    assert found_in_log(text) == sorted([said, called])
    assert found_in_history(text) == [said]
