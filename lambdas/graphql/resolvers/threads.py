"""Threads, as an assistant's."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread
from assistant_engine.runs import records
from resolvers import assistants
from resolvers.runs import usage
from resolvers.values import as_object, date_time, every, listed

_NARROWER = "Name their assistantId."


def thread(asked: Asked, assistant_id: str | None = None, thread_id: str | None = None) -> Json:
    """Answer with a thread; an assistant that is named must have run on it."""
    if not thread_id:
        raise InvalidRequest(
            "Missing required argument: 'threadId'.", param="threadId", code="missing_required_parameter"
        )
    return shown(asked, (of_assistant(asked, assistant_id, thread_id), assistant_id))


def thread_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    assistant_id: str | None = None,
    assistant_types: list[str | None] | None = None,
) -> Json:
    """Answer with a page of the threads, newest first: all, or those on which an assistant, or one of types, ran."""
    found = _found(asked, assistant_id, assistant_types)
    return listed("thread_list", found, partial(shown, asked), page_number, limit, _NARROWER)


def _found(
    asked: Asked, assistant_id: str | None, assistant_types: list[str | None] | None
) -> Iterator[tuple[Thread, str | None]]:
    if not assistant_id and not assistant_types:
        yield from ((each, None) for each in every(asked, asked.store.threads.page))
        return
    if assistant_id:
        known = asked.store.assistants.found(assistant_id)
        named = [known[0]] if known else []
    else:
        named = every(asked, asked.store.assistants.page)  # type: ignore[assignment]
    for each in named:
        if not assistant_types or each["assistant_type"] in assistant_types:
            page = partial(asked.store.threads.page, assistant_id=each["id"])
            yield from ((thread, each["id"]) for thread in every(asked, page))


def insert_update_thread(
    asked: Asked, assistant_id: str, thread_id: str, assistant_type: str, updated_by: str, run: Any = None
) -> Json:
    """Record a thread of an assistant, and a run that ended elsewhere: `{"run_id", "usage"}`."""
    assistants.of_type(asked, assistant_type, assistant_id)
    told = as_object(run, "run")
    made = records.put_thread(asked.store, assistant_id, thread_id, told, updated_by, asked.now_ms)
    return {"thread": {**shown(asked, (made, assistant_id)), "updated_by": updated_by}}


def delete_thread(asked: Asked, assistant_id: str, thread_id: str) -> Json:
    """Delete a thread of an assistant."""
    found = of_assistant(asked, assistant_id, thread_id)
    asked.store.threads.delete(found.id, seconds_of(asked.now_ms))
    return {"ok": True}


def of_assistant(asked: Asked, assistant_id: str | None, thread_id: str) -> Thread:
    """Return a thread.

    Raises:
        NotFound: there is no such thread, or the assistant did not run on it.
    """
    found = asked.store.threads.get(thread_id)
    if assistant_id and not asked.store.threads.ran(assistant_id, found.id):
        raise NotFound(f"No thread found with id '{ids.shown(thread_id)}'.")
    return found


def shown(asked: Asked, found: tuple[Thread, str | None]) -> Json:
    """Return a thread as the schema has it.

    Args:
        found: with the assistant whose thread it is; without one it is the newest run's.
    """
    thread, assistant_id = found

    @cache
    def newest() -> Run | None:
        return next(every(asked, partial(asked.store.runs.page, thread.id), at_once=1), None)

    def runs() -> list[Json]:
        page = partial(asked.store.runs.page, thread.id)
        return [{"run_id": run.id, "usage": usage(run)} for run in every(asked, page, "asc")]

    def assistant() -> Json | None:
        run = newest()
        named = assistant_id or (run.assistant_id if run else None)
        return _document(asked, named) if named else None

    def updated_by() -> Any:
        run = newest()
        return (run.metadata.get("updated_by") if run else None) or thread.metadata.get("updated_by")

    def is_voice() -> bool:
        messages = every(asked, partial(asked.store.messages.page, thread.id), at_once=5)
        return any("audio" in message for message in _first_of(messages, "user"))

    return {
        "assistant": assistant,
        "thread_id": thread.id,
        "is_voice": is_voice,
        "runs": runs,
        "updated_by": updated_by,
        "created_at": thread.created_at,
        "updated_at": thread.last_ms // 1000,
    }


def _first_of(messages: Iterator[Json], role: str) -> Iterator[Json]:
    for message in messages:
        if message["role"] == role:
            yield message
            return


def _document(asked: Asked, assistant_id: str) -> Json:
    """Return an assistant as JSON; of one that was deleted, its id."""
    found = asked.store.assistants.found(assistant_id)
    if found is None:
        return {"assistant_id": assistant_id}
    document = assistants.shown(asked, found[0])
    moments = {"created_at": document["created_at"], "updated_at": asked.store.assistants.updated_at(assistant_id)}
    return {**document, **{name: date_time(at) for name, at in moments.items()}}
