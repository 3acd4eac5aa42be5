"""`queued`: takes the run that the HTTP API created, or creates the one that a run request asks for."""

from assistant_engine.domain.payloads import QueuedEvent, QueuedResult
from assistant_engine.runs import executions, line
from assistant_engine.runtime.faults import NothingToWaitFor
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.settings import Queued
from assistant_engine.store.shared import store


@lambda_handler(Queued, store)
def handler(event: QueuedEvent) -> QueuedResult:
    """Find or create the run; with a token, let it wait for its thread.

    Raises:
        InvalidRequest: the request is wrong; nothing was written.
        NothingToWaitFor: the run's turn has come, or it was cancelled or has ended.
    """
    thread_id, run_id = executions.requested_ids(event["request"], event["execution"])
    if "token" in event and not line.wait(store(), thread_id, run_id, event["token"]):
        raise NothingToWaitFor
    if known := executions.known_run(event["request"]):
        return known  # The record says more, and the next step reads it.
    run = store().runs.find(thread_id, run_id)
    if run is None:
        # Only run requests need this; executions of the HTTP API's runs start faster without it.
        from assistant_engine.runs import creation

        run = creation.requested(store(), event["request"], run_id, event["execution"]["name"])
    return {"thread_id": run.thread_id, "run_id": run.id, "expires_at": run.expires_at, "turn": run.turn}
