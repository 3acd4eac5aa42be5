"""Publishes again the events that were given up; see docs/events.md.

An event that did not get onto the bus is in the queue `<prefix>-events-dead-letters` as a place in the table's stream,
which keeps it for 24 hours: it is read there and handed to the publisher. An event that the webhook's receiver did not
take goes back from `<prefix>-webhook-dead-letters.fifo` to the queue it came from. A process that dies on the way has
published something twice.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.store.changes import status_change
from assistants.errors import CommandError

Client = Callable[[str], Any]


class NotPublished(CommandError):
    """The bus or the webhook's queue still takes no events; what is left stays where it is."""


def republish_to_bus(client: Client, prefix: str) -> int:
    """Publish what the stream's mapping gave up, and return how many events.

    Args:
        client: makes boto3 clients.

    Raises:
        NotPublished: the publisher's log says why.
    """
    published = 0
    for message in _taken(client("sqs"), f"{prefix}-events-dead-letters"):
        records = list(_records(client("dynamodbstreams"), json.loads(message["Body"])["DDBStreamBatchInfo"]))
        answer = client("lambda").invoke(
            FunctionName=f"{prefix}-publish_run_events", Payload=json.dumps({"Records": records}).encode()
        )
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or told["batchItemFailures"]:
            raise NotPublished(f"Events are refused as before: see the log of {prefix}-publish_run_events.")
        published += len(records)
    return published


def return_to_webhook(client: Client, prefix: str) -> int:
    """Have what the webhook's receiver did not take delivered again, and return how many events."""
    sqs = client("sqs")
    with suppress(sqs.exceptions.QueueDoesNotExist):
        queue = sqs.get_queue_url(QueueName=f"{prefix}-webhook.fifo")["QueueUrl"]
        moved = 0
        for message in _taken(sqs, f"{prefix}-webhook-dead-letters.fifo"):
            sqs.send_message(
                QueueUrl=queue,
                MessageBody=message["Body"],
                MessageGroupId=message["Attributes"]["MessageGroupId"],
                # Not the first one's: SQS drops what it has had within five minutes.
                MessageDeduplicationId=message["MessageId"],
            )
            moved += 1
        return moved
    return 0


def _taken(sqs: Any, name: str) -> Iterator[Json]:
    """Yield the messages of a queue; each is deleted when the next one is asked for."""
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    asked = {"QueueUrl": url, "AttributeNames": ["All"], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
    while messages := sqs.receive_message(**asked).get("Messages"):
        for message in sorted(messages, key=_order):
            yield message
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _order(message: Json) -> tuple[str, int]:
    """Return where a message belongs: a queue of what was given up may hold a run's events in another order."""
    event = json.loads(message["Body"])
    return message["Attributes"].get("MessageGroupId", ""), event.get("data", {}).get("sequence", 0)


def _records(streams: Any, batch: Json) -> Iterator[Json]:
    """Yield the records of a batch that change a run's status, as the stream hands them to a function."""
    iterator = streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            if int(record["dynamodb"]["SequenceNumber"]) > int(batch["endSequenceNumber"]):
                return
            if status_change(record):
                at = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
                yield {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": at}}
            if record["dynamodb"]["SequenceNumber"] == batch["endSequenceNumber"]:
                return
        iterator = page.get("NextShardIterator")
