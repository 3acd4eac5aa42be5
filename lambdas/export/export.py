"""The export: the runs that ended on a day, and what was said in them, as files that Athena reads (docs/export.md).

    export/runs/day=2026-11-22/0.jsonl.gz        a line for each run: what it was, and what it took
    export/messages/day=2026-11-22/0.jsonl.gz    a line for each message: those that the run read first, and its own

Runs are found by their index and read by their keys. The same day once more gives the same files, without what was
deleted meanwhile. A message stands in one file: that of the first run that came after it, or that said it.
"""

import gzip
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import IO, TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from assistant_engine.domain.clock import EPOCH, Milliseconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import text_of
from assistant_engine.domain.payloads import ExportEvent, ExportResult
from assistant_engine.domain.rating import score_of
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Export, configured
from assistant_engine.store.shared import store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READERS = 8
"""Runs that are read side by side."""


@lambda_handler(Export, store)
def handler(event: ExportEvent) -> ExportResult:
    """Write the files of a shard."""
    yesterday = datetime.fromtimestamp(time.time(), UTC).date() - timedelta(days=1)
    day = date.fromisoformat(event.get("day") or yesterday.isoformat()).isoformat()
    shard = int(event["shard"])
    with tempfile.TemporaryFile() as runs_file, tempfile.TemporaryFile() as messages_file:
        counts = _write(day, shard, runs_file, messages_file)
        for kind, file in (("runs", runs_file), ("messages", messages_file)):
            file.seek(0)
            _s3().upload_fileobj(file, configured(Export).bucket, f"export/{kind}/day={day}/{shard}.jsonl.gz")
    result: ExportResult = {"day": day, "shard": shard, "runs": counts["runs"], "messages": counts["messages"]}
    logger.info("exported %s", result)
    return result


def _write(day: str, shard: int, runs_file: IO[bytes], messages_file: IO[bytes]) -> dict[str, int]:
    counts = {"runs": 0, "messages": 0}
    _ = store().blobs.client  # made here, once, and not by each of the readers
    found = store().runs.ended(day, shard)
    with (
        # Without a name and a time in them, the same lines are the same bytes.
        gzip.GzipFile("", "wb", fileobj=runs_file, mtime=0) as runs,
        gzip.GzipFile("", "wb", fileobj=messages_file, mtime=0) as messages,
        ThreadPoolExecutor(READERS) as readers,
    ):
        while batch := list(islice(found, 100)):
            for read in readers.map(_read, batch):
                if read is None:
                    continue
                run, said = read
                counts["runs"] += 1
                counts["messages"] += len(said)
                runs.write(_line(run))
                messages.writelines(map(_line, said))
    return counts


def _read(place: tuple[ThreadId, str]) -> tuple[Json, list[Json]] | None:
    """The line of a run and those of its messages; None if it is gone."""
    try:
        run = store().runs.get(*place)
        return _run(run), list(_messages(run))
    except (NotFound, ClientError):
        if store().runs.find(*place):
            raise
        return None  # Its thread was deleted at this moment.


def _run(run: Run) -> Json:
    figures = run.account.figures()
    cost = figures.pop("cost", None)
    return {
        **_whose(run),
        "model": run.model,
        "status": run.status,
        "last_error": run.last_error["code"] if run.last_error else None,
        "incomplete_reason": (run.incomplete_details or {}).get("reason"),
        "created_at": _moment(run.created_ms),
        "ended_at": _moment(run.ended_ms or EPOCH),
        **figures,
        "cost": None if cost is None else cost / NANODOLLARS,
    }


def _messages(run: Run) -> Iterator[Json]:
    messages = store().messages
    own = messages.by_ids(run.thread_id, store().steps.message_ids(run.thread_id, run.id))
    for message in [*messages.between(run.thread_id, *run.reads), *own]:
        yield {
            "message_id": message["id"],
            **_whose(run),
            "role": message["role"],
            "created_at": _moment(Milliseconds(message["created_at"] * 1000)),
            "text": text_of(message),
            "rating": None if (score := score_of(message["metadata"])) is None else score / 100,
        }


def _whose(run: Run) -> Json:
    return {
        "run_id": run.id,
        "thread_id": run.thread_id,
        "assistant_id": run.assistant_id,
        "project": run.project,
        "user_id": run.user,
    }


def _moment(milliseconds: Milliseconds) -> str:
    """A moment (UTC) as Athena reads a timestamp."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"


def _line(row: Json) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@cache
def _s3() -> "S3Client":
    client: S3Client = boto3.client("s3")
    return client
