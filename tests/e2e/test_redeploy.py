"""A run that waits survives a deployment, and ends on the code that it started on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import up as local
from local.tools import ROOT
from tests.conftest import DIRECTORY
from tests.driver import Driver

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
def second_release(stack: local.Local, tmp_path: Path) -> Iterator[Path]:
    """A copy of the app whose `in_progress` step tells its release; the stack is put back afterwards."""
    for name in ("app.py", "cdk.json", "cdk", "lambdas"):
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / ".build").symlink_to(ROOT / ".build")
    with (tmp_path / "lambdas" / "steps" / "in_progress.py").open("a") as step:
        step.write(SECOND_RELEASE)
    yield tmp_path
    local.up(DIRECTORY, preferred_port=4600, use_real_model=False)


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
