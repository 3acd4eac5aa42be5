"""A new part takes the places that CONTRIBUTING.md names: a scratch copy gets one of each, and its checks pass."""

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
def age(request: Request, thread_id: ThreadId) -> Json:
    return request.store.threads.get(thread_id).api()
"""

COMMAND = '''"""Greets."""

import click

from assistants.terminal import say


@click.command("greet", short_help="Say hello.")
def command() -> None:
    """Say hello to whoever operates the stack."""
    say("Hello.")
'''

ENVIRONMENT = """    "demo": Configuration(
        environment="demo",
        prefix="oae-demo",
        removal_policy=RemovalPolicy.DESTROY,
        log_retention=RetentionDays.ONE_WEEK,
    ),
"""

CHECKS = (
    *("tests/unit/test_routes.py", "tests/unit/test_openapi.py", "tests/unit/test_structure.py"),
    *("tests/unit/test_commands.py", "tests/infrastructure/test_data.py", "tests/infrastructure/test_functions.py"),
    "tests/faults/test_isolation.py::test_every_route_has_a_case",
)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of the sources."""
    made = (".*", "__pycache__", "*.egg-info", "build", "cdk.out", "node_modules")
    return shutil.copytree(ROOT, tmp_path / "project", ignore=shutil.ignore_patterns(*made))


def test_a_route_a_command_an_environment_and_a_tool_take_the_places_that_are_named(scratch: Path) -> None:
    threads = scratch / "lambdas" / "api" / "threads.py"
    threads.write_text(threads.read_text() + ROUTE)
    replace(threads, "import Thread\n", "import Thread, ThreadId\n")
    (scratch / "assistants" / "commands" / "greet.py").write_text(COMMAND)
    nouns = scratch / "assistants" / "commands" / "__init__.py"
    replace(nouns, "export, keys, runs", "export, greet, keys, runs")
    replace(nouns, "export.command, ", "export.command, greet.command, ")
    replace(
        scratch / "cdk" / "configuration.py",
        '    "staging": Configuration(',
        f'{ENVIRONMENT}    "staging": Configuration(',
    )
    for name, text in shown_in(ADDING_A_TOOL).items():
        if "/" in name:
            (scratch / name).parent.mkdir(exist_ok=True)
            (scratch / name).write_text(text)

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
    assert "getThreadAge" in (scratch / "docs" / "openapi.json").read_text()
    assert run("assistants", "greet") == "Hello.\n"
    assert "Say hello." in run("assistants", "--help")
    run("ruff", "check", "--fix", ".")
    run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *CHECKS)
