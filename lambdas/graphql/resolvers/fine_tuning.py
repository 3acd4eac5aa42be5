"""Data for fine-tuning: what an assistant's runs said as rows, made of the record each time, and as files."""

import hashlib
import json
import time
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from asked import Asked
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from resolvers import assistants, files, threads
from resolvers.values import listed

TASK = "async_insert_update_fine_tuning_messages"
"""What the first engine called the function that wrote rows down; here they are there as soon as a run has ended."""

_DAY = 86_400
_USUAL_DAYS = 7
_MAX_DAYS = 366
_NARROWER = "Name a shorter time: fromDate, toDate."
_LOOKS_EACH = 0.5


def fine_tuning_message(asked: Asked, assistant_id: str, message_uuid: str) -> Json:
    """Answer with a row."""
    from assistant_engine.fine_tuning import rows  # Few documents ask for it.

    return shown(asked, rows.row(asked.store, assistant_id, message_uuid))


def fine_tuning_message_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    assistant_id: str | None = None,
    thread_id: str | None = None,
    roles: list[str | None] | None = None,
    trained: bool | None = None,
    from_date: int | None = None,
    to_date: int | None = None,
) -> Json:
    """Answer with a page of the rows of an assistant's runs that ended in a time; without one, in the last 7 days."""
    if not assistant_id:
        message = "Missing required argument: 'assistantId'."
        raise InvalidRequest(message, param="assistantId", code="missing_required_parameter")
    end = seconds_of(asked.now_ms) + 1 if to_date is None else to_date
    start = end - _USUAL_DAYS * _DAY if from_date is None else from_date
    if not 0 < end - start <= _MAX_DAYS * _DAY:
        message = f"Invalid 'fromDate': expected a time before toDate, and at most {_MAX_DAYS} days before it."
        raise InvalidRequest(message, param="fromDate", code="invalid_value")
    found = (
        row
        for row in _rows(asked, assistant_id, start, end, thread_id)
        if (not roles or row["role"] in roles) and trained in (None, row["trained"])
    )
    return listed("fine_tuning_message_list", found, partial(shown, asked), page_number, limit, _NARROWER)


def _rows(asked: Asked, assistant_id: str, start: int, end: int, thread_id: str | None) -> Iterator[Json]:
    from assistant_engine.fine_tuning import rows

    for row in rows.rows(asked.store, assistant_id, start, end, thread_id=thread_id or None):
        asked.check_time()
        yield row


def insert_update_fine_tuning_message(
    asked: Asked,
    assistant_id: str,
    message_uuid: str | None = None,
    weight: float | None = None,
    trained: bool | None = None,
    **_: Any,
) -> Json:
    """Weigh a row, or mark it as trained. What it says is what was said, and stays."""
    from assistant_engine.fine_tuning import rows

    if not message_uuid:
        raise InvalidRequest(
            "Missing required argument: 'messageUuid'. Rows are made of what was said; see fineTuningMessageList.",
            param="messageUuid",
            code="missing_required_parameter",
        )
    row = rows.row(asked.store, assistant_id, message_uuid)
    if trained is False and row["trained"]:
        raise InvalidRequest("A row stays trained. Say retrain where its run is to be exported again.", param="trained")
    if weight is not None:
        row = rows.set_weight(asked.store, assistant_id, message_uuid, weight)
    if trained and not row["trained"]:
        rows.mark_trained(asked.store, assistant_id, [message_uuid], asked.now_ms)
        row = {**row, "trained": True}
    return {"fine_tuning_message": shown(asked, row)}


