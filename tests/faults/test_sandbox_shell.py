"""The doors that IPython opens lead nowhere: magics, commands, extensions and files of a profile run as the code does.

As in `test_sandbox`: the thread has something to lose, and has it still afterwards.
"""

import pytest

from tests.support.attacks import Attack
from tests.support.driver import Driver
from tests.support.interpreter import Interpreter

TRY_ALL = """
import ctypes, os, socket
def attempt(name, call):
    try:
        print(name, 'done', call())
    except OSError as error:
        print(name, error.strerror)
"""
ATTEMPTS = """
attempt('socket', lambda: socket.socket())
attempt('kill', lambda: os.kill(os.getppid(), 9))
attempt('memory', lambda: open(f'/proc/{os.getppid()}/mem', 'rb'))
attempt('environment', lambda: open(f'/proc/{os.getppid()}/environ'))
"""
REFUSED = [
    "socket Operation not permitted",
    "kill Operation not permitted",
    "memory Permission denied",
    "environment Permission denied",
]
FIND_TEMPLATE = """
import os
def template():
    own = os.stat('/proc/self').st_uid
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            command = open(f'/proc/{pid}/cmdline').read().split('\\0')
            parent = open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1]
        except OSError:
            continue
        if '-m' in command and 'interpreter' in command and int(parent) == os.getppid() and int(pid) != os.getpid():
            return int(pid)
"""


def test_what_a_magic_runs_is_confined_like_the_cell(attack: Attack) -> None:
    script = (TRY_ALL + ATTEMPTS).replace("\n", "\\n").replace("'", "\\'")
    door = "def load_ipython_extension(shell):\\n    import runpy\\n    runpy.run_path('/mnt/data/script.py')"
    code = f"""
open('/mnt/data/script.py', 'w').write('{script}')
open('/mnt/data/door.py', 'w').write("{door}")
%run /mnt/data/script.py
%load_ext door
%run -i script.py
%time exec(open('/mnt/data/script.py').read())
"""
    lines = [
        line
        for line in attack(code).logs.splitlines()
        if line.split(" ")[0] in ("socket", "kill", "memory", "environment")
    ]
    assert lines == REFUSED * 4


def test_what_a_command_starts_is_confined_like_the_cell(attack: Attack) -> None:
    code = """
import os
runtime = os.getppid()
!cat /proc/$runtime/environ | head -c 9; kill -9 $runtime; kill -9 -1; true
!unshare -r true; mount -t tmpfs none /tmp; true
!(setsid sleep 300 > /dev/null 2>&1 &) ; true
!python -c "import socket; socket.socket()" 2>&1 | tail -1
!ulimit -u 1000000; ulimit -f unlimited; true
%%script true
"""
    ran = attack(code.replace("%%script true\n", ""))
    assert "AWS_" not in ran.logs
    assert "Permission denied" in ran.logs
    assert "PermissionError: [Errno 1] Operation not permitted" in ran.logs
    assert ran.logs.count("ermitted") >= 3


def test_the_template_of_interpreters_can_t_be_reached(attack: Attack) -> None:
    """Whoever changes it changes all later calls."""
    code = f"""
{TRY_ALL}{FIND_TEMPLATE}
pid = template()
print('found', pid is not None)
for name in ('mem', 'environ', 'maps', 'fd', 'cwd'):
    look = {{'fd': os.listdir, 'cwd': os.readlink, 'mem': lambda path: open(path, 'r+b')}}.get(name, open)
    attempt(name, lambda: look(f'/proc/{{pid}}/{{name}}'))
libc = ctypes.CDLL(None, use_errno=True)
for number, call in enumerate((
    lambda: os.kill(pid, 9),
    lambda: os.kill(pid, 19),
    lambda: os.sched_setaffinity(pid, {{0}}),
    lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
)):
    attempt(f'signal-{{number}}', call)
print(libc.ptrace(16, pid, 0, 0), libc.syscall(434, pid, 0), libc.process_vm_readv(pid, 0, 0, 0, 0, 0))
del libc, call, look
"""
    lines = attack(code).logs.splitlines()
    assert lines[0] == "found True"
    assert {line.split(" ", 1)[1] for line in lines[1:6]} == {"Permission denied"}
    assert {line.split(" ", 1)[1] for line in lines[6:10]} == {"Operation not permitted"}
    assert lines[10] == "-1 -1 -1"


@pytest.mark.parametrize("place", [".ipython/profile_default/startup/00.py", ".ipython/extensions/door.py", ".pdbrc"])
def test_files_of_a_profile_in_the_session_s_home_run_nothing(driver: Driver, victim: Interpreter, place: str) -> None:
    planter = Interpreter(driver)
    planter.run(
        f"import pathlib\nfile = pathlib.Path.home() / '{place}'\nfile.parent.mkdir(parents=True, exist_ok=True)\n"
        "file.write_text('print(\"ran by itself\")');\n"
        "(pathlib.Path.home() / 'sitecustomize.py').write_text('print(\"ran by itself\")');\n"
        "(file.parent / 'ipython_config.py').write_text('print(\"ran by itself\")');"
    )
    assert planter.run("print(file.exists())").logs == "True"
    assert victim.run("secret").logs == "'victim-secret'"


def test_there_is_no_history_of_other_calls(driver: Driver) -> None:
    first, second = Interpreter(driver), Interpreter(driver)
    first.run("planted_in_history = 1")
    logs = second.run("%history -g planted\n%history\nIn, Out").logs
    assert "planted_in" not in logs
    look = (
        "import pathlib\nprint([p.name for p in pathlib.Path.home().rglob('*') if 'hist' in p.name or 'ipy' in p.name])"
    )
    assert first.run(look).logs == "[]"


def test_the_shell_of_one_call_is_not_that_of_the_next(attack: Attack) -> None:
    """What the code changes in IPython, in Python and in builtins is gone with its process."""
    attack(
        "import builtins, json\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = get_ipython()\nshell.run_cell = InteractiveShell.run_cell = lambda *a, **b: print('poisoned')\n"
        "builtins.print = None\njson.loads = None\nshell.events.register('pre_run_cell', lambda *a: 1 / 0)\ndel shell"
    )
    assert attack("import json\nprint(json.loads('[1]'))").logs == "[1]"
