"""Half of the workers have no stack; the checks of a whole session come last, on the worker that they check."""

import subprocess
import sys
from pathlib import Path

from local.paths import ROOT

CONFTEST = """
import os
from tests.support.scheduling import SessionsLast, workers

def pytest_xdist_make_scheduler(config, log):
    return SessionsLast(config, log)

def pytest_generate_tests(metafunc):
    if "worker" in metafunc.fixturenames:
        metafunc.parametrize("worker", workers(metafunc.config))

def pytest_runtest_logfinish(nodeid):
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        with open("ran", "a") as file:
            file.write(f"{worker} {nodeid}\\n")
"""


def _ran_by(project: Path, processes: int, names: list[str]) -> dict[str, list[str]]:
    """Run two tests in each of these files and two checks of a session; return each worker's, in order."""
    (project / "conftest.py").write_text(CONFTEST)
    for name in names:
        file = project / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("def test_one(): pass\ndef test_two(): pass\n")
    session = project / "tests" / "session" / "test_left.py"
    session.parent.mkdir()
    session.write_text("def test_logs(worker): pass\ndef test_totals(worker): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", "--rootdir", str(project)]
    command += ["--numprocesses", str(processes), "--dist", "loadfile", "tests"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ran: dict[str, list[str]] = {}
    for line in (project / "ran").read_text().splitlines():
        worker, _, test = line.partition(" ")
        ran.setdefault(worker, []).append(test)
    return ran


WITH_STACK = [f"e2e/test_{name}.py" for name in "abcde"]
WITHOUT = [f"unit/test_{name}.py" for name in "fgh"]
CHECKS = ["tests/session/test_left.py::test_logs", "tests/session/test_left.py::test_totals"]


def test_half_of_the_workers_need_no_stack_and_each_other_ends_with_the_checks_of_its_own(tmp_path: Path) -> None:
    ran = _ran_by(tmp_path, 4, WITH_STACK + WITHOUT)
    assert sum(len(tests) for tests in ran.values()) == 2 * (5 + 3 + 2)
    for worker in ("gw0", "gw1"):
        assert ran[worker]
        assert all(test.startswith("tests/unit/") for test in ran[worker])
    for worker in ("gw2", "gw3"):
        assert ran[worker][-2:] == [f"{check}[{worker}]" for check in CHECKS]
        assert not any("session" in test for test in ran[worker][:-2])


def test_a_single_worker_runs_everything(tmp_path: Path) -> None:
    ran = _ran_by(tmp_path, 1, WITH_STACK + WITHOUT)
    assert len(ran["gw0"]) == 2 * (5 + 3) + 2
    assert ran["gw0"][-2:] == [f"{check}[gw0]" for check in CHECKS]
