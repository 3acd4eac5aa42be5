"""The sweeper: starts, wakes, settles or expires runs that do not move, removes what deleted threads left, and hands
to the ingestion what of vector stores is due.

Every minute it queries the index of open runs for those that are due; when AWS reports that an execution ended badly,
it looks at that execution's run at once. The index lags a little; what is done is decided from the record.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import boto3

from assistant_engine.domain.clock import Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import next_look
from assistant_engine.resources import ingestion
from assistant_engine.runs import ending, executions
from assistant_engine.runtime import metrics
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.shared import store

LOST = {"code": "server_error", "message": "The execution of this run was stopped. Please try again."}


@lambda_handler
def handler(event: Json) -> Json:
    """Look at the runs that are due, or at the one that the event names.

    Args:
        event: `{}` from the schedule, or `{"name", "status"}` of an execution that ended badly.

    Returns:
        `{"swept"}`: how many runs were looked at. One that can't be swept now is due again the next minute.
    """
    now = seconds_of(now_ms())
    swept = 0
    for thread_id, run_id in store().runs.open(now, execution=event.get("name")):
        if not _guarded(f"run {run_id}", partial(_sweep, thread_id, run_id, now)):
            _count_stuck(run_id)
        swept += 1
    for thread_id in store().threads.tombstones(now):
        _guarded(f"thread {thread_id}", partial(store().threads.bury, thread_id))
    for what, see_to in ingestion.sweep(store(), now):
        _guarded(what, see_to)
    return {"swept": swept}


def _guarded(what: str, work: Callable[[], None]) -> bool:
    """One that can't be swept must not keep the others waiting; whether it could."""
    try:
        for _ in range(3):
            with suppress(ConditionFailed):  # It moved while it was swept: where it is now decides.
                work()
                return True
        logger.info("%s moves while it is swept", what)
        return True
    except Exception as error:
        logger.error("%s is not swept: %s", what, fault_of(error).where)
        return False


def _sweep(thread_id: str, run_id: str, now: Seconds) -> None:
    run = store().runs.get(thread_id, run_id)
    if run.status in TERMINAL:
        return
    if now >= (run.due_at if run.status == "cancelling" else run.expires_at):
        # Whoever drives it had its time; what is still written by it has no effect.
        if run.status != "cancelling":
            _count_stuck(run.id)
        ending.finish(store(), run, "expired", now_ms())
        executions.wake(_step_functions(), run)
        return
    awake = run.status in ("queued", "cancelling") and executions.wake(_step_functions(), run)
    state = "RUNNING" if awake else _execution_status(run)
    if awake or state != "RUNNING":
        _count_stuck(run.id)
    if state == "RUNNING":
        if run.status != "cancelling":
            store().runs.postpone(run, next_look(run, now))
    elif run.status == "queued":
        # Nobody started the execution, or it ended before it took the outputs: the record says where to go on.
        executions.start(_step_functions(), store(), run, now, again=state is not None)
    else:
        ending.finish(store(), run, "failed", now_ms(), last_error=LOST)
        logger.warning("run %s had lost its execution (%s)", run.id, state)


def _count_stuck(run_id: str) -> None:
    metrics.emit({"RunsStuck": 1}, run_id=run_id)


def _execution_status(run: Run) -> str | None:
    """The status of the run's execution, None if there is none."""
    try:
        described = _step_functions().describe_execution(executionArn=executions.execution_arn(run))
    except _step_functions().exceptions.ExecutionDoesNotExist:
        return None
    status: str = described["status"]
    return status


@cache
def _step_functions() -> Any:
    return boto3.client("stepfunctions", region_name=os.environ["AWS_REGION"])
