"""The temporary folder of an execution environment, which outlives the runtime that a call ended with."""

from pathlib import Path

import pytest

from tests.support.sandboxes import sandboxed


def test_what_a_runtime_that_ended_left_is_removed_before_the_next_call(tmp_path: Path) -> None:
    left = tmp_path / "call-earlier" / "data"
    left.mkdir(parents=True)
    (left / "secret.txt").write_text("of the call before")
    (tmp_path / "loose").write_text("x")
    code = "import os\nprint(os.listdir(os.environ['SANDBOX_DATA'] + '/../..'))"
    [(output, reason, _)] = sandboxed(tmp_path, code)
    assert reason == ""
    assert output == "['call']\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    """On a computer, outside of a function."""
    (tmp_path / "of others").write_text("x")
    planted = "import os; del os.environ['AWS_LAMBDA_FUNCTION_NAME']"
    [(output, _, _)] = sandboxed(tmp_path, "print(1)", planted=planted)
    assert (output, [path.name for path in tmp_path.iterdir()]) == ("1\n", ["of others"])


SURVIVOR = """
import os, time
if os.fork() == 0:
    os.setsid()
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent: time.sleep(0.01)
        print(os.getpid(), flush=True)
        open("/mnt/data/../../survivor", "w").write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
time.sleep(300)
"""


def test_what_survived_the_runtime_is_dead_before_the_next_call(tmp_path: Path) -> None:
    """A time-out of the function ends the runtime, and with it the one that would have ended what the code left.

    Here the runtime ends when what the code leaves has been left.
    """
    survivor = tmp_path.parent / "survivor"
    dying = (
        "import os, pathlib, shutil, signal, threading, time\n"
        f"left = pathlib.Path('{tmp_path}/survivor')\n"
        "def die():\n"
        "    while not (left.exists() and left.read_text()): time.sleep(0.01)\n"
        f"    shutil.copy(left, '{survivor}')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "threading.Thread(target=die, daemon=True).start()"
    )
    with pytest.raises(AssertionError):
        sandboxed(tmp_path, SURVIVOR, planted=dying)
    pid = int(survivor.read_text())
    assert Path(f"/proc/{pid}").exists()
    look = f"""
try:
    print(open('/proc/{pid}/stat').read().rpartition(')')[2].split()[0] not in 'ZX')
except FileNotFoundError:
    print(False)
"""
    [(output, _, _)] = sandboxed(tmp_path, look)
    assert output == "False\n"
