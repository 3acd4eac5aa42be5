"""Asynchronous tasks: the first engine kept one for each question; here a run is one."""

import json

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.run import Run
from resolvers.runs import ASK, run_anywhere
from resolvers.tool_calls import every_run
from resolvers.values import listed

_STATUSES: dict[Status, str] = {"queued": "initial", "completed": "completed"}
_FAILED = ("failed", "expired", "cancelled", "incomplete")

_NARROWER = "Name their functionName and statuses."


def async_task(asked: Asked, function_name: str, task_uuid: str) -> Json:
    """Answer with a task."""
    if function_name != ASK:
        raise NotFound(f"No task found with id '{ids.shown(task_uuid)}'.")
    return shown(run_anywhere(asked, task_uuid))


def async_task_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    function_name: str | None = None,
    statuses: list[str | None] | None = None,
) -> Json:
    """Answer with a page of the tasks, the newest thread's first."""
    runs = every_run(asked) if function_name in (None, "", ASK) else iter(())
    found = (run for run in runs if not statuses or status(run) in statuses)
    return listed("async_task_list", found, shown, page_number, limit, _NARROWER)


def status(run: Run) -> str:
    """Return the status of a run in the first engine's words."""
    return "fail" if run.status in _FAILED else _STATUSES.get(run.status, "in_progress")


def shown(run: Run) -> Json:
    """Return a run as a task."""
    fault = run.last_error or run.incomplete_details
    return {
        "function_name": ASK,
        "task_uuid": run.id,
        "arguments": {
            "assistant_id": run.assistant_id,
            "thread_id": run.thread_id,
            "updated_by": run.metadata.get("updated_by"),
        },
        "status": status(run),
        "result": json.dumps({"current_run_id": run.id}),
        "log": json.dumps(fault, ensure_ascii=False) if fault else None,
        "created_at": run.created_at,
        "updated_at": (run.ended_ms or run.created_ms) // 1000,
    }
