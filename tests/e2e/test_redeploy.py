"""A run that waits survives a deployment, and ends on the code that it started on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driver import Driver
from tests.support.local_stack import deploy
from tests.support.model_server import ModelServer
from tests.support.project import copy

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
def second_release(app: Path, model_server: ModelServer, tmp_path: Path) -> Iterator[Path]:
    """A copy of the app whose `in_progress` step tells its release; the stack is put back afterwards."""
    release = copy(app, tmp_path / "release")
    with (release / "lambdas" / "steps" / "in_progress.py").open("a") as step:
        step.write(SECOND_RELEASE)
    yield release
    deploy(app, model_server)


def test_a_run_that_waits_ends_on_the_version_it_started_on(
    driver: Driver, model_server: ModelServer, second_release: Path
) -> None:
    assistant = driver.assistant()
    before = driver.ask(assistant, "call ask {}")
    waiting = driver.until_status(before, "requires_action")

    deploy(second_release, model_server)

    after = driver.run(driver.ask(assistant, "say Deployed."))
    assert after["release"] == "second"
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "still here"})
    run = driver.run(before)
    assert "release" not in run
    assert "still here" in run["messages"][0]["text"]
