"""`queued`: takes the run that the HTTP API created, or creates the one that a run request asks for."""

from typing import Any

from assistant_engine.domain.payloads import Execution, QueuedEvent, QueuedResult
from assistant_engine.domain.run import Run
from assistant_engine.runs import creation, executions, line
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import NothingToWaitFor
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Queued
from assistant_engine.store import Idempotency, Replayed
from assistant_engine.store.shared import store


@lambda_handler(Queued)
def handler(event: QueuedEvent) -> QueuedResult:
    """Find or create the run; with a token, let it wait for its thread.

    Raises:
        InvalidRequest: the request is wrong; nothing was written.
        NothingToWaitFor: the run's turn has come, or it was cancelled or has ended.
    """
    thread_id, run_id = executions.requested_ids(event["request"], event["execution"])
    if "token" in event and not line.wait(store(), thread_id, run_id, event["token"]):
        raise NothingToWaitFor
    run = store().runs.find(thread_id, run_id) or _requested_run(event["request"], event["execution"], run_id)
    return {"thread_id": run.thread_id, "run_id": run.id, "expires_at": run.expires_at, "turn": run.turn}


def _requested_run(request: Any, execution: Execution, run_id: str) -> Run:
    # Only run requests need the schemas; executions of the HTTP API's runs start faster without them.
    from assistant_engine.schemas import RunRequest, parse

    valid = parse(RunRequest, request)
    # Step Functions adds this where it is asked to; two deliveries of one request differ in it.
    valid = {name: value for name, value in valid.items() if not name.startswith("AWS_STEP_FUNCTIONS_")}
    key = valid.get("idempotency_key")
    project = creation.requested_project(store(), valid)
    thread = store(project).threads.get(valid["thread_id"]) if "thread_id" in valid else None
    try:
        run = creation.create(
            store(project),
            valid,
            now_ms(),
            thread=thread,
            run_id=run_id,
            execution=execution["name"],
            answers_in_output=True,
            idempotency=Idempotency(f"run-request#{project}#{key}", valid) if key else None,
        )
    except Replayed as before:
        store(project).threads.get(before.made["thread_id"])  # A deleted thread's run is no answer.
        run = store(project).runs.get(before.made["thread_id"], before.made["id"])
    # The execution bears the name that its caller gave it; the line tells a query which one to look for.
    logger.info("run %s of %s is asked for by execution %s", run.id, run.thread_id, execution["name"])
    return run
