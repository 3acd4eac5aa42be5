"""Messages of a thread."""

from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import vector_stores
from assistant_engine.store import Idempotency, Store


def create(
    store: Store, thread: Thread, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None
) -> Json:
    """Add a message to a thread from a valid `CreateMessageRequest`; files for file search are attached before.

    Returns:
        `MessageObject`.

    Raises:
        NotFound: the thread or a file does not exist.
        InvalidRequest: a run of the thread is active; its vector store would hold too many files.
        Replayed, Conflict: the idempotency key was used.
    """
    message = new_message(request, seconds_of(now_ms))
    vector_stores.take_in(store, thread, [message], now_ms, idempotency)
    return store.messages.add(thread, message, now_ms, idempotency)
