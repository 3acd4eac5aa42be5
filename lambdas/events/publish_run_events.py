"""Tells of each change of a run's status: on the event bus and, where a webhook is configured, to its queue.

The stream of the messages table calls it, so no event depends on the code that made the change. What is not delivered
is delivered again with all that follows it: at least once, and in a run's order into the queue.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.payloads import BatchResult, StatusChange, WebhookEvent
from assistant_engine.runtime import startup
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import PublishRunEvents, configured
from assistant_engine.store.changes import status_change

MAX_ENTRIES = 10
"""In one request, of EventBridge as of SQS (their limit)."""

Batch = dict[str, tuple[datetime, StatusChange]]
"""Changes with their times, by the sequence numbers of their records in the stream."""


def handler(event: Json, context: Any) -> BatchResult:
    """Publish what records of the stream tell.

    Returns:
        The sequence numbers of the records that are not delivered: the stream delivers the first of them and all after
        it again.
    """
    for batch in _batches(event["Records"]):
        failed = _put_on_bus(batch) | _put_into_queue(batch)
        if failed:
            logger.warning("%s of %s events are not delivered", len(failed), len(batch))
            return {"batchItemFailures": [{"itemIdentifier": number} for number in batch if number in failed]}
    return {"batchItemFailures": []}


def _batches(records: list[Json]) -> Iterator[Batch]:
    """The changes in their order; no two of one run in one batch, of which any part may fail."""
    batch: Batch = {}
    runs: set[str] = set()
    for record in records:
        change = status_change(record)
        if change is None:
            continue
        if len(batch) == MAX_ENTRIES or change["run_id"] in runs:
            yield batch
            batch, runs = {}, set()
        at = datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)
        batch[record["dynamodb"]["SequenceNumber"]] = (at, change)
        runs.add(change["run_id"])
    if batch:
        yield batch


def _put_on_bus(batch: Batch) -> set[str]:
    """Put the batch on the bus; the numbers of those that it did not take."""
    entries = [
        {
            "EventBusName": configured(PublishRunEvents).event_bus,
            "Source": configured(PublishRunEvents).event_source,
            "DetailType": "Run Status Change",
            "Time": at,
            "Detail": json.dumps(change),
        }
        for at, change in batch.values()
    ]
    try:
        answers = _client("events").put_events(Entries=entries)["Entries"]
    except (BotoCoreError, ClientError) as error:
        logger.warning("the bus takes no events: %s", fault_of(error).where)
        return set(batch)
    return {number for number, answer in zip(batch, answers, strict=True) if "ErrorCode" in answer}


def _put_into_queue(batch: Batch) -> set[str]:
    """Put the batch into the webhook's queue, if there is one; the numbers of those that it did not take."""
    if not configured(PublishRunEvents).webhook_queue_url:
        return set()
    entries = [
        {
            "Id": number,
            "MessageBody": json.dumps(_webhook_event(at, change)),
            "MessageGroupId": change["run_id"],
            "MessageDeduplicationId": f"{change['run_id']}-{change['sequence']}",
        }
        for number, (at, change) in batch.items()
    ]
    try:
        answer = _client("sqs").send_message_batch(
            QueueUrl=configured(PublishRunEvents).webhook_queue_url, Entries=entries
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("the webhook's queue takes no events: %s", fault_of(error).where)
        return set(batch)
    return {entry["Id"] for entry in answer.get("Failed", [])}


def _webhook_event(at: datetime, change: StatusChange) -> WebhookEvent:
    return {
        "type": f"thread.run.{change['status']}",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "data": change,
    }


@cache
def _client(service: str) -> Any:
    return boto3.client(service)


startup.end(partial(_client, "events"))
