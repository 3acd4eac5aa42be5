"""The changes of runs' statuses, as the stream of the messages table tells them.

The stream has each write of an item once, and the writes of one item in their order, whatever becomes of the code that
wrote. Who reads it sees each change at least once.
"""

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.payloads import StatusChange
from assistant_engine.domain.usage import NANODOLLARS, RunUsage
from assistant_engine.store.items import project_of, unmarshal


def status_change(record: Json) -> StatusChange | None:
    """Return the change of a run's status that a record of the stream tells of; None if no status changed.

    Args:
        record: a `Record` of the stream, with the images before and after; of any item.
    """
    if not record["dynamodb"]["Keys"]["message_id"]["S"].startswith("run_") or "NewImage" not in record["dynamodb"]:
        return None
    before = unmarshal(record["dynamodb"].get("OldImage", {}))
    run = unmarshal(record["dynamodb"]["NewImage"])
    if run.get("run_sequence") == before.get("run_sequence"):
        return None
    ended = run["run_status"] in TERMINAL
    if ended and not before:
        return None  # It was brought along, and ended elsewhere: that is no news.
    account = RunUsage.of(run)
    error, details = run.get("last_error"), run.get("incomplete_details")
    return {
        "project": project_of(run),
        "thread_id": run["thread_id"],
        "run_id": run["message_id"],
        "assistant_id": run["assistant_id"],
        "status": run["run_status"],
        "previous_status": before.get("run_status"),
        "sequence": run["run_sequence"],
        "created_at": run["created_at"],
        "usage": account.usage.api() if ended else None,
        "cost": account.cost / NANODOLLARS if ended and account.cost is not None else None,
        "last_error": {"code": error["code"]} if error else None,
        "incomplete_details": {"reason": details["reason"]} if details else None,
    }
