"""The checks of a whole session come last, each on the worker whose session it checks."""

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


def test_each_worker_ends_with_the_checks_of_its_own_session(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    session = tmp_path / "tests" / "session"
    session.mkdir(parents=True)
    (session / "test_left.py").write_text("def test_logs(worker): pass\ndef test_totals(worker): pass\n")
    for name in "abcde":
        (tmp_path / f"test_{name}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    files = [*sorted(tmp_path.glob("test_*.py")), session / "test_left.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    command += ["--numprocesses", "2", "--dist", "loadfile", *map(str, files)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert len(ran) == 14
    for worker in ("gw0", "gw1"):
        own = [name for who, name in ran if who == worker]
        tests = [f"tests/session/test_left.py::{test}[{worker}]" for test in ("test_logs", "test_totals")]
        assert own[-2:] == tests
        assert not any("session" in name for name in own[:-2])
