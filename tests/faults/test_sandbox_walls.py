"""Tries from within the sandbox the runtime, the kernel and the limits: each attempt is refused, counted or harmless.

As in `test_sandbox`: the thread has something to lose, and has it still afterwards.
"""

import contextlib
import os
import platform
import signal
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from assistant_engine.runs import creation
from assistant_engine.runtime.clock import now_ms
from local.environment import MAX_EMULATORS, users_of
from local.environments import MAX_IDLE_TENANTS
from tests.support.attacks import Attack
from tests.support.driver import Driver
from tests.support.interpreter import Interpreter

CLONE, SECCOMP = {"x86_64": (56, 317), "aarch64": (220, 277)}[platform.machine()]
REFUSED = "[Errno 1] Operation not permitted"
TOO_MUCH_DISK = "The code was stopped: it wrote more than 1024 MB, or too many files."
TRY = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, call):
    ctypes.set_errno(0)
    try:
        result = call()
    except OSError as error:
        print(name, error.strerror)
    except ValueError:  # What `resource` makes of it.
        print(name, 'Operation not permitted')
    else:
        print(name, os.strerror(ctypes.get_errno()) if result == -1 else 'done')
runtime = os.getppid()
"""


def tried(attack: Attack, code: str) -> dict[str, str]:
    """Return what became of each attempt, by its name."""
    lines = [line for line in attack(TRY + code).logs.splitlines() if not line.startswith("[not kept")]
    return dict(line.split(" ", 1) for line in lines)


def test_signals_by_every_way(attack: Attack) -> None:
    """A folder of /proc is as good as a pidfd; the owner of a file gets signals of its choice."""
    ways = tried(
        attack,
        """
import fcntl
folder = os.open(f'/proc/{runtime}', os.O_RDONLY)
reader, writer = os.pipe()
for name, call in {
    'pidfd_send_signal': lambda: libc.syscall(424, folder, 9, 0, 0),
    'pidfd_open': lambda: libc.syscall(434, runtime, 0),
    'process_mrelease': lambda: libc.syscall(448, folder, 0),
    'tgkill': lambda: libc.tgkill(runtime, runtime, 9),
    'sigqueue': lambda: libc.sigqueue(runtime, 9, 0),
    'kill': lambda: os.kill(runtime, 9),
    'everyone': lambda: os.kill(-1, 9),
    'group': lambda: os.killpg(os.getpgid(runtime), 9),
    'thread': lambda: [os.kill(int(tid), 9) for tid in os.listdir(f'/proc/{runtime}/task')],
    'owner': lambda: fcntl.fcntl(reader, 8, runtime),
    'owner_by_ioctl': lambda: fcntl.ioctl(reader, 0x8901, runtime.to_bytes(4, 'little')),
    'signal_of_a_file': lambda: fcntl.fcntl(reader, 10, 9),
}.items():
    attempt(name, call)
os.close(folder)
del libc, name, call
""",
    )
    assert len(ways) == 12
    assert set(ways.values()) == {"Operation not permitted"}, ways


def test_namespaces_and_mounts_by_every_way(attack: Attack) -> None:
    ways = tried(
        attack,
        f"""
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    attempt(hex(flag), lambda: libc.syscall({CLONE}, flag | 17, 0, 0, 0, 0))
    attempt(f'unshare-{{flag}}', lambda: libc.unshare(flag))
attempt('clone3', lambda: libc.syscall(435, bytes(88), 88))
attempt('setns', lambda: libc.setns(0, 0))
attempt('mount', lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0))
attempt('umount', lambda: libc.umount2(b'/tmp', 0))
attempt('chroot', lambda: libc.chroot(b'/tmp'))
attempt('fsopen', lambda: libc.syscall(430, b'tmpfs', 0))
attempt('open_tree', lambda: libc.syscall(428, -100, b'/', 0))
attempt('mount_setattr', lambda: libc.syscall(442, -100, b'/', 0, 0, 0))
attempt('filter', lambda: libc.syscall({SECCOMP}, 1, 0, 0))
del libc
print('rights', open('/proc/self/status').read().split('CapEff:')[1].split()[0])
""",
    )
    assert ways.pop("rights") == "0" * 16
    assert ways.pop("clone3") == "Function not implemented"
    assert set(ways.values()) == {"Operation not permitted"}, ways
    assert len(ways) == 22


def test_scheduling_of_the_runtime_and_the_order_of_being_killed(attack: Attack) -> None:
    ways = tried(
        attack,
        """
