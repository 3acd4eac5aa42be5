"""`record_failure`: a step died; ends the run with what can be said about it, so that no thread stays locked."""

from assistant_engine import runs
from assistant_engine.records import Json
from assistant_engine.step import now_ms, step, store


@step
def handler(event: Json) -> Json:
    """Settle the run as failed; an end that it has already stands.

    Args:
        event: `{"request", "execution": {"name", "arn", "start_time"}, "error" (name)}`.

    Returns:
        As `in_progress`, for `route`.
    """
    thread_id, run_id = runs.requested_ids(event["request"], event["execution"])
    run = store().runs.find(thread_id, run_id)
    if run is None:
        return {
            "status": "failed",
            "turn": 0,
            "error": "server_error",
            "cause": "No run was created. Please try again.",
        }
    error = {"code": "server_error", "message": "The run could not be carried on. Please try again."}
    return runs.finish(store(), run, "failed", now_ms() // 1000, last_error=error)
