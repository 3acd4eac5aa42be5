"""A run as an item of its thread's partition, and where the indexes list it."""

import json

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import RunUsage
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.items import project_of
from assistant_engine.store.partition import key_of
from assistant_engine.store.usage import day_of, shard_of

OPEN_SHARDS = 8
"""Partitions of the index of open runs: every run enters and leaves it once or twice."""

ENDED_SHARDS = 4
"""Partitions of the index of ended runs for each day."""

HELD = "held"
"""The attribute that holds the messages of a run that waits for its thread, until they are the thread's."""

SETTINGS_BYTES = 4 * 1024
"""Settings over this size go to the bucket: each change of a run's status is paid for by the size of its item."""


def open_shard(run_id: str) -> str:
    """Return the partition of the index of open runs that a run is listed in."""
    return f"open#{sum(run_id.encode()) % OPEN_SHARDS}"


def ended_shard(day: str, shard: int) -> str:
    """Return a partition of the index of the runs that ended on a day (`YYYY-MM-DD`, UTC)."""
    return f"{day}#{shard}"


def ended_run(project: str, run_id: str) -> str:
    """Return where in its partition of the index of ended runs a run is: a project's runs are together, by time."""
    return f"{project}#{run_id}"


def ended_place(project: str, run_id: str, ended_ms: Milliseconds) -> Json:
    """Return the attributes that list a run in the index of ended runs."""
    shard = ended_shard(day_of(ended_ms), shard_of(run_id, ENDED_SHARDS))
    return {"ended_shard": shard, "ended_run": ended_run(project, run_id)}


def item_of(run: Run, blobs: Blobs) -> Json:
    """Return a new run's item; its settings are put into the bucket if they are large."""
    fixed: Json = {"settings": run.settings, "functions": run.functions, "tool_resources": run.tool_resources}
    fixed |= {name: value for name, value in (("answering", run.answering), ("speaks", run.speaks)) if value}
    return {
        **key_of(run.thread_id, run.id),
        "assistant_id": run.assistant_id,
        "belongs_to": run.project,
        "run_status": run.status,
        "run_sequence": run.sequence,
        "created_at": run.created_at,
        "created_ms": run.created_ms,
        "expires_at": run.expires_at,
        "metadata": run.metadata,
        "used_by": run.user,
        "reads": list(run.reads),
        "execution": run.execution,
        "answers_in_output": run.answers_in_output,
        "streams": run.streams or None,
        "line": run.line,
        "open_shard": open_shard(run.id),
        "due_at": run.due_at,
        "turn": run.turn,
        "attempts": run.attempts,
        # A tool Lambda may read this attribute and no other of a run: its configuration.
        "functions": {
            f"{entry['class_name']}.{entry['function_name']}": json.dumps(entry["configuration"])
            for entry in run.functions
            if entry.get("configuration")
        },
        **blobs.pack("document", fixed, f"text/{run.thread_id}/{run.id}.json", SETTINGS_BYTES),
    }


def run_of(item: Json, blobs: Blobs) -> Run:
    """Return the run that an item holds."""
    fixed = blobs.unpack("document", item)
    return Run(
        id=item["message_id"],
        thread_id=item["thread_id"],
        assistant_id=item["assistant_id"],
        status=item["run_status"],
        created_at=item["created_at"],
        expires_at=item["expires_at"],
        settings=fixed["settings"],
        functions=fixed["functions"],
        tool_resources=fixed["tool_resources"],
        metadata=item["metadata"],
        execution=item["execution"],
        answers_in_output=item["answers_in_output"],
        due_at=item["due_at"],
        project=project_of(item),
        streams=item.get("streams", False),
        line=item.get("line"),
        calls_step=item.get("calls_step"),
        sequence=item.get("run_sequence", 0),
        turn=item["turn"],
        attempts=item["attempts"],
        answering=fixed.get("answering"),
        speaks=fixed.get("speaks"),
        failed_attempts=item.get("failed_attempts", []),
        account=RunUsage.of(item),
        user=item.get("used_by"),
        reads=tuple(item.get("reads", (0, 0))),
        created_ms=item.get("created_ms", 1000 * item["created_at"]),
        ended_ms=item.get("ended_ms"),
        asked_ms=item.get("asked_ms"),
        waiting_ms=item.get("waiting_ms"),
        task_token=item.get("task_token"),
        started_at=item.get("started_at"),
        completed_at=item.get("completed_at"),
        cancelled_at=item.get("cancelled_at"),
        failed_at=item.get("failed_at"),
        incomplete_details=item.get("incomplete_details"),
        last_error=item.get("last_error"),
    )
