"""`record_failure`: a step died; ends the run with what can be said about it, so that no thread stays locked."""

from contextlib import suppress

from assistant_engine.domain.json_data import Json
from assistant_engine.runs import ending, executions
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.shared import store

DIED = {"code": "server_error", "message": "The run could not be carried on. Please try again."}


@lambda_handler
def handler(event: Json) -> Json:
    """Settle the run as failed; an end that it has already stands.

    Args:
        event: `{"request", "execution": {"name", "arn", "start_time"}, "error" (name)}`.

    Returns:
        As `in_progress`, for `route`.
    """
    thread_id, run_id = executions.requested_ids(event["request"], event["execution"])
    for _ in range(3):
        run = store().runs.find(thread_id, run_id)
        if run is None:
            cause = "No run was created. Please try again."
            return {"status": "failed", "turn": 0, "error": "server_error", "cause": cause}
        with suppress(ConditionFailed):  # Cancelled at this moment, or a late delivery stored its turn: look again.
            return ending.finish(store(), run, "failed", now_ms(), last_error=DIED)
    raise ConditionFailed([])
