"""The line of runs that wait for a busy thread: each waits with a task token until the run before it has ended.

The transaction that ends a run gives the thread to the first in the line. The token only wakes that one: what it finds
is in the record.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3

from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs import executions
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


def wait(store: Store, thread_id: ThreadId, run_id: str, task_token: str) -> bool:
    """Let a run wait for its thread, if it has to; return whether it waits.

    Args:
        task_token: wakes its execution.

    Raises:
        NotFound: there is no such run.
    """
    run = store.runs.get(thread_id, run_id)
    try:
        store.transitions.wait_for_thread(run, task_token)
    except ConditionFailed:
        return False  # Its turn has come, or it was cancelled or has ended.
    return True


def call(store: Store, thread_id: ThreadId, run_id: str) -> None:
    """Wake a run whose turn has come. One that does not wait yet finds that out by itself."""
    try:
        executions.wake(_step_functions(), store.runs.get(thread_id, run_id))
    except Exception as error:
        # It holds the thread, which is in the record; the sweeper wakes it within a minute.
        logger.warning("run %s is not called yet: %s", run_id, fault_of(error).where)


def call_again(store: Store, thread_id: ThreadId) -> None:
    """Wake the run that was given the thread, if whoever gave it died before waking it."""
    holder = store.threads.get_head(thread_id).active_run
    if holder and store.runs.get(thread_id, holder).line == "called":
        call(store, thread_id, holder)


@cache
def _step_functions() -> "SFNClient":
    client: SFNClient = boto3.client("stepfunctions")
    return client
