"""Hostile code in the sandbox harms nothing outside its own call, and the next call works.

Each test runs its code in a thread that has something to lose, and then sees that the thread has it still, that its
sandbox runs on, that another thread's works too, and that nothing which the code started is alive.
"""

from tests.support.attacks import Attack
from tests.support.driver import Driver
from tests.support.interpreter import Interpreter


def test_a_fork_bomb(attack: Attack) -> None:
    code = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    # Without control groups, memory that processes share counts for each of them: a bomb may reach that limit first.
    assert attack(code, seconds=1).logs in (
        "The code was stopped: it took longer than 1 s.",
        "The code was stopped: it took more than 1536 MB of memory.",
    )


def test_a_memory_hog(attack: Attack) -> None:
    ran = attack("hog = []\nwhile True:\n    hog.append(bytearray(32 << 20))")
    assert "MemoryError" in ran.logs


def test_many_processes_that_hog_memory_together(attack: Attack) -> None:
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        break
block = bytearray(400 << 20)
block[::4096] = b'x' * len(block[::4096])
time.sleep(600)
"""
    assert attack(code).logs == "The code was stopped: it took more than 1536 MB of memory."


def test_an_endless_loop(attack: Attack) -> None:
    code = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
    assert attack(code, seconds=1).logs == "The code was stopped: it took longer than 1 s."


def test_a_file_of_a_gigabyte(attack: Attack) -> None:
    ran = attack(
        "block = bytes(1 << 20)\nwith open('/mnt/data/large', 'wb') as file:\n    for _ in range(1024):\n"
        "        file.write(block)"
    )
    assert "OSError: [Errno 27] File too large" in ran.logs
    code = """
import itertools
block = bytes(64 << 20)
for number in itertools.count():
    with open(f'/mnt/data/{number}', 'wb') as file:
        file.write(block)
"""
    assert attack(code).logs == "The code was stopped: it wrote more than 1024 MB, or too many files."


def test_a_hundred_thousand_files_and_a_bottomless_folder(attack: Attack) -> None:
    code = """
import os
os.mkdir('/mnt/data/bottomless')
os.chdir('/mnt/data/bottomless')
for _ in range(3_000):
    os.mkdir('d' * 50)
    os.chdir('d' * 50)
    os.chmod('..', 0)
"""
    assert "Error" not in attack(code).logs
    code = "import itertools\nfor number in itertools.count():\n    open(f'/mnt/data/{number}', 'w').close()"
    assert attack(code).logs == "The code was stopped: it wrote more than 1024 MB, or too many files."


def test_reading_the_environment(attack: Attack) -> None:
    code = """
import os
print(sorted(os.environ))
for pid in ('self', os.getppid()):
    try:
        lines = open(f'/proc/{pid}/environ').read().split('\\0')
        print([line for line in lines if line.startswith(('AWS_', '_', 'LIMITS'))])
    except OSError as error:
        print(type(error).__name__)
"""
    names, own, runtime = attack(code).logs.splitlines()
    assert names == str(
        [
            *("HOME", "JOBLIB_MULTIPROCESSING", "LANG", "LD_LIBRARY_PATH", "LD_PRELOAD", "MPLBACKEND"),
            *("MPLCONFIGDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_THREAD_TIMEOUT", "PATH"),
            *("PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONNOUSERSITE", "PYTHONPATH"),
            *("SANDBOX_DATA", "SANDBOX_FIGURES", "TMPDIR", "TZ"),
        ]
    )
    assert (own, runtime) == ("[]", "PermissionError")


def test_sockets(attack: Attack) -> None:
    code = """
import ctypes, os, socket, subprocess, sys, urllib.request
families = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 40)
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
for family in families:
    for kind in kinds:
        try:
            socket.socket(family, kind)
            print('a socket', family, kind)
        except PermissionError:
            pass
for attempt in (
    lambda: urllib.request.urlopen('http://169.254.169.254/latest/meta-data', timeout=3),
    lambda: socket.getaddrinfo('example.com', 443),
):
    try:
        print('reached', attempt())
    except OSError:
        pass
program = "import socket; socket.socket()"
print(subprocess.run([sys.executable, '-c', program], capture_output=True, text=True).stderr.splitlines()[-1])
libc = ctypes.CDLL(None, use_errno=True)
print(libc.socket(2, 1, 0), ctypes.get_errno(), libc.syscall(425, 8, bytes(200)), ctypes.get_errno())
left, right = socket.socketpair()
left.send(b'local ones work')
print(right.recv(99).decode())
del libc, left, right
"""
    assert attack(code).logs.splitlines() == [
        "PermissionError: [Errno 1] Operation not permitted",
        "-1 1 -1 1",
        "local ones work",
    ]


def test_looking_through_proc(attack: Attack) -> None:
    code = """
