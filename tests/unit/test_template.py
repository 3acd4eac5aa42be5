"""The process that each call's interpreter is a fork of: there is always one, and it is never what the code ran in."""

from pathlib import Path

from tests.support.sandboxes import sandboxed

SEEN = "import os, sys\nprint(os.getppid(), sys.modules.get('planted'))\nsys.modules['planted'] = 1"
KILL_BEFORE_THE_SECOND_CALL = """
import os, signal
original, killed = processes.end_descendants, []
def end_descendants():
    original()
    if processes.template.pid and not killed:
        killed.append(processes.template.pid)
        os.kill(processes.template.pid, signal.SIGKILL)
        os.waitid(os.P_PID, processes.template.pid, os.WEXITED | os.WNOWAIT)
processes.end_descendants = end_descendants
processes.template.ensure()
"""
FORK_AFTER_THE_START = """
import os
processes.template.ensure()
inherited = processes.template.pid
if os.fork():
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
processes.guard_this_process()
assert processes.template.pid == 0
"""


def test_each_call_is_a_child_of_the_runtime_and_finds_nothing_of_the_call_before(tmp_path: Path) -> None:
    first, second = (output for output, _, _ in sandboxed(tmp_path, SEEN, SEEN))
    assert first == second
    assert first.endswith(" None\n")


def test_a_template_that_died_is_started_again(tmp_path: Path) -> None:
    told = sandboxed(tmp_path, "1", "2", planted=KILL_BEFORE_THE_SECOND_CALL)
    assert told == [("1\n", "", []), ("2\n", "", [])]


def test_a_fork_of_the_runtime_has_a_template_of_its_own(tmp_path: Path) -> None:
    told = sandboxed(tmp_path, "1", "2", planted=FORK_AFTER_THE_START)
    assert told == [("1\n", "", []), ("2\n", "", [])]


def test_what_calls_are_made_from_knows_nothing_of_the_function(tmp_path: Path) -> None:
    code = (
        "print([line for line in open('/proc/self/environ').read().split('\\0') if 'SECRET' in line or 'AWS' in line])"
    )
    [(output, _, _)] = sandboxed(tmp_path, code, environment={"SECRET": "x", "AWS_SESSION_TOKEN": "y"})
    assert output == "[]\n"
