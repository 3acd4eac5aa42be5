"""The sandbox finds its own processes, with the kernel's lists of children and without them."""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import process_table

MARK = 412_345
STARTED = f"""
import os, resource, subprocess, sys, threading
resource.setrlimit(resource.RLIMIT_MSGQUEUE, ({MARK}, {MARK}))
waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
started = []
# The kernel lists a child at the thread that started it.
ends = threading.Event()
thread = threading.Thread(target=lambda: (started.append(subprocess.Popen(waits)), ends.wait()))
thread.start()
started.append(subprocess.Popen(waits, start_new_session=True))
while len(started) < 2:
    pass
dead = os.fork()
if dead == 0:
    os._exit(0)
os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
print(*(each.pid for each in started), dead, flush=True)
sys.stdin.read()
ends.set()
"""


@pytest.fixture(scope="module")
def family() -> Iterator[tuple[int, set[int], int]]:
    """A process, what it started, and the one of these that is dead."""
    command = [sys.executable, "-c", STARTED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        pids = [int(word) for word in process.stdout.readline().split()]
        yield process.pid, set(pids), pids[-1]


@pytest.mark.parametrize("lists_children", [True, False])
def test_descendants(family: tuple[int, set[int], int], lists_children: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    root, started, _ = family
    exists = os.path.exists
    assert exists(f"/proc/{root}/task/{root}/children")
    monkeypatch.setattr(os.path, "exists", lambda path: lists_children and exists(path))
    assert set(process_table.descendants(root, left_out=0)) == started
    assert {root, *started} <= set(process_table.descendants(os.getpid(), left_out=0))
    assert not started & set(process_table.descendants(os.getpid(), left_out=root))


def test_marked(family: tuple[int, set[int], int]) -> None:
    root, started, dead = family
    assert set(process_table.marked(MARK)) == {root, *started} - {dead}
    own = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[0]
    assert os.getpid() not in process_table.marked(own)


def test_threads_count_as_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "_pids", lambda: [os.getpid()])
    before, ends = process_table.tasks(), threading.Event()
    threads = [threading.Thread(target=ends.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert process_table.tasks() == before + 3
    ends.set()
    for thread in threads:
        thread.join()
