"""Exports for fine-tuning as the API shows them: a request, and how far it has come.

The id of an export follows from its request. So the same window and options are the same export, whose files have the
same ids; asked for again, it is made again in their place.
"""

import hashlib
import json
from typing import TYPE_CHECKING

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.invocation import invoke
from assistant_engine.runtime.settings import FineTuningFunction, configured
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.fine_tuning import PREFIX
from assistant_engine.store.usage import day_of

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

DAY = 86_400
USUAL_DAYS = 7
MAX_DAYS = 366
START_SECONDS = 10
"""How long the function is asked to start while Lambda refuses."""
LOST_SECONDS = 3_000
"""Lambda makes three tries of 15 minutes at most; an export that is not finished by then is lost."""

LOST = {"code": "server_error", "message": "The export broke off. The same request starts it again."}

_DEFAULTS: Json = {
    "training_percentage": 80,
    "seed": 0,
    "per": "thread",
    "format": "openai",
    "retrain": False,
    "min_weight": 0.5,
}


def asked(store: Store, request: Json, now_ms: Milliseconds) -> Json:
    """Return the export (`FineTuningExport`) that a valid `CreateFineTuningExportRequest` asks for, not begun yet.

    Raises:
        InvalidRequest: it covers no time, or too much.
    """
    end = request.get("end_at", seconds_of(now_ms) + 1)
    start = request.get("start_at", max(0, end - request.get("days", USUAL_DAYS) * DAY))
    if not 0 < end - start <= MAX_DAYS * DAY:
        raise InvalidRequest(
            f"Invalid 'start_at': expected a time before end_at ({end}), and at most {MAX_DAYS} days before it.",
            param="start_at",
            code="invalid_value",
        )
    options = {**_DEFAULTS, **{name: request[name] for name in _DEFAULTS if name in request}}
    options |= {name: float(options[name]) for name in ("training_percentage", "min_weight")}
    wanted = {"assistant_id": request["assistant_id"], "start_at": start, "end_at": end, **options}
    seed = json.dumps([store.project, wanted], sort_keys=True)
    return {
        "id": ids.new_id(PREFIX, Milliseconds(end * 1000), seed=hashlib.sha256(seed.encode()).hexdigest()),
        "object": "fine_tuning.export",
        "created_at": seconds_of(now_ms),
        **wanted,
        "status": "queued",
        "finished_at": None,
        "error": None,
        "training_file": None,
        "validation_file": None,
        "manifest": None,
        "counts": None,
        "warnings": [],
    }


def create(store: Store, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None) -> Json:
    """Write down that an export is wanted. `start` it afterwards; one that is under way goes on.

    Args:
        request: a valid `CreateFineTuningExportRequest`.

    Returns:
        `FineTuningExport`.

    Raises:
        NotFound: there is no such assistant.
        InvalidRequest: it covers no time, or too much.
        Replayed, Conflict: the idempotency key was used.
    """
    store.assistants.get(request["assistant_id"])
    export = asked(store, request, now_ms)
    seen = store.fine_tuning.find(export["id"])
    if seen and as_of(seen, now_ms)["status"] in ("queued", "running"):
        return seen
    if not store.fine_tuning.create(export, seen, idempotency):
        return store.fine_tuning.get(export["id"])
    return export


def start(client: "LambdaClient", store: Store, export: Json) -> None:
    """Have the function write an export's files, in the background. Started twice, it writes the same files.

    Args:
        client: boto3's.

    Raises:
        NotRun: Lambda refuses to start the function.
    """
    if export["status"] == "queued":
        function = configured(FineTuningFunction).fine_tuning_function_arn
        event = {"project": store.project, "export_id": export["id"]}
        invoke(client, function, event, START_SECONDS, how="Event")


def get(store: Store, export_id: str, now_ms: Milliseconds) -> Json:
    """The export (`FineTuningExport`).

    Raises:
        NotFound: there is none with this id.
    """
    return as_of(store.fine_tuning.get(export_id), now_ms)


def as_of(export: Json, now_ms: Milliseconds) -> Json:
    """Return the export as it stands at a moment: one whose function died each time has failed."""
    if export["status"] in ("queued", "running") and seconds_of(now_ms) > export["created_at"] + LOST_SECONDS:
        return {**export, "status": "failed", "error": LOST}
    return export


def days_of(export: Json) -> list[str]:
    """Return the days (`YYYY-MM-DD`, UTC) that an export covers a part of."""
    first, last = export["start_at"] // DAY, (export["end_at"] - 1) // DAY
    return [day_of(Milliseconds(day * DAY * 1000)) for day in range(first, last + 1)]


def file_id(export: Json, kind: str) -> str:
    """Return the id of one of an export's files, the same each time."""
    return ids.new_id("file-", ids.milliseconds_of(export["id"]), seed=f"{export['id']}/{kind}")


def expires_at(export: Json, days: int) -> Seconds:
    """Return when the files of an export expire."""
    return Seconds(export["created_at"] + days * DAY)
