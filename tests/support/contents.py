"""Everything that a stack may hold, made with the engine's own store."""

from typing import Any

import pytest

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import Turn
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.resources import threads
from assistant_engine.resources.assistants import new_assistant
from assistant_engine.runs import creation
from assistant_engine.store import Store
from assistant_engine.store.projects import Settings
from assistant_engine.store.usage import Budget

NOW_MS = Milliseconds(1_795_000_000_000)
LONG = "word " * 8_000
ACCOUNT = RunUsage(Usage(100, 20), model_calls=1, tool_calls=1, model_ms=5, cost=123)


def configure(patch: pytest.MonkeyPatch) -> None:
    """Set what the use cases read in addition to tables."""
    patch.setenv("RUN_EXPIRES_AFTER", "600")
    patch.setenv("MODEL_ALIASES", "")


def assistant(store: Store, **more: Any) -> Json:
    """An assistant with what DynamoDB's types can't hold."""
    schema = {"type": "object", "properties": {"z": {"type": "number"}, "a": {"type": "string", "default": ""}}}
    request = {
        "model": "gpt-6-luna",
        "name": "",
        "instructions": LONG,
        "temperature": 1.0,
        "tools": [{"type": "function", "function": {"name": "ask", "parameters": schema}}],
        "configuration": {"small": 1e-7, "large": 10**40, "empty": "", "one": 1.0},
        "metadata": {"b": "1", "a": ""},
        **more,
    }
    made = new_assistant(request, NOW_MS)
    store.assistants.create(made)
    return made


def file(store: Store, name: str, data: bytes) -> str:
    """A file; its id."""
    made = {"id": name, "object": "file", "bytes": len(data), "created_at": NOW_MS // 1000, "filename": f"{name}.txt"}
    store.files.create({**made, "purpose": "assistants", "status": "processed"}, "text/plain", data)
    return name


def thread_with_run(store: Store, assistant_id: str, user_id: str, text: str, at_ms: Milliseconds = NOW_MS) -> Run:
    """A thread of a person with a run that called a tool and answered."""
    request = {"metadata": {"user_id": user_id}, "messages": [{"role": "user", "content": text}]}
    thread = threads.create(store, request, at_ms)
    return run(store, assistant_id, thread.id, text, at_ms)


def run(store: Store, assistant_id: str, thread_id: str, text: str, at_ms: Milliseconds) -> Run:
    """A run on a thread, with two turns."""
    made = begun(store, assistant_id, thread_id, at_ms)
    call: Json = {"id": "call_1", "type": "function", "function": {"name": "ask", "arguments": '{"a": "x"}'}}
    asked = {"type": "function_call", "call_id": "call_1", **call["function"]}
    turn = Turn([asked], Usage(50, 5), "in_progress", calls=[call])
    store.transitions.store_turn(made, turn, ["call_1"], [], ACCOUNT, Milliseconds(at_ms + 20))
    made = store.runs.get(made.thread_id, made.id)
    tools = store.steps.pending(made)
    assert tools is not None
    outputs = {"call_1": store.steps.pack_output(made, f"{text} {LONG}", 1_000)}
    store.steps.record_outputs(made, tools, outputs, Seconds(at_ms // 1000))
    said = {
        "object": "thread.message",
        "created_at": at_ms // 1000,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": at_ms // 1000,
        "incomplete_at": None,
        "role": "assistant",
        "content": [{"type": "text", "text": {"value": f"You said: {text}", "annotations": []}}],
        "assistant_id": assistant_id,
        "run_id": made.id,
        "attachments": [],
        "metadata": {},
    }
    words = {"type": "output_text", "text": f"You said: {text}", "annotations": []}
    answer = {"type": "message", "role": "assistant", "content": [words]}
    turn = Turn([answer], Usage(50, 15), "completed", message=said)
    store.transitions.store_turn(made, turn, [], [], ACCOUNT, Milliseconds(at_ms + 30))
    return store.runs.get(made.thread_id, made.id)


def begun(store: Store, assistant_id: str, thread_id: str, at_ms: Milliseconds) -> Run:
    """A run whose model is being asked."""
    thread = store.threads.get(thread_id)
    made = creation.create(store, {"assistant_id": assistant_id}, at_ms, thread=thread)
    return store.transitions.begin_attempt(made, Milliseconds(at_ms + 10))[0]


def vector_store(store: Store, file_id: str) -> str:
    """A vector store with a file that was read, in a batch; its id."""
    made: Json = {
        "id": "vs_0mwrk00aelwhpuyeyse0ki7c",
        "created_at": NOW_MS // 1000,
        "name": "Papers",
        "description": None,
        "metadata": {"k": "v"},
        "last_active_at": NOW_MS // 1000,
    }
    store.vector_stores.create(made, {"model": "e", "dimensions": 3})
    chunking = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
    entry = {"file_id": file_id, "filename": "f", "attributes": {"x": 1.5}, "chunking": chunking}
    store.vector_store_files.attach(made["id"], [entry], NOW_MS, "vsfb_0mwrk00aelwhpuyeyse0ki7c")
    read(store, made["id"], file_id)
    return str(made["id"])


def read(store: Store, store_id: str, file_id: str) -> None:
    """What the ingestion writes when it has read a file."""
    member = store.vector_store_files.member(store_id, file_id)
    assert store.vector_store_files.settle(member, "completed", usage_bytes=77, chunks=1, parts=1, warnings=[])


def fill(store: Store) -> None:
    """Put everything into a stack."""
    made = assistant(store)
    own = assistant(store, id="My-Bot_1", assistant_type="agent")
    first = file(store, "file-0mwrk00aelwhpuyeyse0ki7c", b"\x00binary\xff")
    vector_store(store, first)
    thread_with_run(store, made["id"], "ada", "What is 3 + 4?")
    long = thread_with_run(store, own["id"], "bob", LONG)
    run(store, own["id"], long.thread_id, "Again.", Milliseconds(NOW_MS + 90_000_000))
    message = store.messages.newest(long.thread_id, 1, 10**6, 10**6, "")[0][0]
    store.messages.update(long.thread_id, message["id"], {"z": "1", "a": "2"})
    other = store.of("other")
    theirs = assistant(other, name="Theirs")
    thread_with_run(other, theirs["id"], "eve", "Secret.")
    store.usage.set_budget(Budget(None, 1_000_000, None))
    store.projects.set(Settings(own_ids=True, retention_days=30))
    # What was deleted is in no dump; its totals are.
    gone = thread_with_run(store, made["id"], "ada", "Delete me.")
    store.threads.delete(gone.thread_id, Seconds(NOW_MS // 1000))
    store.threads.bury(gone.thread_id)
