"""A new part takes the places that CONTRIBUTING.md names: a scratch copy gets one of each, and its checks pass."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ADDING_A_TOOL, shown_in
from tests.support.templates import ROOT

ROUTE = """

@routes.get("/threads/{thread_id}/age", "getThreadAge", "Retrieve a thread's time of creation", answer="ThreadObject")
def age(request: Request, thread: Thread) -> Json:
    return thread.api()
"""

COMMAND = '''"""Shows where an environment keeps its files."""

import click

from assistants import stack
from assistants.commands import options
from assistants.terminal import say


@click.command("bucket", short_help="Show the name of the bucket.")
@options.environment
def command(environment: str) -> None:
    """Show the name of the bucket that holds the stack's files."""
    say(stack.use(environment).variables["BUCKET"])
'''

ENVIRONMENT = """    "demo": Configuration(
        environment="demo",
        prefix="oae-demo",
        removal_policy=RemovalPolicy.DESTROY,
        log_retention=RetentionDays.ONE_WEEK,
    ),
"""

STATUS = """    "paused": {
      "Comment": "Somebody has to look at the run before it can go on.",
      "Type": "Fail",
      "Error": "{% $states.input.error %}",
      "Cause": "{% $states.input.cause %}"
    },
"""

CHOICE = """        {
          "Condition": "{% $states.input.status = 'paused' %}",
          "Next": "paused"
        },
"""

CHECKS = (
    *("tests/unit/test_routes.py", "tests/unit/test_openapi.py", "tests/unit/test_structure.py"),
    *("tests/unit/test_commands.py", "--deselect=tests/unit/test_commands.py::test_the_commands_are_these"),
    "tests/infrastructure/test_app.py::test_cfn_lint_finds_no_error[demo]",
    "tests/faults/test_doors.py::test_every_door_has_a_row",
    *("tests/unit/test_lifecycle.py", "tests/infrastructure/test_state_machine.py"),
    "--deselect=tests/unit/test_lifecycle.py::test_the_statuses_are_those_of_the_api",
    "tests/infrastructure/test_functions.py",
)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of the sources, with the packages that are here."""
    made = (".*", "__pycache__", "*.egg-info", "build", "cdk.out", "node_modules")
    copied = shutil.copytree(ROOT, tmp_path / "project", ignore=shutil.ignore_patterns(*made))
    (copied / "node_modules").symlink_to(ROOT / "node_modules")
    return copied


def test_a_route_a_status_a_command_an_environment_and_a_tool_take_the_places_that_are_named(scratch: Path) -> None:
    threads = scratch / "lambdas" / "api" / "threads.py"
    threads.write_text(threads.read_text() + ROUTE)
    replace(threads, "import Thread\n", "import Thread, ThreadId\n")
    (scratch / "assistants" / "commands" / "bucket.py").write_text(COMMAND)
    nouns = scratch / "assistants" / "commands" / "__init__.py"
    replace(nouns, "NOUNS = {\n", 'NOUNS = {\n    "bucket": "bucket.command",\n')
    replace(
        scratch / "cdk" / "configuration.py",
        '    "staging": Configuration(',
        f'{ENVIRONMENT}    "staging": Configuration(',
    )
    lifecycle = scratch / "layers" / "engine" / "assistant_engine" / "domain" / "lifecycle.py"
    replace(lifecycle, 'Literal["cancelled", ', 'Literal["paused", "cancelled", ')
    replace(lifecycle, '"in_progress": ("requires_action", ', '"in_progress": ("paused", "requires_action", ')
    replace(lifecycle, '    "completed": (),\n', '    "paused": (),\n    "completed": (),\n')
    machine = scratch / "cdk" / "run.asl.json"
    replace(machine, '    "completed": {\n', f'{STATUS}    "completed": {{\n')
    replace(machine, '      "Choices": [\n', f'      "Choices": [\n{CHOICE}')
    for name, text in shown_in(ADDING_A_TOOL).items():
        if "/" in name:
            (scratch / name).parent.mkdir(exist_ok=True)
            (scratch / name).write_text(text)
    # Packages that only its layer has, and no settings.
    shutil.copytree(ROOT / "tests" / "tools" / "linguist", scratch / "lambdas" / "tools" / "linguist")

    def run(*arguments: str) -> str:
        paths = os.pathsep.join(str(scratch / path) for path in ("layers/engine", "lambdas/api"))
        ran = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-6_000:]
        return ran.stdout

    for generator in ("openapi", "rooms"):
        run(f"scripts.{generator}")
    described = json.loads((scratch / "docs" / "openapi.json").read_text())
    assert "getThreadAge" in str(described["paths"])
    assert "paused" in described["components"]["schemas"]["RunObject"]["properties"]["status"]["enum"]
    assert "in_progress --> paused" in (scratch / "docs" / "architecture.md").read_text()
    assert "Show the name of the bucket." in run("assistants", "--help")
    run("ruff", "check", "--fix", ".")
    run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *CHECKS)
