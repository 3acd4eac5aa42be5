"""Distributes test files over xdist's workers, and gives each worker the checks of its own session last.

A worker keeps one stack for all of its files. What the whole session left behind there can be checked by this worker
alone, and only after its last file. So such a check (mark `session`) is collected once for each worker that has a
stack, as `test_...[gw1]`, `test_...[gw2]`, and goes to the worker that it is named after.

The first half of the workers (of three, one) run the files that need no stack, and deploy none. These files mostly
compute, and those that drive a stack often wait for it, so the two kinds side by side keep the processor busy. Workers
with a stack that have run all files that need one take some of the others.
"""

import re

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ONE_UNIT = ("tests/infrastructure/",)
"""Folders whose files share what takes long to make: one worker runs them all."""

WITHOUT_STACK = re.compile(
    r"tests/(infrastructure|transfer|unit)/|tests/local/(?!test_(environments|patches_(isolation|snap_start|streaming)))"
    r"|tests/e2e/test_(life|moving|upgrade)\.|tests/faults/test_(assets|front_door|locks|make|terminal)\."
)
"""Matches the test files that don't use the session's stack; `tests/conftest.py` refuses a test that does."""

_OF_A_SESSION = re.compile(r"^tests/session/.*\[(\w+)\]$")


def workers(config: pytest.Config) -> list[str]:
    """Return the names of the workers that have a stack; of one process, its own."""
    if not hasattr(config, "workerinput"):
        return ["master"]
    count = config.workerinput["workercount"]
    return [name for name in (f"gw{number}" for number in range(count)) if has_stack(name, count)]


def has_stack(worker: str, count: int) -> bool:
    """Return whether a worker, of so many, has a stack."""
    return int(worker.removeprefix("gw")) >= count // 2


class SessionsLast(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Schedules by file, as `--dist loadfile` does, or by folder; a unit named after a worker is that worker's last."""

    def _split_scope(self, nodeid: str) -> str:
        if found := _OF_A_SESSION.match(nodeid):
            return found[1]
        return next((folder for folder in ONE_UNIT if nodeid.startswith(folder)), str(super()._split_scope(nodeid)))

    def _next(self, node: WorkerController) -> str | None:
        own = node.gateway.id
        files = [unit for unit in self.workqueue if "/" in unit or unit.endswith(".py")]
        without_stack = (file for file in files if WITHOUT_STACK.match(file))
        if not has_stack(own, self.numnodes):
            return next(without_stack, None)
        with_stack = (file for file in files if not WITHOUT_STACK.match(file))
        return next(with_stack, None) or next(without_stack, own if own in self.workqueue else None)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if unit := self._next(node):
            self.workqueue.move_to_end(unit, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._next(node) or node.shutting_down:
            super()._reschedule(node)
        else:
            node.shutdown()

    def remove_node(self, node: WorkerController) -> str | None:
        crashed: str | None = super().remove_node(node)
        self.workqueue.pop(node.gateway.id, None)  # Its stack has gone with it.
        for other in self.nodes:
            self._reschedule(other)
        return crashed
