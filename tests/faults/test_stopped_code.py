"""Code whose run was cancelled, has expired or has failed: it is dead soon, and its thread is as it was before."""

import json
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs import creation
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Window
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

Limit = dict[str, int]

CODE_SECONDS = 60
PATIENCE = 25
"""Seconds after the end of its run in which code must be dead. Left alone, it would live for far longer."""

CODE = """
kept = 'lost'
open('/mnt/data/MARK.txt', 'w').write('lost')
import subprocess, sys, time
child = [sys.executable, '-c', 'import time; time.sleep(60)', 'MARK']
if __import__('os').fork() == 0:
    __import__('os').setsid()
subprocess.run(child)
time.sleep(60)
"""


def begin(driver: Driver, code: str, thread_id: ThreadId | None = None, **more: int) -> Run:
    """Start a run whose model calls the code interpreter once, on a new thread or on one that is there."""
    messages = [{"role": "user", "content": f"call code_interpreter {json.dumps({'code': code})}"}]
    assistant = driver.assistant(functions=[], tools=[{"type": "code_interpreter"}])
    request = {"assistant_id": assistant, "additional_messages": messages, **more}
    thread = driver.store.threads.get(thread_id) if thread_id else None
    run = creation.create(driver.store, request, now_ms(), thread=thread)
    driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    return run


def printed(driver: Driver, run: Run) -> str:
    """Return what the code of a run that completed printed."""
    driver.ended(run, "completed")
    [output] = [
        call["code_interpreter"]["outputs"][0]["logs"]
        for step in driver.steps(run.thread_id, run.id)
        for call in step["step_details"].get("tool_calls", [])
    ]
    return str(output)


def processes_of(mark: str) -> list[int]:
    """The processes that code with this mark has started, and those that they are children of."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "cmdline").read_bytes().decode(errors="replace").split("\0"):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                found |= {int(folder.name), int(parent)}
        except OSError:
            continue
    return sorted(found)


@dataclass(frozen=True)
class AtWork:
    """A run whose code is at work.

    Attributes:
        head: of its thread's session, before the run.
        processes: that its code is and has started.
        began: when they were there.
    """

    run: Run
    mark: str
    head: object
    processes: list[int]
    began: float


def at_work(driver: Driver, limits: Sequence[Limit]) -> AtWork:
    """Have code at work in a thread where other code has run before.

    Args:
        limits: what the run is given; another run gets the next, if the first ends before its code is at work.
    """
    before = begin(driver, "kept = 'kept'\nprint(kept)")
    assert printed(driver, before).strip() == "kept"
    head = driver.store.sessions.head(before.thread_id)
    for limit in limits:
        mark = f"mark-{uuid.uuid4().hex}"
        run = begin(driver, CODE.replace("MARK", mark), before.thread_id, **limit)
        deadline = time.monotonic() + 60
        while len(processes := processes_of(mark)) < 4:
            found = driver.store.runs.get(run.thread_id, run.id)
            assert time.monotonic() < deadline, found
            if is_terminal(found.status):
                break
            time.sleep(0.05)
        else:
            return AtWork(run, mark, head, processes, time.time())
    raise AssertionError(f"no code at work: {found}")


@pytest.fixture(scope="module")
def working(driver: Driver) -> dict[str, AtWork]:
    """Have code at work in three threads at once, so that the tests wait for it once; by how each run is to end."""
    with ThreadPoolExecutor(len(ENDS)) as pool:
        begun = {status: pool.submit(at_work, driver, limits) for status, (_, limits) in ENDS.items()}
        return {status: found.result() for status, found in begun.items()}


def abort(driver: Driver, run: Run) -> None:
    driver.step_functions.stop_execution(executionArn=driver.execution(run))


def nothing(driver: Driver, run: Run) -> None:
    pass


ENDS: dict[str, tuple[Callable[[Driver, Run], object], list[Limit]]] = {
    "cancelled": (Driver.cancel, [{}]),
    "failed": (abort, [{}]),
    "expired": (nothing, [{"expires_after": 8}, {"expires_after": 20}]),
}
"""How runs end: what is done to them, and what limits them."""


@pytest.mark.parametrize("status", ENDS)
def test_code_is_dead_when_its_run_has_ended(driver: Driver, working: dict[str, AtWork], status: str) -> None:
    run, mark, processes = working[status].run, working[status].mark, working[status].processes
    end, limits = ENDS[status]
    end(driver, run)
    ended = driver.ended(run, status, seconds=PATIENCE + limits[-1].get("expires_after", 0))
    over = ended.expires_at if status == "expired" else time.time()
    alive = processes
    while alive and time.time() < over + PATIENCE:
        time.sleep(0.05)
        alive = [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert alive == []
    assert time.time() - working[status].began < CODE_SECONDS

    assert driver.store.sessions.head(run.thread_id) == working[status].head
    names = [file["filename"] for file in driver.store.files.page(Window(limit=100, order="desc")).objects]
    assert f"{mark}.txt" not in names
    after = begin(driver, "import os\nprint(kept, os.listdir('/mnt/data'))", run.thread_id)
    assert printed(driver, after).strip() == "kept []"
