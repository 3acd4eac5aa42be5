"""Reads from the record what was said in a thread, for examples of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from assistant_engine.domain import builtin_tools
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.fine_tuning import LeftOut, Reason, Taken, check
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store import Store

MAX_MESSAGES = 10_000
"""Messages of a thread that is exported: nobody learns from a line of more."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: runs of an assistant that ended in a time.

    Attributes:
        start_ms, end_ms: from, included; to, not included.
    """

    assistant_id: str
    start_ms: Milliseconds
    end_ms: Milliseconds


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread, with those of its runs that are asked for.

    Attributes:
        said: its messages (`MessageObject`), in order.
        runs: that can be learned from, in order.
        left_out: why others can't, by their ids.
    """

    thread_id: ThreadId
    said: list[Json] = field(default_factory=list)
    runs: list[Taken] = field(default_factory=list)
    left_out: dict[str, Reason] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """How many runs are asked for."""
        return len(self.runs) + len(self.left_out)


def read(store: Store, thread_id: ThreadId, run_ids: Iterable[str], window: Window) -> Conversation:
    """Read a thread, and of these runs those that are the assistant's and ended in the window.

    A thread that was deleted, or belongs to another project, has none.
    """
    found = Conversation(thread_id)
    runs = [run for run in (store.runs.find(thread_id, name) for name in sorted(run_ids)) if run]
    wanted = [run for run in runs if _is_wanted(store, run, window)]
    if not wanted:
        return found
    try:
        store.threads.get(thread_id)
    except NotFound:
        return found
    said = store.messages.whole(thread_id, MAX_MESSAGES)
    found.said.extend(said)
    for run in wanted:
        try:
            if len(said) > MAX_MESSAGES:
                raise LeftOut("too_large")
            taken = _taken(store, run)
            check(taken, said)
            found.runs.append(taken)
        except LeftOut as why:
            found.left_out[run.id] = why.reason
    return found


def _is_wanted(store: Store, run: Run, window: Window) -> bool:
    ended = window.start_ms <= (run.ended_ms or -1) < window.end_ms
    return ended and (run.assistant_id, run.project) == (window.assistant_id, store.project)


def _taken(store: Store, run: Run) -> Taken:
    if run.status != "completed":
        raise LeftOut("not_completed")
    turns = store.runs.turns(run)
    if not turns:
        if run.account.tool_calls:
            raise LeftOut("imported_tools")
        return Taken(run.id, run.settings, [], [])
    steps = store.steps.tool_steps(run) if len(turns) > 1 else []
    outputs, _ = builtin_tools.tell([step.calls for step in steps], store.steps.output_texts(steps))
    if len(outputs) != len(turns) - 1:
        raise LeftOut("hosted_tool")
    return Taken(run.id, run.settings, turns, outputs)
