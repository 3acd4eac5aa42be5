"""Reads what is stored of a run and its thread, without ids and times: what two runs of one request have in common."""

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store import Window
from tests.support.driver import Driver


def records(driver: Driver, thread_id: str, run_id: str) -> Json:
    """The records of a thread that has had this run alone."""
    run = driver.store.runs.get(ThreadId(thread_id), run_id)
    thread = driver.store.threads.get(thread_id)
    messages = driver.store.messages.page(ThreadId(thread_id), Window(limit=100, order="asc")).objects
    return {
        "status": run.status,
        "turns": [len(turn) for turn in driver.store.runs.turns(run)],
        "usage": run.usage,
        "last_error": run.last_error,
        "incomplete_details": run.incomplete_details,
        "messages": [(message["role"], message["content"]) for message in messages],
        "steps": [_step(step) for step in driver.steps(thread_id, run_id)],
        "thread": (thread.active_run, thread.runs, thread.usage, thread.cost),
        "directory": directory(driver, run.assistant_id, thread_id),
        "open": "open_shard" in item(driver, thread_id, run_id),
    }


def item(driver: Driver, thread_id: str, name: str) -> Json:
    """An item of a thread's partition as DynamoDB holds it."""
    key = {"thread_id": {"S": thread_id}, "message_id": {"S": name}}
    found: Json = driver.client("dynamodb").get_item(TableName=driver.outputs["MessagesTable"], Key=key)["Item"]
    return found


def directory(driver: Driver, assistant_id: str, thread_id: str) -> dict[str, int]:
    """The totals of the thread in the directory of an assistant's threads, without times."""
    key = {"assistant_id": {"S": assistant_id}, "thread_id": {"S": thread_id}}
    found = driver.client("dynamodb").get_item(TableName=driver.outputs["ThreadsTable"], Key=key)["Item"]
    return {name: int(value["N"]) for name, value in found.items() if "N" in value and not name.endswith("_ms")}


def _step(step: Json) -> Json:
    calls = step["step_details"].get("tool_calls", [])
    return {
        "status": step["status"],
        "usage": step["usage"],
        "last_error": step["last_error"],
        "calls": [(call["function"]["name"], call["function"]["output"]) for call in calls],
    }
