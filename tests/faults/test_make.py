"""Checks that a value given to make is data: it becomes no command, and reaches its program as it is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""#!{sys.executable}
import json, sys
with open("called.jsonl", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""
HOSTILE = [
    "run_x; touch hit",
    "run_x && touch hit",
    "run_x | touch hit",
    "run_x & touch hit",
    "$(touch hit)",
    "$$(touch hit)",
    "`touch hit`",
    "$(shell touch hit)",
    "${shell touch hit}",
    "$(eval $(shell touch hit))",
    "$(error stopped)",
    "'; touch hit; '",
    '"; touch hit; "',
    "x\ntouch hit",
    "> hit",
    "x # $(shell touch hit)",
    "$HOME *",
    "~",
    "--out=hit",
]
TARGETS = {
    "RUN": ["watch", "report"],
    "THREAD": ["watch", "report"],
    "DAY": ["export"],
    "SAMPLE": ["demo"],
    "SAY": ["usage", "budget"],
    "PART": ["bench"],
    "KEEP": ["up", "down"],
    "YES": ["verify"],
    "ENV": ["watch", "usage", "synth", "deploy", "destroy", "verify"],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile, set up already, and programs that write down how they are called."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("local/requirements.txt", "package-lock.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for program in (".venv/bin/python", "node_modules/.bin/cdk"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).write_text(PROGRAM)
        (tmp_path / program).chmod(0o755)
    for stamp in (".venv/.installed", "node_modules/.installed"):
        (tmp_path / stamp).touch()
    return tmp_path


def make(project: Path, target: str, *given: str) -> list[list[str]]:
    """Run make; the arguments that programs got."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    make = shutil.which("make") or "make"
    subprocess.run([make, target, *given], cwd=project, env=environment, capture_output=True, check=False)
    called = project / "called.jsonl"
    return [json.loads(line) for line in called.read_text().splitlines()] if called.is_file() else []


@pytest.mark.parametrize("variable", TARGETS)
def test_a_variable_of_make_is_no_command(project: Path, variable: str) -> None:
    for target in TARGETS[variable]:
        for value in HOSTILE:
            (project / "called.jsonl").unlink(missing_ok=True)
            others = ["RUN=run_x"] if target in ("watch", "report") and variable != "RUN" else []
            called = make(project, target, *others, f"{variable}={value}")
            assert not (project / "hit").exists(), (target, value)
            calls = [arguments for arguments in called if "layers.build" not in arguments]
            assert calls
            for arguments in calls:
                if variable in ("SAY", "PART"):
                    assert arguments[3 if target in ("usage", "budget") else 2 :] == value.split(), (target, value)
                elif variable in ("KEEP", "YES"):
                    assert arguments[-1] == f"--{variable.lower()}", (target, value)
                else:
                    assert any(one in (value, f"env={value}") or one.endswith(f"={value}") for one in arguments)


def test_what_make_is_told_reaches_the_commands(project: Path) -> None:
    def arguments(target: str, *given: str) -> list[str]:
        (project / "called.jsonl").unlink(missing_ok=True)
        return make(project, target, *given)[-1]

    assert arguments("watch", "RUN=run_1") == ["-m", "assistants", "runs", "watch", "--", "run_1"]
    assert arguments("report", "RUN=run_1", "THREAD=thread_1", "ENV=dev") == [
        *("-m", "assistants", "runs", "report", "--thread=thread_1", "--env=dev", "--", "run_1")
    ]
    assert arguments("usage", "SAY=--user ada --from 2026-11-01") == [
        *("-m", "assistants", "usage", "--user", "ada", "--from", "2026-11-01")
    ]
    assert arguments("export", "DAY=2026-11-22", "ENV=prod") == [
        *("-m", "assistants", "export"),
        "--day=2026-11-22",
        "--env=prod",
    ]
    assert arguments("republish", "ENV=prod") == ["-m", "assistants", "events", "republish", "--env=prod"]
    assert arguments("demo") == ["-m", "local.demo"]
    assert arguments("demo", "SAMPLE=wind_farm") == ["-m", "local.demo", "wind_farm"]
    assert arguments("up") == ["-m", "local.up", "up"]
    assert arguments("down", "KEEP=1") == ["-m", "local.up", "down", "--keep"]
    assert arguments("synth") == ["synth", "--quiet", "-c", "env=dev"]
    assert arguments("bench", "PART=costs growth") == ["-m", "bench", "costs", "growth"]
    assert arguments("verify", "ENV=staging") == ["-m", "verify", "--env=staging"]
    assert arguments("verify", "YES=1") == ["-m", "verify", "--env=dev", "--yes"]


def test_a_run_has_to_be_named(project: Path) -> None:
    assert make(project, "watch") == []
