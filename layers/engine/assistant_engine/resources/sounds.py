"""Takes sound in messages in. Few have any, so what that takes is imported when there is one."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import sound_of
from assistant_engine.domain.thread import Thread
from assistant_engine.store import Idempotency, Store


def taken_in(
    store: Store,
    messages: Sequence[Json],
    now_ms: Milliseconds,
    *,
    path: str = "",
    thread: Thread | None = None,
    idempotency: Idempotency | None = None,
) -> AbstractContextManager[list[Json]]:
    """Take the sound of messages in, as `transcription.taken_in` does."""
    if not any(map(sound_of, messages)):
        return nullcontext(list(messages))
    from assistant_engine.resources import transcription

    return transcription.taken_in(store, messages, now_ms, path=path, thread=thread, idempotency=idempotency)
