"""Distributes test files over xdist's workers, and gives each worker the checks of its own session last.

A worker keeps one stack for all of its files. What the whole session left behind there can be checked by this worker
alone, and only after its last file. So such a check (mark `session`) is collected once for each worker, as
`test_...[gw0]`, `test_...[gw1]`, and goes to the worker that it is named after.
"""

import re

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ONE_UNIT = ("tests/infrastructure/",)
"""Folders whose files share what takes long to make: one worker runs them all."""

_OF_A_SESSION = re.compile(r"^tests/session/.*\[(\w+)\]$")


def workers(config: pytest.Config) -> list[str]:
    """Return the names of the workers that share the tests; of one process, its own."""
    if not hasattr(config, "workerinput"):
        return ["master"]
    return [f"gw{number}" for number in range(config.workerinput["workercount"])]


class SessionsLast(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Schedules by file, as `--dist loadfile` does, or by folder; a unit named after a worker is that worker's last."""

    def _split_scope(self, nodeid: str) -> str:
        if found := _OF_A_SESSION.match(nodeid):
            return found[1]
        return next((folder for folder in ONE_UNIT if nodeid.startswith(folder)), str(super()._split_scope(nodeid)))

    def _next(self, node: WorkerController) -> str | None:
        own = node.gateway.id
        files = (unit for unit in self.workqueue if "/" in unit or unit.endswith(".py"))
        return next(files, own if own in self.workqueue else None)

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
