"""A run step in the API's shape (`RunStepObject`)."""

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run


def new_step(run: Run, step_id: str, details: Json, now: Seconds) -> Json:
    """Make a step that is in progress.

    Args:
        details: `step_details`, with their type.
        now: seconds since 1970.
    """
    return {
        "id": step_id,
        "object": "thread.run.step",
        "created_at": now,
        "run_id": run.id,
        "assistant_id": run.assistant_id,
        "thread_id": run.thread_id,
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expired_at": None,
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "usage": None,
        "metadata": {},
    }


def step_error(run_error: Json | None) -> Json | None:
    """Return a run's error as the API's type has it of a step, which knows fewer codes."""
    known = ("server_error", "rate_limit_exceeded")
    return {**run_error, "code": "server_error"} if run_error and run_error["code"] not in known else run_error