def insert_update_fine_tuning_messages(
    asked: Asked,
    assistant_id: str | None = None,
    trained_message_uuids: list[str | None] | None = None,
    weightup_message_uuids: list[str | None] | None = None,
    weightdown_message_uuids: list[str | None] | None = None,
    **_: Any,
) -> Json:
    """Mark rows as trained, and weigh others with 1 or 0. Without any, nothing is left to do: rows need no writing."""
    from assistant_engine.fine_tuning import rows

    marked = {
        kind: [str(each) for each in named or [] if each]
        for kind, named in (
            ("trained", trained_message_uuids),
            ("weightup", weightup_message_uuids),
            ("weightdown", weightdown_message_uuids),
        )
    }
    asked.store.assistants.get(assistant_id or "")
    for kind, weight in (("weightup", 1), ("weightdown", 0)):
        for message_uuid in marked[kind]:
            asked.check_time()
            rows.set_weight(asked.store, assistant_id or "", message_uuid, weight)
    if marked["trained"]:
        rows.mark_trained(asked.store, assistant_id or "", marked["trained"], asked.now_ms)
    return {"async_task": _done(asked, {"assistant_id": assistant_id, **marked})}


def _done(asked: Asked, arguments: Json) -> Json:
    """Record the task as callers look for it, and return it; the same request is the same task."""
    named = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode(errors="surrogatepass")).hexdigest()
    seconds = seconds_of(asked.now_ms)
    task = {
        "function_name": TASK,
        "task_uuid": f"task_{named[:32]}",
        "arguments": arguments,
        "status": "completed",
        "result": None,
        "log": None,
        "created_at": seconds,
        "updated_at": seconds,
    }
    asked.store.recorded.put_task(task)
    return task


def delete_fine_tuning_message(asked: Asked, assistant_id: str, message_uuid: str) -> Json:
    """Let nothing be learned from a message. What was said stays in its thread."""
    from assistant_engine.fine_tuning import rows

    rows.set_weight(asked.store, assistant_id, message_uuid, 0)
    return {"ok": True}


def upload_fine_tune_file(
    asked: Asked,
    assistant_type: str,
    assistant_id: str,
    training_percentage: float,
    from_date: int,
    to_date: int | None = None,
) -> Json:
    """Write what the runs of a time said into files, and answer with these; the validation's is left out if empty.

    Raises:
        NotFound: there is no such assistant of this type.
        InvalidRequest: they take longer than a document may.
    """
    from assistant_engine.fine_tuning import exports
    from assistant_engine.schemas.fine_tuning import CreateFineTuningExportRequest
    from assistant_engine.schemas.parsing import parse
    from resolvers.values import named

    assistants.of_type(asked, assistant_type, assistant_id)
    request = {"assistant_id": assistant_id, "training_percentage": training_percentage, "start_at": from_date}
    if to_date is not None:
        request["end_at"] = to_date
    with named({"training_percentage": "trainingPercentage", "start_at": "fromDate", "end_at": "toDate"}):
        request = parse(CreateFineTuningExportRequest, request)
        export = exports.create(asked.store, request, asked.now_ms)
    exports.start(_lambda(), asked.store, export)
    while export["status"] in ("queued", "running"):
        asked.check_time()
        time.sleep(_LOOKS_EACH)
        export = exports.get(asked.store, export["id"], asked.now_ms)
    if export["status"] == "failed":
        raise InvalidRequest(f"The export failed: {export['error']['message']}", code=export["error"]["code"])
    made = [export[kind] for kind in ("training_file", "validation_file") if export[kind]]
    return {"fine_tune_files": [files.file(asked, file_id) for file_id in made]}


@cache
def _lambda() -> Any:
    import boto3

    return boto3.client("lambda")


def shown(asked: Asked, row: Json) -> Json:
    """Return a row as the schema has it; its thread costs a read."""
    asked.carry(len(json.dumps([row["content"], row["tool_calls"]])), "Ask for them in pages: limit, pageNumber.")
    return {**row, "thread": lambda: _thread(asked, row["thread_id"])}


def _thread(asked: Asked, thread_id: str) -> Json:
    found = threads.shown(asked, (asked.store.threads.get(thread_id), None))
    return {
        "thread_id": thread_id,
        "assistant": found["assistant"](),
        "runs": found["runs"](),
        "updated_by": found["updated_by"](),
    }
