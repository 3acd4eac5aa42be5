"""Asynchronous tasks: the first engine kept one for each question; here a run is one."""

import json
from itertools import chain
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status
from assistant_engine.domain.run import Run
from assistant_engine.schemas.parsing import text_fault
from resolvers.runs import ASK, run_anywhere
from resolvers.tool_calls import every_run
from resolvers.values import listed

MAX_TASK_BYTES = 256_000

_STATUSES: dict[Status, str] = {"queued": "initial", "completed": "completed"}
_FAILED = ("failed", "expired", "cancelled", "incomplete")

_NARROWER = "Name their functionName and statuses."


def async_task(asked: Asked, function_name: str, task_uuid: str) -> Json:
    """Answer with a task."""
    if task := asked.store.recorded.task(function_name, task_uuid):
        return task
    if function_name != ASK:
        raise not_found(task_uuid)
    return shown(run_anywhere(asked, task_uuid))


def async_task_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    function_name: str | None = None,
    statuses: list[str | None] | None = None,
) -> Json:
    """Answer with a page of the tasks, the newest thread's first."""
    runs = map(shown, every_run(asked)) if function_name in (None, "", ASK) else iter(())
    found = (
        task
        for task in chain(asked.store.recorded.tasks(), runs)
        if function_name in (None, "", task["function_name"]) and (not statuses or task["status"] in statuses)
    )
    return listed("async_task_list", found, lambda task: task, page_number, limit, _NARROWER)


def insert_update_async_task(asked: Asked, function_name: str, task_uuid: str, **given: Any) -> Json:
    """Record a task of another function, or change one that was recorded; runs are recorded by themselves."""
    if function_name == ASK:
        raise InvalidRequest(f"Tasks of {ASK} are runs: they stay as they are.", param="functionName")
    seconds = seconds_of(asked.now_ms)
    before = asked.store.recorded.task(function_name, task_uuid) or {"status": "initial", "created_at": seconds}
    task = {
        **dict.fromkeys(("arguments", "result", "log")),
        **before,
        **given,
        "function_name": function_name,
        "task_uuid": task_uuid,
        "updated_at": seconds,
    }
    text = json.dumps(task)
    if fault := text_fault(json.dumps(task, ensure_ascii=False)):
        raise InvalidRequest(f"Invalid task: {fault}.")
    if len(text) > MAX_TASK_BYTES:
        raise InvalidRequest(f"The task is larger than {MAX_TASK_BYTES:,} bytes as JSON.")
    asked.store.recorded.put_task(task)
    return {"async_task": task}


def delete_async_task(asked: Asked, function_name: str, task_uuid: str) -> Json:
    """Delete a task that was recorded."""
    if not asked.store.recorded.delete_task(function_name, task_uuid):
        raise not_found(task_uuid)
    return {"ok": True}


def not_found(task_uuid: str) -> NotFound:
    """Return the error of a task that is not there."""
    return NotFound(f"No task found with id '{ids.shown(task_uuid)}'.")


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
