"""Carries out what a client asks of runs, and tells their executions.

What is asked for is in the record first. If an execution is not told, the sweeper tells it within a minute, so the
record is the answer.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.runs import control, creation, executions
from assistant_engine.runtime.clock import now_ms as clock
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.store import Idempotency, Store

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


def start(
    store: Store,
    request: Json,
    now_ms: Milliseconds,
    *,
    thread: Thread | None = None,
    idempotency: Idempotency | None = None,
) -> Run:
    """Create a run and start its execution; see `creation.create` for what it takes and raises."""
    run = creation.create(store, request, now_ms, thread=thread, idempotency=idempotency)
    try:
        executions.start(_step_functions(), store, run, seconds_of(clock()))
    except Exception as error:
        logger.warning("run %s is not started yet: %s", run.id, fault_of(error).where)
    return run


def submit_tool_outputs(
    store: Store,
    thread_id: ThreadId,
    run_id: str,
    tool_outputs: list[Json],
    now_ms: Milliseconds,
    *,
    streams: bool = False,
) -> Run:
    """Take the client's outputs and wake the execution; see `control.submit_tool_outputs`."""
    run = control.submit_tool_outputs(store, thread_id, run_id, tool_outputs, now_ms, streams=streams)
    _wake(run)
    return run


def cancel(store: Store, thread_id: ThreadId, run_id: str, now: Seconds) -> Run:
    """Ask for the run to be cancelled and wake the execution; see `control.cancel`."""
    run = control.cancel(store, thread_id, run_id, now)
    _wake(run)
    return run


def _wake(run: Run) -> None:
    try:
        executions.wake(_step_functions(), run)
    except Exception as error:
        logger.warning("run %s is not awake yet: %s", run.id, fault_of(error).where)


@cache
def _step_functions() -> "SFNClient":
    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=2, read_timeout=5)
    client: SFNClient = boto3.client("stepfunctions", config=config)
    return client
