"""Runs: asking an assistant, and what became of it."""

import base64
import re
import time
from contextlib import suppress
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.audio_types import HEAD_BYTES, audio_type
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.runs import requests
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import CreateRunRequest, CreateThreadRequest, SubmitToolOutputsRunRequest
from assistant_engine.store import Replayed
from resolvers.assistants import of_type
from resolvers.values import as_object, named, objects

ASK = "async_openai_assistant_stream"
"""What the first engine called the function that carried a question out; callers hand the name back."""

_WAITS = (0, 0.2, 0.5)
"""Seconds before each look for a run in the indexes, which follow the table by a moment."""

MAX_PAIRS = 16
"""Pairs of metadata, as the API has it."""

MIN_AUDIO_BYTES = 1_024
"""Bytes that sound has at least: the first engine took any word that happens to be base64 for sound, such as `help`."""

_NAMES = {
    "additional_messages[0].content": "userQuery",
    "additional_messages[0].attachments": "attachments",
    "additional_messages[0].metadata": "messageMetadata",
    "metadata.updated_by": "updatedBy",
    "additional_instructions": "additionalInstructions",
    "response_format": "responseFormat",
    "assistant_id": "assistantId",
    "thread_id": "threadId",
    "tool_outputs": "toolOutputs",
}


def ask_open_ai(
    asked: Asked,
    assistant_type: str,
    assistant_id: str,
    user_query: str,
    updated_by: str,
    thread_id: str | None = None,
    response_format: Any = None,
    tools: list[Any] | None = None,
    attachments: list[Any] | None = None,
    tool_resources: Any = None,
    thread_metadata: Any = None,
    message_metadata: Any = None,
    **instructions: str | None,
) -> Json:
    """Start a run on a message of the user, on a new thread unless one is named.

    Raises:
        NotFound: there is no such assistant of this type, or no such thread.
        InvalidRequest: a run of the thread is active.
    """
    of_type(asked, assistant_type, assistant_id)
    message: Json = {"role": "user", "content": content_of(user_query)}
    message |= {"attachments": objects(attachments), "metadata": as_object(message_metadata, "messageMetadata")}
    request = {
        "assistant_id": assistant_id,
        "additional_messages": [message],
        "metadata": {"updated_by": updated_by},
        "tools": objects(tools),
        "response_format": "auto" if response_format == {"type": "auto"} else response_format,
        **instructions,
    }
    thread = asked.store.threads.get(thread_id) if thread_id else None
    new_thread: Json = {}
    if not thread:
        metadata = as_object(thread_metadata, "threadMetadata")
        for name in ("updated_by", "user_id"):
            if updated_by and len(metadata) < MAX_PAIRS:
                metadata = {name: updated_by, **metadata}
        resources = as_object(tool_resources, "toolResources")
        with named({"metadata": "threadMetadata", "tool_resources": "toolResources"}):
            new_thread = {"thread": parse(CreateThreadRequest, {"metadata": metadata, "tool_resources": resources})}
    with named(_NAMES):
        request = {**parse(CreateRunRequest, request), **new_thread}
        key = asked.idempotency("run", [thread_id, request])
        try:
            run = requests.start(asked.store, request, asked.now_ms, thread=thread, idempotency=key)
        except Replayed as before:
            run = run_of(asked, before.made["thread_id"], before.made["id"])
    return {
        "assistant_id": assistant_id,
        "thread_id": run.thread_id,
        "user_query": user_query,
        "function_name": ASK,
        "task_uuid": run.id,
        "current_run_id": run.id,
    }


def content_of(user_query: str) -> str | list[Json]:
    """Return a message's content: its text, or sound where the text is a sound file as base64."""
    if len(user_query) * 3 // 4 < MIN_AUDIO_BYTES or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", user_query):
        return user_query
    # Four letters of base64 are three bytes.
    if len(user_query) % 4 or audio_type(base64.b64decode(user_query[: HEAD_BYTES * 4])) is None:
        return user_query
    return [{"type": "input_audio", "input_audio": {"data": user_query}}]


def current_run(asked: Asked, thread_id: str, run_id: str, **_: Any) -> Json:
    """Answer with the status of a run; the other arguments are as they were, and change nothing."""
    return shown(run_of(asked, thread_id, run_id))


def submit_tool_outputs(asked: Asked, thread_id: str, run_id: str, tool_outputs: list[Any]) -> Json:
    """Give a run the outputs of its client's tools."""
    thread = asked.store.threads.get(thread_id)
    with named(_NAMES):
        request = parse(SubmitToolOutputsRunRequest, {"tool_outputs": objects(tool_outputs)})
        outputs = request["tool_outputs"]
        run = requests.submit_tool_outputs(asked.store, thread.id, run_id, outputs, asked.now_ms)
    return {"run": shown(run)}


def cancel_run(asked: Asked, thread_id: str, run_id: str) -> Json:
    """Ask for a run to be cancelled."""
    thread = asked.store.threads.get(thread_id)
    return {"run": shown(requests.cancel(asked.store, thread.id, run_id, seconds_of(asked.now_ms)))}


def run_of(asked: Asked, thread_id: str, run_id: str) -> Run:
    """Return a run of a thread.

    Raises:
        NotFound: there is no such thread, or no such run in it.
    """
    return asked.store.runs.get(asked.store.threads.get(thread_id).id, run_id)


def run_anywhere(asked: Asked, run_id: str) -> Run:
    """Return a run by its id alone.

    Raises:
        NotFound: the project has no such run.
    """
    if ids.is_id(run_id) and (thread_id := asked.store.recorded.thread_of(run_id)):
        return run_of(asked, thread_id, run_id)
    for wait in _WAITS:
        time.sleep(wait)
        if thread_id := asked.store.runs.thread_of(run_id, asked.store.project):
            with suppress(NotFound):  # The thread was deleted.
                return run_of(asked, thread_id, run_id)
            break
    raise NotFound(f"No run found with id '{ids.shown(run_id)}'.")


def shown(run: Run) -> Json:
    """Return a run as the schema has it."""
    return {"thread_id": run.thread_id, "run_id": run.id, "status": run.status, "usage": usage(run)}


def usage(run: Run) -> Json:
    """Return the three figures of a run that has ended; none before, as the first engine had it."""
    if run.status not in TERMINAL:
        return {}
    figures = run.usage.api()
    return {name: figures[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
