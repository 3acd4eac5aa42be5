"""Messages: those of a conversation as it is, and lists of all."""

import base64
from collections.abc import Iterator
from functools import partial

from asked import Asked
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import text_of
from assistant_engine.domain.speech import speaks
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.runs import records
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import CreateMessageRequest
from resolvers.values import every, listed, named

LIVE_MESSAGES = 1_000
"""Messages that `liveMessages` answers with at most."""

MAX_SPOKEN = 3_000
"""Characters of a message that is spoken for an answer, which has 29 s."""

IN_PAGES = "Ask for them in pages: messageList."
NARROWER = "Name their threadId."


def live_messages(
    asked: Asked, thread_id: str, roles: list[str | None] | None = None, order: str | None = None
) -> list[Json]:
    """Answer with the messages of a thread, oldest first unless it is told.

    Raises:
        InvalidRequest: there are too many.
    """
    thread = asked.store.threads.get(thread_id)
    if order not in (None, "", "asc", "desc"):
        raise InvalidRequest("Invalid 'order': expected asc or desc.", param="order", code="invalid_value")
    found: list[Json] = []
    for message in of_roles(of_thread(asked, thread.id, order or "asc"), roles or ["user", "assistant"]):
        if len(found) == LIVE_MESSAGES:
            raise InvalidRequest(f"The thread has more than {LIVE_MESSAGES:,} messages. {IN_PAGES}")
        found.append(shown(asked, message))
    return found


def last_message(asked: Asked, thread_id: str, role: str, assistant_id: str | None = None) -> Json:
    """Answer with the newest message of a role; where there is none, its fields are null.

    If the assistant is named, an answer that is meant to be heard is its sound as base64, as in the first engine.
    """
    thread = asked.store.threads.get(thread_id)
    messages = every(asked, partial(asked.store.messages.page, thread.id), at_once=5)
    newest = next(of_roles(messages, [role]), None)
    if newest is None:
        return {"thread_id": thread.id, "role": role}
    told = shown(asked, newest)
    return {**told, "message": partial(_spoken, asked, thread, newest)} if assistant_id and speaks(newest) else told


def _spoken(asked: Asked, thread: Thread, message: Json) -> str:
    from assistant_engine.resources import speaking  # Few documents ask for sound.

    elsewhere = f"Hear it at /v1{message['audio']['speech_url']}."
    if len(text_of(message)) > MAX_SPOKEN:
        raise InvalidRequest(f"The message has more than {MAX_SPOKEN:,} characters. {elsewhere}")
    sound = speaking.of_message(asked.store, thread, message["id"], asked.now_ms)
    spoken = base64.b64encode(b"".join(sound.chunks)).decode()
    asked.carry(len(spoken), elsewhere)
    return spoken


def message(asked: Asked, thread_id: str, message_id: str) -> Json:
    """Answer with a message of a thread."""
    return shown(asked, asked.store.messages.get(asked.store.threads.get(thread_id).id, message_id))


def message_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    thread_id: str | None = None,
    roles: list[str | None] | None = None,
    message: str | None = None,
) -> Json:
    """Answer with a page of a thread's messages, oldest first; without a thread, of all, the newest thread's first.

    Args:
        message: only those whose text contains this.
    """
    if thread_id:
        found = of_thread(asked, asked.store.threads.get(thread_id).id, "asc")
    else:
        threads = every(asked, asked.store.threads.page)
        found = (each for thread in threads for each in of_thread(asked, thread.id, "asc"))
    matching = (each for each in of_roles(found, roles) if (message or "") in text_of(each))
    return listed("message_list", matching, partial(shown, asked), page_number, limit, NARROWER)


def insert_update_message(
    asked: Asked, thread_id: str, message_id: str, run_id: str, role: str, message: str, created_at: int
) -> Json:
    """Record a message that was said elsewhere, or change one that was recorded."""
    with named({"content": "message"}):
        request = parse(CreateMessageRequest, {"role": role, "content": message})
    when = Seconds(created_at)
    made = records.put_message(asked.store, thread_id, message_id, run_id, request, when, asked.now_ms)
    return {"message": {**shown(asked, made), "message_id": message_id}}


def delete_message(asked: Asked, thread_id: str, message_id: str) -> Json:
    """Delete a message."""
    asked.store.messages.delete(asked.store.threads.get(thread_id).id, message_id)
    return {"ok": True}


def of_thread(asked: Asked, thread_id: ThreadId, order: str) -> Iterator[Json]:
    """Return the messages of a thread."""
    return every(asked, partial(asked.store.messages.page, thread_id), order)


def of_roles(messages: Iterator[Json], roles: list[str | None] | None) -> Iterator[Json]:
    """Return those of the messages that have one of the roles, all of them without any."""
    return (message for message in messages if not roles or message["role"] in roles)


def shown(asked: Asked, found: Json) -> Json:
    """Return a message as the schema has it, the parts of its text joined."""
    text = text_of(found)
    asked.carry(len(text.encode()), IN_PAGES)
    return {
        "thread_id": found["thread_id"],
        "run_id": found["run_id"],
        "message_id": found["id"],
        "role": found["role"],
        "message": text,
        "created_at": found["created_at"],
    }
