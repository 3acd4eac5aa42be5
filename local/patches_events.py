"""Has the emulator deliver a table's stream as AWS does.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import contextvars
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ministack.services import dynamodb, lambda_svc  # type: ignore[import-untyped]

Json = Any

SECONDS_BETWEEN_READS = 0.25
"""Lambda reads a stream four times a second."""


def apply() -> None:
    """Patch the emulator."""
    deliver_streams_as_told()


@dataclass
class _Progress:
    """Of a mapping: how many records the next batch may have (None: as configured), and how often it has failed."""

    most: int | None = None
    failures: int = 0


_progress: dict[str, _Progress] = defaultdict(_Progress)


def deliver_streams_as_told() -> None:
    """A batch of a stream that fails is delivered as it is for ever, and one that fails in part is passed over.

    `MaximumRetryAttempts`, `BisectBatchOnFunctionError` and `ReportBatchItemFailures` are not read. And no queue is
    looked at while a stream's function works.
    """

    def poll() -> bool:
        found = False
        for mapping in lambda_svc._iter_all_esms():
            found = contextvars.copy_context().run(_deliver_next, *mapping) or found
        return found

    lambda_svc._poll_dynamodb_streams = poll


def _deliver_next(account: str, region: str, mapping: Json) -> bool:
    """Deliver what comes next of a mapping's stream, in the background; whether there was anything."""
    lambda_svc._request_account_id.set(account)
    lambda_svc._request_region.set(region)
    name, source = mapping["UUID"], mapping["EventSourceArn"]
    waits = lambda_svc._esm_backoff_until.get(name, 0) > time.time()
    if ":dynamodb:" not in source or not mapping.get("Enabled", True) or lambda_svc._esm_inflight.get(name) or waits:
        return False
    table, _ = lambda_svc._dynamodb_stream_table_from_arn_spec(lambda_svc.parse_arn(source))
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None or dynamodb._tables.get(table, {}).get("LatestStreamArn") != source:
        return False
    most = _progress[name].most or mapping["BatchSize"]
    position = max(lambda_svc._dynamodb_stream_positions[name], dynamodb.stream_start_position(table))
    records = dynamodb.stream_records_since(table, position, most)
    batch = lambda_svc._apply_filter_criteria(records, mapping)
    if not batch:
        lambda_svc._dynamodb_stream_positions[name] = position + len(records)
        return bool(records)
    lambda_svc._dispatch_esm_batch(name, _deliver, mapping, function, records, batch, position)
    return True


def _deliver(mapping: Json, function: Json, records: list[Json], batch: list[Json], position: int) -> None:
    name, progress = mapping["UUID"], _progress[mapping["UUID"]]
    result = lambda_svc._execute_function(function, {"Records": batch})
    failed = _first_that_failed(mapping, batch, result)
    if failed is None:
        lambda_svc._dynamodb_stream_positions[name] = position + len(records)
        lambda_svc._esm_backoff_until[name] = time.time() + SECONDS_BETWEEN_READS
        _progress[name] = _Progress()
        return
    lambda_svc._esm_backoff_until[name] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
    if failed > 0:
        lambda_svc._dynamodb_stream_positions[name] = position + records.index(batch[failed])
        _progress[name] = _Progress()
    elif mapping.get("BisectBatchOnFunctionError") and len(batch) > 1:
        progress.most = records.index(batch[len(batch) // 2])  # Which is no retry of the batch, but a new one.
    else:
        progress.failures += 1
        if condition := _given_up(mapping, batch, progress.failures):
            arn = mapping["EventSourceArn"]
            lambda_svc._send_ddb_stream_failure_record(mapping, function, batch, arn, result, condition)
            lambda_svc._dynamodb_stream_positions[name] = position + len(records)
            _progress[name] = _Progress()


def _first_that_failed(mapping: Json, batch: list[Json], result: Json) -> int | None:
    """The first record of the batch to be delivered again, None if there is none."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return None
    body = json.loads(result["body"]) if isinstance(result["body"], str) else result["body"]
    named = [failure["itemIdentifier"] for failure in (body or {}).get("batchItemFailures", [])]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    # A name that is none of the batch's fails all of it.
    return min((numbers.index(number) if number in numbers else 0 for number in named), default=None)


def _given_up(mapping: Json, batch: list[Json], failures: int) -> str:
    """Return why the batch is not tried again; empty while it is."""
    retries, age = int(mapping.get("MaximumRetryAttempts", -1)), int(mapping.get("MaximumRecordAgeInSeconds", -1))
    if -1 < retries < failures:
        return "RetryAttemptsExhausted"
    oldest = min(record["dynamodb"]["ApproximateCreationDateTime"] for record in batch)
    return "MaxRecordAgeExceeded" if -1 < age < time.time() - oldest else ""
