"""Messages of a thread."""

from contextlib import suppress

from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import files, references, sounds, vector_stores
from assistant_engine.store import Idempotency, Store


def create(
    store: Store, thread: Thread, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None
) -> Json:
    """Add a message to a thread from a valid `CreateMessageRequest`; files for file search are attached before.

    Returns:
        `MessageObject`.

    Raises:
        NotFound: the thread does not exist.
        InvalidRequest: a file does not exist; a run of the thread is active; its vector store would hold too many
            files; its sound is none, or says nothing.
        Unavailable: its sound can't be transcribed now.
        Replayed, Conflict: the idempotency key was used.
    """
    references.check(store, request)
    with sounds.taken_in(store, [request], now_ms, thread=thread, idempotency=idempotency) as [taken]:
        message = new_message(taken, seconds_of(now_ms))
        vector_stores.take_in(store, thread, [message], now_ms, idempotency)
        return store.messages.add(thread, message, now_ms, idempotency)


def delete(store: Store, thread: Thread, message_id: str) -> None:
    """Delete a message, how it sounds, and the file that was made of sound in its request.

    Raises:
        NotFound: the thread has no such message.
    """
    message_id, sound = store.messages.delete(thread.id, message_id)
    store.sounds.forget(thread.id, message_id)
    if sound:
        with suppress(NotFound):
            files.delete(store, sound)
