"""`record_failure`: a step died; ends the run with what can be said about it, so that no thread stays locked."""

from assistant_engine.domain.payloads import RecordFailureEvent, StepResult
from assistant_engine.runs import ending, executions
from assistant_engine.runs.outcome import MAX_LOOKS, Ended
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import StepFailed
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.settings import RecordFailure
from assistant_engine.store.shared import store

DIED = {"code": "server_error", "message": "The run could not be carried on. Please try again."}
NO_RUN: StepResult = {
    "status": "failed",
    "turn": 0,
    "error": "server_error",
    "cause": "No run was created. Please try again.",
}


@lambda_handler(RecordFailure, store)
def handler(event: RecordFailureEvent) -> StepResult:
    """Settle the run as failed; an end that it has already stands.

    Raises:
        StepFailed: other writers change the run each time.
    """
    thread_id, run_id = executions.requested_ids(event["request"], event["execution"])
    for _ in range(MAX_LOOKS):
        run = store().runs.find(thread_id, run_id)
        if run is None:
            return NO_RUN
        outcome = ending.finish(store(), run, "failed", now_ms(), last_error=DIED)
        if isinstance(outcome, Ended):
            return outcome.payload()
    raise StepFailed("the run moves while it is settled")
