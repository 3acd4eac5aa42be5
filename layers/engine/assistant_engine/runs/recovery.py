"""Recovers runs that do not move: starts or wakes their executions, settles them, or lets them expire."""

from typing import TYPE_CHECKING

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import next_look
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs import ending, executions, line
from assistant_engine.runs.outcome import MAX_LOOKS, MOVED, Moved
from assistant_engine.runtime import metrics
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.log import logger
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

LOST = {"code": "server_error", "message": "The execution of this run was stopped. Please try again."}


def recover(store: Store, step_functions: "SFNClient", thread_id: ThreadId, run_id: str, now: Seconds) -> None:
    """Look at a run that is due, and get it going again or end it, as its record says.

    Args:
        step_functions: the boto3 client.
        now: seconds since 1970.

    Raises:
        NotFound: there is no such run.
    """
    for _ in range(MAX_LOOKS):
        run = store.runs.get(thread_id, run_id)
        if is_terminal(run.status) or not isinstance(_recover(store, step_functions, run, now), Moved):
            return
    logger.info("run %s moves while it is looked at", run_id)


def count_stuck(run_id: str) -> None:
    """Count a run that did not move by itself."""
    metrics.emit({"RunsStuck": 1}, run_id=run_id)


def _recover(store: Store, step_functions: "SFNClient", run: Run, now: Seconds) -> Moved | None:
    if now >= (run.due_at if run.status == "cancelling" else run.expires_at):
        return _expire(store, step_functions, run)
    if run.line == "waiting" and (called := store.transitions.ends.call_first(run, now_ms())):
        line.call(store, run.thread_id, called)
        return MOVED
    # One that waits for its thread is woken by the run before it, and only looked after here.
    ready = run.status == "cancelling" or (run.status == "queued" and run.line != "waiting")
    awake = ready and executions.wake(step_functions, run)
    state = "RUNNING" if awake else executions.status(step_functions, run)
    if awake or state != "RUNNING":
        count_stuck(run.id)
    if state == "RUNNING":
        return None if run.status == "cancelling" else _postpone(store, run, now)
    if run.status == "queued":
        # Nobody started the execution, or it ended before it took the outputs: the record says where to go on.
        return executions.start(step_functions, store, run, now, again=state is not None)
    if isinstance(ending.finish(store, run, "failed", now_ms(), last_error=LOST), Moved):
        return MOVED
    logger.warning("run %s had lost its execution (%s)", run.id, state)
    return None


def _expire(store: Store, step_functions: "SFNClient", run: Run) -> Moved | None:
    """End a run whose execution had its time; what is still written by it has no effect."""
    if run.status != "cancelling":
        count_stuck(run.id)
    if isinstance(ending.finish(store, run, "expired", now_ms()), Moved):
        return MOVED
    executions.wake(step_functions, run)
    return None


def _postpone(store: Store, run: Run, now: Seconds) -> Moved | None:
    try:
        store.runs.postpone(run, next_look(run, now))
    except ConditionFailed:
        return MOVED
    return None
