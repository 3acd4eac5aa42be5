"""The executions of the state machine that drive runs: their names, and how they are started and woken."""

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assistant_engine.domain import ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds
from assistant_engine.domain.payloads import Execution, QueuedResult
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look
from assistant_engine.domain.thread import ThreadId, new_thread_id
from assistant_engine.runs.outcome import MOVED, Moved
from assistant_engine.runtime.settings import StateMachine, configured
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


def requested_ids(request: Any, execution: Execution) -> tuple[ThreadId, str]:
    """The ids of the thread and the run that an execution is about.

    The HTTP API names both. For a run request they follow from the execution's start time and ARN, so the same
    execution, delivered again, finds what it wrote before.

    Args:
        request: the execution's input, valid or not.
    """
    named = request if isinstance(request, dict) else {}
    thread_id, run_id = named.get("thread_id"), named.get("run_id")
    if isinstance(thread_id, str) and isinstance(run_id, str):
        return ThreadId(thread_id), run_id
    started = datetime.fromisoformat(execution["start_time"])
    run_id = ids.new_id("run_", Milliseconds(int(started.timestamp() * 1000)), seed=execution["arn"])
    return ThreadId(thread_id) if isinstance(thread_id, str) else new_thread_id(EPOCH, run_id), run_id


def known_run(request: Any) -> QueuedResult | None:
    """Return what `start` tells an execution of its run; None for a run request, and for executions of older code.

    Args:
        request: the execution's input, valid or not.
    """
    match request:
        case {"thread_id": str(thread_id), "run_id": str(run_id), "expires_at": int(expires_at), "turn": int(turn)}:
            return {"thread_id": ThreadId(thread_id), "run_id": run_id, "expires_at": expires_at, "turn": turn}
    return None


def execution_arn(run: Run) -> str:
    """The ARN of the execution that drives the run."""
    return configured(StateMachine).state_machine_arn.replace(":stateMachine:", ":execution:") + ":" + run.execution


def start(step_functions: "SFNClient", store: Store, run: Run, now: Seconds, *, again: bool = False) -> Moved | None:
    """Start the execution of a queued run, named after the run: started twice, it is one execution.

    Args:
        step_functions: the boto3 client.
        again: the execution that the run had has ended; another one takes over, from where the record stands.

    Returns:
        `MOVED` if someone else took over.
    """
    name = run.execution
    if again:
        name = f"{run.id}-{run.attempts + 1}"
        try:
            run = store.runs.hand_over(run, name, first_look(now))
        except ConditionFailed:
            return MOVED
    data = json.dumps({"thread_id": run.thread_id, "run_id": run.id, "expires_at": run.expires_at, "turn": run.turn})
    # If it has run already, what it did is in the record.
    with suppress(step_functions.exceptions.ExecutionAlreadyExists):
        step_functions.start_execution(
            stateMachineArn=configured(StateMachine).state_machine_arn, name=name, input=data
        )
    return None


def status(step_functions: "SFNClient", run: Run) -> str | None:
    """Return the status of the run's execution, None if there is none.

    Args:
        step_functions: the boto3 client.
    """
    try:
        described = step_functions.describe_execution(executionArn=execution_arn(run))
    except step_functions.exceptions.ExecutionDoesNotExist:
        return None
    found: str = described["status"]
    return found


def wake(step_functions: "SFNClient", run: Run) -> bool:
    """Wake the execution that waits in `requires_action`; whether one waited.

    The token only wakes it: what it finds is in the record, which is written already.

    Args:
        step_functions: the boto3 client.
    """
    if run.task_token is None:
        return False
    errors = step_functions.exceptions
    try:
        step_functions.send_task_success(taskToken=run.task_token, output="{}")
    except (errors.TaskTimedOut, errors.TaskDoesNotExist, errors.InvalidToken):
        return False  # It went on by itself: the wait timed out, or someone else woke it.
    return True