idle = os.sched_param(0)
attempt('scheduler', lambda: os.sched_setscheduler(runtime, os.SCHED_IDLE, idle))
attempt('parameters', lambda: os.sched_setparam(runtime, idle))
attempt('affinity', lambda: os.sched_setaffinity(runtime, {0}))
attempt('priority', lambda: os.setpriority(os.PRIO_PROCESS, runtime, 19))
attempt('user', lambda: os.setpriority(os.PRIO_USER, 0, 19))
attempt('limits', lambda: __import__('resource').prlimit(runtime, 7, (10, 10)))
import resource, time
for number in (resource.RLIMIT_MSGQUEUE, resource.RLIMIT_FSIZE):
    attempt(f'limit-{number}', lambda: resource.setrlimit(number, (1, 1)))
try:
    open('/proc/self/oom_score_adj', 'w').write('0')
except PermissionError:
    pass
time.sleep(0.7)
print('score', open('/proc/self/oom_score_adj').read().strip())
os.nice(1)
os.sched_setaffinity(0, os.sched_getaffinity(0))
del libc, idle
""",
    )
    assert ways.pop("score") == "1000"
    assert set(ways.values()) == {"Operation not permitted"}, ways
    assert len(ways) == 8


def test_memory_that_belongs_to_no_process(attack: Attack) -> None:
    """Files in memory are no process's own."""
    ways = tried(
        attack,
        """
attempt('memfd_create', lambda: os.memfd_create('hog'))
attempt('memfd_secret', lambda: libc.syscall(447, 0))
attempt('shmget', lambda: libc.shmget(0, 1 << 30, 0o1600))
del libc
""",
    )
    assert set(ways.values()) == {"Operation not permitted"}, ways


def test_shared_memory_counts(attack: Attack) -> None:
    code = """
import mmap, os, time
for _ in range(3):
    if os.fork() == 0:
        break
block = mmap.mmap(-1, 600 << 20)
for place in range(0, 600 << 20, 4096):
    block[place] = 1
time.sleep(600)
"""
    assert attack(code).logs == "The code was stopped: it took more than 1536 MB of memory."


@pytest.mark.parametrize("folder", ["/mnt/data", "/mnt/data/../../beside"])
def test_files_without_a_name_and_files_beside_the_folder_count(attack: Attack, folder: str) -> None:
    code = f"""
import os, time
os.makedirs({folder!r}, exist_ok=True)
block, kept = bytes(60 << 20), []
for number in range(40):
    path = f'{folder}/{{number}}'
    kept.append(open(path, 'wb'))
    if {folder == "/mnt/data"}:
        os.unlink(path)
    kept[-1].write(block)
    kept[-1].flush()
print('wrote', sum(os.fstat(file.fileno()).st_size for file in kept) >> 20)
"""
    assert attack(code).logs == TOO_MUCH_DISK


def test_sparse_files_count(attack: Attack) -> None:
    code = "for number in range(20):\n    open(f'/mnt/data/{number}.bin', 'wb').truncate(100 << 20)"
    ran = attack(code)
    assert (ran.logs, ran.files) == (TOO_MUCH_DISK, {})


def test_other_places_to_write(attack: Attack) -> None:
    code = """
import os
for place in ('/dev/shm', '/var/tmp', '/tmp', '/run', '/'):
    if place != '/' and os.environ['SANDBOX_DATA'].startswith(place + '/'):
        continue  # Its own: Lambda's is /tmp.
    try:
        open(f'{place}/planted-by-the-sandbox', 'w')
        print('wrote', place)
    except OSError:
        pass
"""
    assert attack(code).logs == ""


