"""Records of the past that a caller brings along: threads, messages, and calls of runs that ended elsewhere.

What was said and done here stays as it is. An object keeps the caller's id as a name (`id#<id>` leads to it), and its
place in lists is that of its time, as with an import.
"""

from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import Conflict, InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.runs.ended_elsewhere import ended_run, put, step_of
from assistant_engine.store import Store, Window
from assistant_engine.store.threads import CLOCK_ATTEMPTS, PREFIX
from assistant_engine.store.transfer import Row, Transfer

MAX_CALLS = 100
"""Calls that can be recorded of a run."""

_FUTURE_SECONDS = 60


def put_thread(
    store: Store, assistant_id: str, thread_id: str, run: Json, updated_by: str, now_ms: Milliseconds
) -> Thread:
    """Record a thread of an assistant, and a run on it.

    Args:
        assistant_id: of an assistant of the project.
        run: `{"run_id", "usage"}`, or nothing. One that is known stays as it is.

    Returns:
        The thread.

    Raises:
        InvalidRequest: the id of the thread or of the run can be none, or the run is another thread's.
        NotFound: the thread is another project's.
    """
    run_id = run.get("run_id")
    for param, value in (("threadId", thread_id), ("run.run_id", run_id)):
        if value is not None and not (isinstance(value, str) and ids.is_id(value)):
            raise _not_an_id(param)
    there = store.runs.thread_of(run_id, store.project) if isinstance(run_id, str) else None
    if there and there != thread_id and _is_own(store, there):
        # A call names its run alone: of two runs with one id, it could mean either.
        message = "Invalid 'run.run_id': it is a run of another thread."
        raise InvalidRequest(message, param="run.run_id", code="invalid_value")
    transfer = Transfer(store)
    thread = store.threads.find(thread_id)
    if thread is None:
        made = Thread(ThreadId(thread_id), seconds_of(now_ms), {"updated_by": updated_by}, {}, now_ms)
        head = store.threads.head_of(made, now_ms, ids.listed_as(PREFIX, thread_id, seconds_of(now_ms)))
        transfer.put_new([Row("messages", head)])
        thread = store.threads.get(thread_id)
    elif thread.metadata.get("updated_by") != updated_by:
        thread = store.threads.update(thread_id, {**thread.metadata, "updated_by": updated_by}, None)
    row = {"assistant_id": assistant_id, "thread_id": thread.id, "runs": 0}
    transfer.put_new([Row("threads", row)])
    if isinstance(run_id, str) and store.runs.find(thread.id, run_id) is None:
        _put_run(transfer, thread, assistant_id, run_id, run.get("usage"), updated_by, now_ms)
    return store.threads.get(thread_id)


def _put_run(
    transfer: Transfer,
    thread: Thread,
    assistant_id: str,
    run_id: str,
    usage: Any,
    updated_by: str,
    now_ms: Milliseconds,
) -> None:
    created_ms = thread.next_ms(now_ms)
    ended = ended_run(
        {
            "id": ids.new_id("run_", created_ms, seed=run_id),
            "assistant_id": assistant_id,
            "metadata": {"updated_by": updated_by},
            "status": "completed",
            "usage": usage if isinstance(usage, dict) else {},
        },
        [],
        {},
        thread,
        project=transfer.store.project,
        created_ms=created_ms,
        ends_ms=created_ms,
        reads=(thread.read_ms, created_ms),
    )
    # Of two that record it at once, one does: both make the same pointer.
    put(transfer, ended, run_id, is_new=False, further=[transfer.store.recorded.run_action(run_id, thread.id)])


