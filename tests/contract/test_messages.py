"""`client.beta.threads.messages` against the stack."""

import itertools
import os
import threading
import uuid
from typing import Any, Literal

import openai
import pytest
from openai.types.beta.threads import Message

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.message import new_message
from assistant_engine.store import Store
from assistant_engine.store.message_item import put_messages, stamp

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def text_of(message: Message) -> str:
    [part] = message.content
    assert part.type == "text"
    return part.text.value


def test_a_message_is_what_it_was_created_as(client: openai.OpenAI, a_file: str) -> None:
    thread = client.beta.threads.create()
    created = client.beta.threads.messages.create(
        thread.id,
        role="user",
        content=[
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            {"type": "image_file", "image_file": {"file_id": a_file}},
        ],
        attachments=[{"file_id": a_file, "tools": [{"type": "code_interpreter"}]}],
        metadata={"a": "1"},
    )
    assert created.to_dict()["content"] == [
        {"type": "text", "text": {"value": "Look", "annotations": []}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_file", "image_file": {"file_id": a_file, "detail": "auto"}},
    ]
    assert created.to_dict()["attachments"] == [{"file_id": a_file, "tools": [{"type": "code_interpreter"}]}]
    assert (created.object, created.role, created.status) == ("thread.message", "user", "completed")
    assert (created.run_id, created.assistant_id, created.thread_id) == (None, None, thread.id)
    assert client.beta.threads.messages.retrieve(created.id, thread_id=thread.id) == created


def test_text_of_256_000_characters_of_four_bytes(client: openai.OpenAI) -> None:
    text = "😀" * 256_000
    thread = client.beta.threads.create(messages=[{"role": "user", "content": text}])
    created = client.beta.threads.messages.create(thread.id, role="user", content=text)
    assert text_of(client.beta.threads.messages.retrieve(created.id, thread_id=thread.id)) == text
    assert [text_of(message) for message in client.beta.threads.messages.list(thread.id)] == [text, text]


def test_a_page_ends_before_it_outgrows_an_answer(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    made = [
        client.beta.threads.messages.create(thread.id, role="user", content=f"{number}" + '"' * 255_999).id
        for number in range(10)
    ] + [client.beta.threads.messages.create(thread.id, role="user", content="😀" * 256_000).id for _ in range(4)]
    page = client.beta.threads.messages.list(thread.id, limit=100)
    assert 1 <= len(page.data) < 14 and page.has_more
    assert [message.id for message in client.beta.threads.messages.list(thread.id, limit=100)] == made[::-1]
    back = client.beta.threads.messages.list(thread.id, limit=100, before=made[0])
    assert [message.id for message in back.data] == made[1 : len(back.data) + 1][::-1] and back.has_more


def test_metadata_is_replaced_and_the_text_stays(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    created = client.beta.threads.messages.create(thread.id, role="user", content="x" * 40_000, metadata={"a": "1"})
    modified = client.beta.threads.messages.update(created.id, thread_id=thread.id, metadata={"b": "2"})
    assert modified.metadata == {"b": "2"} and text_of(modified) == "x" * 40_000
    assert client.beta.threads.messages.retrieve(created.id, thread_id=thread.id) == modified
    assert client.beta.threads.messages.list(thread.id).data == [modified]


@pytest.mark.parametrize("size", [1, 40_000])
def test_a_deleted_message_is_gone(client: openai.OpenAI, size: int) -> None:
    thread = client.beta.threads.create()
    created = client.beta.threads.messages.create(thread.id, role="user", content="x" * size)
    deleted = client.beta.threads.messages.delete(created.id, thread_id=thread.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (created.id, True, "thread.message.deleted")
    for use in (client.beta.threads.messages.retrieve, client.beta.threads.messages.delete):
        with pytest.raises(openai.NotFoundError, match="No message found with id"):
            use(created.id, thread_id=thread.id)
    assert client.beta.threads.messages.list(thread.id).data == []


def test_the_same_key_creates_once(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    made = [
        client.beta.threads.messages.create(thread.id, role="user", content="x", extra_headers=key) for _ in range(2)
    ]
    assert made[0] == made[1] and client.beta.threads.messages.list(thread.id).data == [made[0]]
    with pytest.raises(openai.ConflictError):
        client.beta.threads.messages.create(thread.id, role="user", content="y", extra_headers=key)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_thousand_messages_page_completely_while_messages_are_added(
    client: openai.OpenAI, store: Store, order: Literal["asc", "desc"]
) -> None:
    thread_id = client.beta.threads.create().id
    fill(store, thread_id, 1_000)
    stop = threading.Event()

    def add() -> None:
        while not stop.is_set():
            client.beta.threads.messages.create(thread_id, role="user", content="added")

    adding = threading.Thread(target=add)
    adding.start()
    try:
        pages = client.beta.threads.messages.list(thread_id, limit=100, order=order)
        seen = [text_of(message) for message in itertools.islice(pages, 1_100)]
    finally:
        stop.set()
        adding.join()
    numbers = [text for text in seen if text != "added"]
    assert numbers == [str(number) for number in (range(1_000) if order == "asc" else reversed(range(1_000)))]


def test_pages_go_backwards_from_a_message(client: openai.OpenAI, store: Store) -> None:
    thread_id = client.beta.threads.create().id
    fill(store, thread_id, 10)
    ids = [message.id for message in client.beta.threads.messages.list(thread_id)]
    page = client.beta.threads.messages.list(thread_id, before=ids[5], limit=3)
    assert [message.id for message in page.data] == ids[2:5] and page.has_more
    page = client.beta.threads.messages.list(thread_id, before=ids[2], limit=3)
    assert [message.id for message in page.data] == ids[:2] and not page.has_more
    page = client.beta.threads.messages.list(thread_id, after=ids[2], before=ids[5], limit=3)
    assert [message.id for message in page.data] == ids[3:5]
    page = client.beta.threads.messages.list(thread_id, after=ids[9])
    assert page.data == [] and not page.has_more


def fill(store: Store, thread_id: str, count: int) -> None:
    """Add messages that say 0, 1, 2 ..., ninety in a transaction."""
    for start in range(0, count, 90):
        thread = store.threads.get(thread_id)
        texts: list[dict[str, Any]] = [
            {"role": "user", "content": str(number)} for number in range(start, min(start + 90, count))
        ]
        messages = [new_message(text, Seconds(thread.created_at)) for text in texts]
        stamped = stamp(messages, Milliseconds(thread.last_ms + 1), thread_id)
        last_ms = thread.last_ms + len(messages)
        puts = put_messages(os.environ["MESSAGES_TABLE"], store.blobs, stamped)
        store.database.transact([store.threads.advance(thread, stamped, Milliseconds(last_ms)), *puts])
