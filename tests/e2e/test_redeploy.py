"""A run that waits survives a deployment, and ends on the code that it started on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import up as local
from tests.conftest import DIRECTORY
from tests.driver import Driver
from tests.project import copy

pytestmark = pytest.mark.offline_model

SECOND_RELEASE = """

first_release = handler


def handler(event, context):
    result = first_release(event, context)
    if "run" in result:
        result["run"]["release"] = "second"
    return result
"""


@pytest.fixture
def second_release(app: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the app whose `in_progress` step tells its release; the stack is put back afterwards."""
    release = copy(app, tmp_path / "release")
    with (release / "lambdas" / "steps" / "in_progress.py").open("a") as step:
        step.write(SECOND_RELEASE)
    yield release
    local.up(DIRECTORY, preferred_port=4600, use_real_model=False, app=app)


def test_a_run_that_waits_ends_on_the_version_it_started_on(driver: Driver, second_release: Path) -> None:
    assistant = driver.assistant()
    before = driver.ask(assistant, "call ask {}")
    waiting = driver.until_status(before, "requires_action")

    local.up(DIRECTORY, preferred_port=4600, use_real_model=False, app=second_release)

    after = driver.run(driver.ask(assistant, "say Deployed."))
    assert after["release"] == "second"
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "still here"})
    run = driver.run(before)
    assert "release" not in run
    assert "still here" in run["messages"][0]["text"]