def put_message(
    store: Store, thread_id: str, message_id: str, run_id: str, request: Json, created_at: Seconds, now_ms: Milliseconds
) -> Json:
    """Record a message, or change one that was recorded.

    Args:
        run_id: which said it, if it is the assistant's.
        request: a valid `CreateMessageRequest` with text alone.

    Returns:
        `MessageObject`, under the id that it has here.

    Raises:
        NotFound: there is no such thread.
        InvalidRequest: a run of the thread is active; the message was said here; its time is still to come.
    """
    if not ids.is_id(message_id):
        raise _not_an_id("messageId")
    if not 0 < created_at <= seconds_of(now_ms) + _FUTURE_SECONDS:
        raise InvalidRequest(
            "Invalid 'createdAt': expected a time in the past.", param="createdAt", code="invalid_value"
        )
    for _ in range(CLOCK_ATTEMPTS):
        thread = store.threads.get(thread_id)
        if thread.active_run:
            raise InvalidRequest(f"Can't add messages to {thread.id} while a run {thread.active_run} is active.")
        there = store.recorded.name_of(thread.id, message_id)
        if there is None and _was_said_here(store, thread.id, message_id):
            raise InvalidRequest(f"The message '{message_id}' was said here, and stays as it was.", param="messageId")
        run = store.runs.find(thread.id, run_id) if request["role"] == "assistant" else None
        made = {
            "id": there or ids.new_id("msg_", _place(store, thread.id, created_at), seed=message_id),
            **new_message(request, created_at),
            "thread_id": thread.id,
            "run_id": run.id if run else None,
        }
        if store.messages.put_recorded(thread, made, message_id, is_new=there is None):
            return made
    raise Conflict(f"Too many writers on {thread_id} at once. Please try again.", code="conflict")


def _place(store: Store, thread_id: ThreadId, created_at: Seconds) -> Milliseconds:
    """Return the time part of a message's id: its second, after the messages of that second that are there."""
    first = Milliseconds(created_at * 1000)
    before = Window(1, "desc", after=f"msg_{ids.time_part(Milliseconds(first + 1000))}")
    newest = next(store.messages.page(thread_id, before).objects, None)
    return Milliseconds(max(first, ids.milliseconds_of(newest["id"]) + 1)) if newest else first


def _was_said_here(store: Store, thread_id: ThreadId, message_id: str) -> bool:
    try:
        store.messages.get(thread_id, message_id)
    except NotFound:
        return False
    return True


def recorded(store: Store, run_id: str) -> Run:
    """Return a recorded run by its own id.

    Raises:
        NotFound: none of this id was recorded.
        InvalidRequest: it was carried out here, so its calls are in the record.
    """
    if ids.is_id(run_id) and (thread_id := store.recorded.thread_of(run_id)):
        return store.runs.get(store.threads.get(thread_id).id, run_id)
    if (there := store.runs.thread_of(run_id, store.project)) and _is_own(store, there):
        raise InvalidRequest("The run was carried out here: its calls stay as they were.", param="runId")
    raise NotFound(f"No run found with id '{ids.shown(run_id)}'.")


def _is_own(store: Store, thread_id: str) -> bool:
    try:
        store.threads.get(thread_id)
    except NotFound:
        return False
    return True


def put_call(store: Store, run: Run, call: Json, kind: str, created_at: Seconds) -> None:
    """Record a call of a run that was recorded, or change it.

    Args:
        call: `{"id", "type": "function", "function": {"name", "arguments", "output"}}`.
        kind: of the tool, in the caller's words; in the step's metadata.

    Raises:
        InvalidRequest: there are too many.
    """
    steps = _steps(store, run)
    # After the last one, as one before it may have been deleted.
    following = max(steps, default=-1) + 1
    number = next((number for number, step in steps.items() if _call_of(step) == call["id"]), following)
    if number >= MAX_CALLS:
        raise InvalidRequest(f"At most {MAX_CALLS} calls of a run can be recorded.", param="toolCallId")
    step = step_of(run, store.threads.get(run.thread_id), number, call, created_at)
    store.steps.put_recorded({**step, "metadata": {"tool_type": kind}})


def delete_call(store: Store, run: Run, call_id: str) -> bool:
    """Delete a recorded call; whether there was one."""
    for step in _steps(store, run).values():
        if _call_of(step) == call_id:
            store.steps.delete_recorded(step)
            return True
    return False


def _steps(store: Store, run: Run) -> dict[int, Json]:
    steps = store.steps.page(run.thread_id, run.id, Window(MAX_CALLS + 1, "asc")).objects
    return {int(step["id"][-6:-2]): step for step in steps}


def _call_of(step: Json) -> Any:
    calls = step["step_details"].get("tool_calls") or [{}]
    return calls[0].get("id")


def _not_an_id(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid '{param}': expected up to 64 letters, digits, - and _.", param=param, code="invalid_value"
    )
