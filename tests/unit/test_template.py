"""The process that each call's interpreter is a fork of: there is always one, and it is never what the code ran in."""

from pathlib import Path

from tests.support.sandboxes import Environment, sandboxed

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


def test_each_call_is_a_child_of_the_runtime_and_finds_nothing_of_the_call_before(environment: Environment) -> None:
    first, second = (output for output, _, _ in environment.run(SEEN, SEEN))
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


def test_what_code_names_is_imported_once_for_an_environment(tmp_path: Path) -> None:
    is_there = "import sys\nprint('pand' + 'as' in sys.modules)"
    told = sandboxed(tmp_path, is_there, f"import pandas\n{is_there}", is_there)
    assert [output for output, _, _ in told] == ["False\n", "True\n", "True\n"]


def test_calls_draw_random_numbers_of_their_own(environment: Environment) -> None:
    draw = "import random, numpy, sympy.core.random\n"
    draw += "print(random.random(), numpy.random.rand(), sympy.core.random.random())"
    first, second = (output.split() for output, _, _ in environment.run(draw, draw))
    assert not set(first) & set(second)


def test_settings_that_code_wrote_hold_in_later_calls_alone(environment: Environment) -> None:
    show = "import matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])"
    write = "open('/mnt/data/matplotlibrc', 'w').write('lines.linewidth: 7');"
    remove = "import os; os.remove('/mnt/data/matplotlibrc')"
    ran = environment.session(show, write, show, remove)
    assert [each.output for each in ran] == ["1.5\n", "", "7.0\n", ""]
