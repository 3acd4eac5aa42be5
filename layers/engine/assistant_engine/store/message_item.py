"""A message as an item of its thread's partition."""

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import shown
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import TRANSACTION_ITEMS
from assistant_engine.store.expressions import put
from assistant_engine.store.partition import key_of

MAX_MESSAGES = TRANSACTION_ITEMS - 6
"""Messages that one transaction holds in addition to what belongs to a run."""


def stamp(messages: list[Json], first_ms: Milliseconds, thread_id: str) -> list[Json]:
    """Return the messages with ids, in their order, one for each millisecond from `first_ms` on."""
    return [
        {"id": ids.new_id("msg_", Milliseconds(first_ms + index)), **message, "thread_id": thread_id}
        for index, message in enumerate(messages)
    ]


def put_messages(table: str, blobs: Blobs, messages: list[Json]) -> list[Json]:
    """Return the actions that write messages.

    Raises:
        InvalidRequest: more of them than `MAX_MESSAGES`.
    """
    check_count(messages)
    return [put(table, item_of(message, blobs), Attr("message_id").not_exists()) for message in messages]


def check_count(messages: list[Json]) -> None:
    """Check that messages fit in one transaction.

    Raises:
        InvalidRequest: more of them than `MAX_MESSAGES`.
    """
    if len(messages) > MAX_MESSAGES:
        raise InvalidRequest(
            f"Too many messages: {len(messages)}. At most {MAX_MESSAGES} fit in one request.",
            param="messages",
            code="array_above_max_length",
        )


def item_of(message: Json, blobs: Blobs) -> Json:
    """Return a message's item. `sound` is the file that was made of sound in a request: it goes with its thread."""
    audio = message.get("audio") or {}
    return {
        **key_of(message["thread_id"], message["id"]),
        "run_id": message["run_id"],
        "sound": audio.get("file_id") if audio.get("inline") else None,
        **blobs.pack("document", message, f"text/{message['thread_id']}/{message['id']}.json"),
    }


def message_of(item: Json, document: Json) -> Json:
    """Return the message (`MessageObject`) that an item holds.

    Args:
        document: the item's, unpacked; its metadata may have changed since.
    """
    return shown({**document, "metadata": item.get("metadata", document["metadata"])})
