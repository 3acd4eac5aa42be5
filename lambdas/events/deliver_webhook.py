"""Delivers an event to the webhook, signed as Standard Webhooks says (https://www.standardwebhooks.com).

One message of the queue for each invocation: the queue gives out a run's next event when the one before it is
delivered, or has gone to the dead-letter queue, so a run's order is the queue's alone.
"""

import http.client
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError
from standardwebhooks import Webhook

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.payloads import BatchResult, WebhookEvent
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import DeliverWebhook, configured

ANSWER_SECONDS = 15
LONGEST_WAIT_SECONDS = 900
_SECRET_KEPT_SECONDS = 60


class NotTaken(Exception):
    """The receiver did not take the event; the text says what it did instead."""


def handler(event: Json, context: Any) -> BatchResult:
    """Post the event of one message.

    Returns:
        The message, if the receiver did not take the event. It comes again, each time later, and holds back the later
        events of its run meanwhile.
    """
    [record] = event["Records"]
    told: WebhookEvent = json.loads(record["body"])
    change = told["data"]
    name = f"{change['run_id']}-{change['sequence']}"
    try:
        _post(name, record["body"])
    except Exception as error:
        reason = str(error) if isinstance(error, NotTaken) else fault_of(error).where
        logger.warning("webhook %s, delivery %s: %s", name, _deliveries(record), reason)
        _later(record)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}


def _post(name: str, body: str) -> None:
    """Post an event to the webhook.

    Args:
        name: the same one for each delivery of the event.

    Raises:
        NotTaken: the answer's status is not 2xx; a redirect is not followed.
        OSError, http.client.HTTPException: there was no answer.
    """
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "assistants-engine",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(webhook.sign(name, now, body) for webhook in _webhooks(_minute())),
    }
    url = urlsplit(configured(DeliverWebhook).webhook_url)
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.hostname or "", url.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", f"{url.path or '/'}{'?' if url.query else ''}{url.query}", body.encode(), headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTaken(f"the receiver answers {status}")


def _later(record: Json) -> None:
    """Have the message come again after a time that doubles with each delivery."""
    wait = min(2 ** min(_deliveries(record), 10), LONGEST_WAIT_SECONDS)
    with suppress(ClientError):  # Then it comes after the queue's own time.
        _client("sqs").change_message_visibility(
            QueueUrl=configured(DeliverWebhook).webhook_queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=wait,
        )


def _deliveries(record: Json) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _minute() -> int:
    return int(time.monotonic() // _SECRET_KEPT_SECONDS)


@lru_cache(maxsize=1)
def _webhooks(minute: int) -> list[Webhook]:
    """Return the signers, one for each secret. While a secret is replaced there are two; events have both signatures.

    Raises:
        NotTaken: there is no secret.
    """
    client = _client("secretsmanager")
    try:
        secrets = client.get_secret_value(SecretId=configured(DeliverWebhook).webhook_secret_arn)[
            "SecretString"
        ].split()
    except client.exceptions.ResourceNotFoundException:
        secrets = []
    if not secrets:
        raise NotTaken("the signing secret has no value yet")
    return [Webhook(secret) for secret in secrets]


@cache
def _client(service: str) -> Any:
    return boto3.client(service)
