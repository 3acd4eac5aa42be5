"""The queue of the ingestion: files to read into vector stores, and chunks to remove."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.payloads import IngestionMessage, ReadFile, RemoveFile, RemoveStore
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import IngestionQueue, configured
from assistant_engine.store import Store
from assistant_engine.store.vector_store_actions import LOOK_AGAIN_SECONDS
from assistant_engine.store.vector_stores import HEAD

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_GIVE_UP_SECONDS = 24 * 3600
_SENT_AT_ONCE = 8


@cache
def queue() -> "SQSClient":
    """Make the client of the queue, when it is first needed: few requests do."""
    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=2)
    client: SQSClient = boto3.client("sqs", config=config)
    return client


def enqueue(members: Sequence[Json]) -> None:
    """Have files (their items in a store) read. What does not get into the queue now, the sweeper puts there later."""
    _send(
        [
            ReadFile(store=member["thread_id"], file=member["message_id"], ingestion=member["ingestion"])
            for member in members
        ]
    )


def enqueue_removal(member: Json) -> None:
    """Have the chunks of a file removed that was taken out of its store (`member` is its item)."""
    _send([RemoveFile(store=member["thread_id"], removed=member["file_id"], ingestion=member["ingestion"])])


def enqueue_deletion(store_id: str) -> None:
    """Have the chunks of a deleted store removed."""
    _send([RemoveStore(store=store_id)])


def _send(messages: Sequence[IngestionMessage]) -> None:
    groups = [messages[start : start + 10] for start in range(0, len(messages), 10)]
    # A new store may have 10,000 files, and its request 29 s.
    with ThreadPoolExecutor(max(1, min(_SENT_AT_ONCE, len(groups)))) as pool:
        list(pool.map(_send_group, groups))


def _send_group(messages: Sequence[IngestionMessage]) -> None:
    try:
        answer = queue().send_message_batch(
            QueueUrl=configured(IngestionQueue).ingestion_queue_url,
            Entries=[{"Id": str(index), "MessageBody": json.dumps(message)} for index, message in enumerate(messages)],
        )
    except Exception as error:
        # What is asked for is in the records, so the caller's request is carried out; the sweeper looks again.
        logger.warning("a message is not in the queue of the ingestion yet: %s", fault_of(error).where)
    else:
        for failed in answer.get("Failed", []):
            logger.warning("a message is not in the queue of the ingestion yet: %s", failed["Code"])


def sweep(store: Store, now: Seconds) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the sweeper its work: what of vector stores is due, as (what it is, how to see to it)."""
    for store_id, sort_key in store.vector_stores.due(now):
        yield f"{sort_key} of {store_id}", partial(_see_to, store, store_id, sort_key, now)


def _see_to(store: Store, store_id: str, sort_key: str, now: Seconds) -> None:
    if sort_key == HEAD:
        enqueue_deletion(store_id)
        store.vector_stores.postpone(store_id, sort_key, Seconds(now + LOOK_AGAIN_SECONDS))
        return
    member = store.vector_store_files.at(store_id, sort_key)
    if member is None or member["status"] != "in_progress":
        return
    # A file of an imported store was attached long before it is read here.
    if now - member.get("asked_at", member["attached_ms"] // 1000) > _GIVE_UP_SECONDS:
        error = {"code": "server_error", "message": "The file could not be processed."}
        store.vector_store_files.settle(member, "failed", last_error=error)
        return
    enqueue([member])
    store.vector_stores.postpone(store_id, sort_key, Seconds(now + LOOK_AGAIN_SECONDS))