import ctypes, os
runtime = os.getppid()
for name in ('environ', 'mem', 'maps', 'fd', 'cwd', 'auxv', 'io'):
    path = f'/proc/{runtime}/{name}'
    try:
        look = {'fd': os.listdir, 'cwd': os.readlink}.get(name, open)
        print(name, look(path))
    except OSError as error:
        print(name, type(error).__name__)
libc = ctypes.CDLL(None, use_errno=True)
for number, call in enumerate((
    lambda: libc.ptrace(16, runtime, 0, 0),
    lambda: libc.process_vm_readv(runtime, 0, 0, 0, 0, 0),
    lambda: libc.syscall(434, runtime, 0),
)):
    print(number, call(), os.strerror(ctypes.get_errno()))
del libc, call
"""
    assert attack(code).logs.splitlines() == [
        *(f"{name} PermissionError" for name in ("environ", "mem", "maps", "fd", "cwd", "auxv", "io")),
        *(f"{number} -1 Operation not permitted" for number in range(3)),
    ]


def test_searching_for_other_threads_files(attack: Attack) -> None:
    code = """
import os, pathlib
start = pathlib.Path(os.environ['SANDBOX_DATA'], 'any')
found = []
for place in {*start.parents, pathlib.Path('/dev/shm'), pathlib.Path('/var')} - {pathlib.Path('/')}:
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in ('python', 'site-packages')][:200]
        found += [name for name in files if 'victim' in name]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if os.path.getsize(path) < 100_000 and b'victim-' + b'secret' in open(path, 'rb').read():
                    found.append(path)
            except OSError:
                pass
print(found)
"""
    assert attack(code).logs == "[]"


def test_tampering_with_what_runs_the_code(attack: Attack) -> None:
    code = """
import builtins, io, json, os, pickle, signal, sys
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'forged' * 1000)
    except OSError:
        pass
for victim in (os.getppid(), -1, 1, -os.getpgid(os.getppid())):
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
        try:
            os.kill(victim, number)
            print('signalled', victim)
        except (PermissionError, ProcessLookupError):
            pass
os.chdir('/mnt/data')
folder = os.path.dirname(os.environ['SANDBOX_FIGURES'])
for name, target in (('figures', '/etc'), ('variables', '/etc/passwd'), ('data', f'/proc/{os.getppid()}')):
    os.rename(f'{folder}/{name}', f'{folder}/{name}.old')
    os.symlink(target, f'{folder}/{name}')
os.mkfifo(f'{folder}/data.old/pipe')
os.symlink('/etc/passwd', f'{folder}/data.old/passwd.png')
for module in (pickle, json, os, io, sys):
    for name in list(vars(module)):
        if not name.startswith('__') and name not in ('_exit', 'getpid'):
            setattr(module, name, None)
sys_modules = None
"""
    ran = attack(code)
    assert (ran.figures, ran.files) == ([], {})
    assert "signalled" not in ran.logs
    assert "root:" not in ran.logs


def test_a_poisoned_session_poisons_only_itself(driver: Driver, victim: Interpreter) -> None:
    poisoned = Interpreter(driver)
    poisoned.run(
        """
class Poison:
    def __reduce__(self):
        return print, ("unpickled in the sandbox, as user", )
poison = Poison()
"""
    )
    assert poisoned.run("print(1)").logs.startswith("unpickled in the sandbox, as user\n1")
    forged = (
        "import os\nfile = os.path.dirname(os.environ['SANDBOX_DATA']) + '/variables'\nopen(file, 'wb').write(b'junk')"
    )
    assert poisoned.run(f"{forged}\nos._exit(0)").logs == ""
    assert "[the variables of the calls before are lost:" in poisoned.run("print(2)").logs
    assert poisoned.run("print(3)").logs == "3"
    assert victim.run("secret").logs == "'victim-secret'"


def test_a_daemon_left_behind_that_polls_the_runtime_s_api(attack: Attack) -> None:
    code = """
import os, time
daemon = '''
import os, signal, time, urllib.request
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    open("/mnt/data/beat.txt", "a").write("x")
    try: urllib.request.urlopen("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", timeout=1)
    except OSError as error: print(error, file=open(f"/mnt/data/{os.getpid()}.new", "w"), flush=True)
    os.rename(f"/mnt/data/{os.getpid()}.new", "/mnt/data/answer.txt")
    if os.fork(): os._exit(0)
'''
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(1)
            os.close(2)
            exec(daemon)
        os._exit(0)
while not os.path.exists('/mnt/data/answer.txt'):
    time.sleep(0.05)
print('left behind')
"""
    ran = attack(code)
    assert ran.logs.startswith("left behind")
    look = "print(open('/mnt/data/answer.txt').read(), len(open('/mnt/data/beat.txt').read()) > 0)"
    assert attack(look).logs == "<urlopen error [Errno 1] Operation not permitted>\n True"
