"""A thread, as the domain works on it."""

from typing import NamedTuple, NewType

from assistant_engine.domain import ids, tool_resources
from assistant_engine.domain.clock import EPOCH, Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.tool_resources import shown
from assistant_engine.domain.usage import NANODOLLARS, Usage

ThreadId = NewType("ThreadId", str)
"""The id of a thread that was read for whoever asks. What lies in a thread is read by such an id alone.

A caller's text becomes one by `store.threads.get`, which finds the threads of the caller's project. The state machine's
own data and the records of the store name threads whose runs were let in before.
"""


class Thread(NamedTuple):
    """The head of a thread: what the API shows of it, the lock, and the clock of its ids.

    Attributes:
        last_ms: the time part of the newest id in the thread, in milliseconds.
        active_run: the run that holds the lock, or None.
        runs, usage, cost: totals of all ended runs; cost in billionths of a US dollar.
        unpriced_runs: ended runs whose model has no price, so that `cost` is without them.
        read_ms: the time part of the newest id when the newest run was created.
        line: the runs that wait for the lock, first come first.
    """

    id: ThreadId
    created_at: int
    metadata: dict[str, str]
    tool_resources: Json
    last_ms: Milliseconds
    active_run: str | None = None
    runs: int = 0
    usage: Usage = Usage()
    cost: int = 0
    unpriced_runs: int = 0
    read_ms: Milliseconds = EPOCH
    line: tuple[str, ...] = ()

    def line_without(self, run_id: str) -> list[str]:
        """Return who waits once a run has ended: the first is called, if the run held the lock."""
        return [each for each in self.line if each != run_id]

    def next_ms(self, now_ms: Milliseconds) -> Milliseconds:
        """Return the time part of the next id in the thread: now, or just after the newest id if that is later."""
        return Milliseconds(max(now_ms, self.last_ms + 1))

    def api(self) -> Json:
        """`ThreadObject`, with the extensions `usage` and `cost` (US dollars)."""
        return {
            "id": self.id,
            "object": "thread",
            "created_at": self.created_at,
            "metadata": self.metadata,
            "tool_resources": shown(self.tool_resources),
            "usage": self.usage.api(),
            "cost": None if self.unpriced_runs else self.cost / NANODOLLARS,
        }


def new_thread_id(now_ms: Milliseconds, run_id: str) -> ThreadId:
    """Make the id of a new thread; the same one each time for a run whose id is given."""
    return ThreadId(ids.new_id("thread_", ids.milliseconds_of(run_id) if run_id else now_ms, seed=run_id or None))


def new_thread(request: Json, thread_id: ThreadId, now_ms: Milliseconds) -> tuple[Thread, list[Json]]:
    """Make a thread and its first messages (without ids) from a valid `CreateThreadRequest`."""
    now = seconds_of(now_ms)
    messages = [new_message(message, now) for message in request.get("messages") or []]
    resources = tool_resources.stored(request.get("tool_resources"))
    thread = Thread(
        id=thread_id,
        created_at=now,
        metadata=request.get("metadata") or {},
        tool_resources=tool_resources.with_attachments(resources, messages),
        last_ms=now_ms,
    )
    return thread, messages
