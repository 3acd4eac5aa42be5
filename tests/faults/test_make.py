"""Checks that a value given to make is data: it becomes no command, and reaches its program as it is."""

import os
import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make") or "make"
PROGRAM = """#!/bin/sh
printf '%s\\0' $# "$@" >>called
"""
"""Writes how many arguments it has, and these, each up to a NUL: hundreds of starts of a Python would take seconds."""
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
    for name in ("scripts/set_up.sh", ".local/emulator.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch(mode=0o755)
    for program in (".venv/bin/python", "node_modules/.bin/cdk"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).write_text(PROGRAM)
        (tmp_path / program).chmod(0o755)
    return tmp_path


def outside() -> dict[str, str]:
    """Return the environment without what `make test` adds to it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(project: Path, target: str, *given: str) -> list[list[str]]:
    """Run make; the arguments that programs got."""
    subprocess.run([MAKE, target, *given], cwd=project, env=outside(), capture_output=True, check=False)
    called = project / "called"
    told = iter(called.read_text().split("\0")[:-1] if called.is_file() else [])
    return [list(islice(told, int(number))) for number in told]


@pytest.mark.parametrize("variable", TARGETS)
def test_a_variable_of_make_is_no_command(project: Path, variable: str) -> None:
    for target in TARGETS[variable]:
        for value in HOSTILE:
            (project / "called").unlink(missing_ok=True)
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
        (project / "called").unlink(missing_ok=True)
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
    assert arguments("up") == ["-m", "local.up"]
    assert arguments("down", "KEEP=1") == ["-m", "local.down", "--keep"]
    assert arguments("chat", "SAY=--assistant asst_1") == ["-m", "assistants", "chat", "--assistant", "asst_1"]
    assert arguments("synth") == ["synth", "--quiet", "-c", "env=dev"]
    assert arguments("bench", "PART=costs growth") == ["-m", "bench", "costs", "growth"]
    assert arguments("verify", "ENV=staging") == ["-m", "verify", "--env=staging"]
    assert arguments("verify", "YES=1") == ["-m", "verify", "--env=dev", "--yes"]


def test_without_a_run_the_last_one_is_meant(project: Path) -> None:
    assert make(project, "watch") == [["-m", "assistants", "runs", "watch", "--last"]]


def test_make_down_in_a_clean_clone_says_that_nothing_runs(project: Path) -> None:
    shutil.rmtree(project / ".local")
    assert make(project, "down") == []
    shutil.rmtree(project / ".venv")
    ran = subprocess.run([MAKE, "down"], cwd=project, env=outside(), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "Nothing is running.\n")


def test_make_clean_removes_what_was_made_and_keeps_what_a_person_wrote(project: Path) -> None:
    for name in (".build/cache/x", ".local/env", "node_modules/x/y", "local/__pycache__/x.pyc", ".env", "app.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    code = project / ".local" / "tmp" / "code"  # As a function sees it, of a stack that was killed.
    code.mkdir(parents=True)
    (code / "app.py").touch()
    code.chmod(0o555)
    before = {"Makefile", "scripts/set_up.sh", ".env", "app.py", "called"}
    make(project, "clean")
    left = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert left == before


@pytest.mark.parametrize("home", ["", "/nowhere/at/all"])
def test_without_a_home_the_folder_takes_what_programs_keep_there(project: Path, home: str) -> None:
    (project / ".venv/bin/python").write_text('#!/bin/sh\necho "$HOME" > home\n')
    subprocess.run([MAKE, "up"], cwd=project, env={"PATH": os.environ["PATH"], "HOME": home}, check=True)
    kept = Path((project / "home").read_text().strip())
    assert kept == project.resolve() / ".build" / "home"
    assert kept.is_dir()
