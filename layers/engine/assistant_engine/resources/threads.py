"""Threads."""

from assistant_engine.domain import tool_resources
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread, new_thread, new_thread_id
from assistant_engine.resources import references, sounds, vector_stores
from assistant_engine.store import Idempotency, Store


def create(store: Store, request: Json, now_ms: Milliseconds, idempotency: Idempotency | None = None) -> Thread:
    """Create a thread with its first messages from a valid `CreateThreadRequest`.

    The vector store that the request asks for, or that attachments need, is made before (`vector_stores.made_with`).

    Raises:
        NotFound, InvalidRequest: a file or a vector store does not exist, or has expired; there are too many files;
            sound is none, or says nothing.
        Unavailable: sound can't be transcribed now.
        Replayed, Conflict: the idempotency key was used.
    """
    references.check(store, request)
    given = request.get("messages") or []
    with sounds.taken_in(store, given, now_ms, path="messages", idempotency=idempotency) as taken:
        request = {**request, "messages": taken}
        thread, messages = new_thread(request, new_thread_id(now_ms, ""), now_ms)
        requested, days = request.get("tool_resources"), vector_stores.THREAD_DAYS
        resources = vector_stores.made_with(
            store, requested, thread.tool_resources, messages, now_ms, idempotency, days=days
        )
        thread = thread._replace(tool_resources=resources)
        store.threads.create(thread, messages, idempotency)
        return thread


def modify(store: Store, thread_id: str, request: Json) -> Thread:
    """Change a thread by a valid `ModifyThreadRequest`: null empties what a key that is not given leaves alone.

    Raises:
        NotFound: there is no such thread.
        InvalidRequest: a file or a vector store does not exist.
    """
    references.check(store, request)
    if request.get("tool_resources"):
        stored = store.threads.get(thread_id).tool_resources
        request = {**request, "tool_resources": tool_resources.sent_back(request["tool_resources"], stored)}
    changes = {name: request[name] or {} if name in request else None for name in ("metadata", "tool_resources")}
    return store.threads.update(thread_id, **changes)