def test_pipes_and_links_where_the_runtime_writes(attack: Attack) -> None:
    """The session's archive had the name of the call's folder; a pipe there kept the runtime until its time-out."""
    code = """
import os
folder = os.path.dirname(os.environ['SANDBOX_DATA'])
os.mkfifo(f'{folder}.session')
os.symlink('/etc/passwd', f'{folder}.session.link')
os.mkfifo(f'{folder}/session')
for name in ('variables.new', 'archive', 'figures/figure-001.png'):
    os.mkfifo(f'{folder}/{name}')
os._exit(0)
"""
    began = time.monotonic()
    assert attack(code).logs == ""
    assert time.monotonic() - began < 30


def test_files_of_whoever_runs_the_stack(attack: Attack) -> None:
    """On a computer: the stack's settings with its keys, and what its owner has lying about."""
    code = """
import os
places = ['/work', '/root', '/home', os.path.expanduser('~root'), '/var/tmp']
found = []
for place in places:
    for folder, folders, files in os.walk(place):
        found += [name for name in files if name in ('env', '.env', 'credentials')]
        if len(found) > 5:
            break
print(found)
"""
    assert attack(code).logs == "[]"


def test_a_run_tells_its_code_what_is_left_of_it(driver: Driver) -> None:
    assistant = driver.assistant(tools=[{"type": "code_interpreter"}])
    messages = [{"role": "user", "content": 'call code_interpreter {"code": "1"}'}]
    request = {"assistant_id": assistant, "additional_messages": messages, "expires_after": 30}
    run = creation.create(driver.store, request, now_ms())
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    told = driver.invoke("in_progress", event)["inputs"]["code_interpreter"]
    assert 1 <= told["seconds"] <= 30


def test_a_runtime_that_was_killed_leaves_nothing_to_the_next_call(attack: Attack) -> None:
    """Not even to the call of the same thread, in the same execution environment."""
    mark = f"mark-{uuid.uuid4().hex}"
    code = f"""
import os, subprocess, sys, time
runtime = str(os.getppid())
open('/mnt/data/../../loose', 'w').write('loose')
if os.fork() == 0:
    os.setsid()
subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}, runtime])
"""
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(attack, code)
        deadline = time.monotonic() + 60
        while len(started := children_of_code(mark)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        [runtime] = {arguments[-1] for arguments in started.values()}
        os.kill(int(runtime), signal.SIGKILL)
        assert ran.result().logs == "The sandbox came to its end while the code ran."
    look = "import os\nprint(sorted(os.listdir(os.environ['SANDBOX_DATA'] + '/../..')))"
    assert "loose" not in attack(look).logs
    assert children_of_code(mark) == {}


def children_of_code(mark: str) -> dict[int, list[str]]:
    """The arguments of the programs that code has started with this mark among them, by process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            if mark in arguments:
                found[int(folder.name)] = arguments
    return found


def test_users_of_environments_are_counted_and_never_come_round(driver: Driver) -> None:
    """Whatever ids their processes get. Only root can give users away; otherwise all code runs as one's own user."""
    interpreters = [Interpreter(driver) for _ in range(MAX_IDLE_TENANTS + 2)]
    users = []
    for interpreter in [*interpreters, interpreters[0]]:  # The first one's environment is gone by its second call.
        users.append(int(interpreter.run("import os\nprint(os.getuid())").logs))
        for _ in range(20):
            subprocess.run(["/bin/true"], check=True)
    if os.getuid() != 0:
        assert set(users) == {os.getuid()}
        return
    assert len(set(users)) == len(users)
    assert all(0 < later - earlier < 10 for earlier, later in pairwise(users)), users


def test_two_emulators_give_away_different_users() -> None:
    first, second = (set(users_of(pid)) for pid in (1_000, 1_001))
    assert min(first) > 100_000
    assert not first & second
    assert max(users_of(MAX_EMULATORS - 1)) < 2**32 - 1


def test_a_call_after_all_of_this_works(driver: Driver) -> None:
    after = Interpreter(driver)
    assert after.run("import pandas as pd\nprint(pd.DataFrame({'a': [1, 2]}).a.sum())").logs == "3"
