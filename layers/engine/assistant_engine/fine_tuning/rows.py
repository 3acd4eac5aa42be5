"""What an assistant's runs said as rows, one for each message, and what is learned from them.

The rows are made of the record each time: no table holds them. A row's id says where it comes from:

    <thread>.system                      the instructions of the thread's first run
    <thread>.<message>                   a message
    <thread>.<run>.<turn>                the calls of a turn
    <thread>.<run>.<turn>.<call>         the output of one of them
"""

import hashlib
from collections.abc import Iterator, Sequence

from assistant_engine.domain.clock import EPOCH, Milliseconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.fine_tuning import Taken
from assistant_engine.domain.ids import new_id, shown
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import text_of
from assistant_engine.domain.rating import WEIGHT, weight_of
from assistant_engine.domain.thread import ThreadId
from assistant_engine.fine_tuning import conversation
from assistant_engine.fine_tuning.conversation import Conversation, Window
from assistant_engine.fine_tuning.exports import days_of
from assistant_engine.fine_tuning.writing import runs_of
from assistant_engine.store import Store
from assistant_engine.store.fine_tuning import PREFIX

ANY_TIME = (EPOCH, Milliseconds(10**15))


def rows(
    store: Store, assistant_id: str, start_at: int, end_at: int, *, thread_id: str | None = None
) -> Iterator[Json]:
    """The rows of the completed runs that ended from `start_at` to before `end_at` (seconds), thread by thread.

    Each is `{"thread_id", "message_uuid", "timestamp" (seconds), "role", "tool_calls", "tool_call_id", "content",
    "weight", "trained"}`; None is what it has not.

    Args:
        thread_id: only those of this thread.

    Raises:
        NotFound: there is no such assistant.
    """
    store.assistants.get(assistant_id)
    window = Window(assistant_id, Milliseconds(start_at * 1000), Milliseconds(end_at * 1000))
    threads: dict[ThreadId, list[str]] = {}
    for thread, run_id in store.fine_tuning.ended(assistant_id, days_of({"start_at": start_at, "end_at": end_at})):
        if thread_id in (None, thread):
            threads.setdefault(thread, []).append(run_id)
    trained = _trained(store, assistant_id)
    for thread, run_ids in sorted(threads.items()):
        yield from _rows(conversation.read(store, thread, run_ids, window), trained)


def row(store: Store, assistant_id: str, message_uuid: str) -> Json:
    """One row by its id.

    Raises:
        NotFound: there is none.
    """
    store.assistants.get(assistant_id)
    thread_id, _, name = message_uuid.partition(".")
    thread = store.threads.get(thread_id)
    run_ids = _run_ids(store, thread.id, name)
    found = conversation.read(store, thread.id, run_ids, Window(assistant_id, *ANY_TIME))
    for each in _rows(found, _trained(store, assistant_id)):
        if each["message_uuid"] == message_uuid:
            return each
    raise _no_row(name)


def set_weight(store: Store, assistant_id: str, message_uuid: str, weight: float) -> Json:
    """Say how much is to be learned from a message, 0 to 1; return its row.

    Raises:
        NotFound: there is no such row.
        InvalidRequest: the weight is none; only messages have one.
    """
    if not 0 <= weight <= 1:
        raise InvalidRequest("Invalid 'weight': expected 0 to 1.", param="weight", code="invalid_value")
    found = row(store, assistant_id, message_uuid)
    _, _, name = message_uuid.partition(".")
    if not name.startswith("msg_"):
        raise InvalidRequest(
            "Invalid 'message_uuid': instructions and tools' turns have no weight. Weigh the answer of their run.",
            param="message_uuid",
            code="invalid_value",
        )
    thread = store.threads.get(found["thread_id"])
    metadata = store.messages.get(thread.id, name)["metadata"]
    store.messages.update(thread.id, name, {**metadata, WEIGHT: f"{weight:g}"})
    return {**found, "weight": float(weight)}


def mark_trained(store: Store, assistant_id: str, message_uuids: Sequence[str], now_ms: Milliseconds) -> None:
    """Leave the runs of these rows out of exports from now on, as if an export had them.

    Raises:
        NotFound: there is no such row.
    """
    lines: dict[str, list[str]] = {}
    for message_uuid in message_uuids:
        thread_id, _, name = message_uuid.partition(".")
        thread = store.threads.get(thread_id)
        if not (run_ids := _run_ids(store, thread.id, name)):
            raise _no_row(name)
        lines.setdefault(thread.id, []).extend(run_ids)
    listed = [{"thread_id": thread_id, "run_ids": sorted(set(run_ids))} for thread_id, run_ids in sorted(lines.items())]
    marked = hashlib.sha256(repr(listed).encode()).hexdigest()
    export_id = new_id(PREFIX, now_ms, seed=marked)
    manifest = {"id": export_id, "assistant_id": assistant_id, "files": {"marked": {"lines": listed}}}
    store.fine_tuning.put_manifest(assistant_id, export_id, manifest)


def _trained(store: Store, assistant_id: str) -> set[str]:
    return {run_id for manifest in store.fine_tuning.manifests(assistant_id) for run_id in runs_of(manifest)}


def _run_ids(store: Store, thread_id: ThreadId, name: str) -> list[str]:
    """Return the run that a row comes from; of a question that of the answer, of the instructions the first one."""
    if name.startswith("run_"):
        return [name.partition(".")[0]]
    said = store.messages.whole(thread_id, conversation.MAX_MESSAGES)
    begun = name == "system"
    for message in said:
        begun = begun or message["id"] == name
        if begun and message["run_id"]:
            return [message["run_id"]]
    return []


def _rows(found: Conversation, trained: set[str]) -> Iterator[Json]:
    runs = {taken.run_id: taken for taken in found.runs}
    if not runs:
        return
    told: set[str] = set()
    asked: list[Json] = []
    begun = False
    for message in found.said:
        taken = runs.get(message["run_id"] or "")
        if taken is None:
            asked = [] if message["run_id"] else [*asked, message]
            continue
        if not begun and (instructions := taken.settings["instructions"]):
            yield _row(found, "system", message, taken, trained, role="system", content=instructions)
        begun = True
        for question in asked:
            yield _said(found, question, taken, trained)
        asked = []
        if taken.run_id not in told:
            told.add(taken.run_id)
            yield from _calls(found, message, taken, trained)
        yield _said(found, message, taken, trained)


def _said(found: Conversation, message: Json, taken: Taken, trained: set[str]) -> Json:
    weight = weight_of(message["metadata"]) if message["role"] == "assistant" else None
    return _row(
        found, message["id"], message, taken, trained, role=message["role"], content=text_of(message), weight=weight
    )


def _calls(found: Conversation, message: Json, taken: Taken, trained: set[str]) -> Iterator[Json]:
    for number, (turn, outputs) in enumerate(zip(taken.turns, taken.outputs, strict=False)):
        calls = [item for item in turn if item["type"] == "function_call"]
        made = [
            {
                "id": call["call_id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]
        name = f"{taken.run_id}.{number}"
        yield _row(found, name, message, taken, trained, role="assistant", tool_calls=made)
        for call in calls:
            output, call_id = outputs[call["call_id"]], call["call_id"]
            yield _row(
                found, f"{name}.{call_id}", message, taken, trained, role="tool", content=output, tool_call_id=call_id
            )


def _row(found: Conversation, name: str, message: Json, taken: Taken, trained: set[str], **more: object) -> Json:
    return {
        "thread_id": found.thread_id,
        "message_uuid": f"{found.thread_id}.{name}",
        "timestamp": message["created_at"],
        "tool_calls": None,
        "tool_call_id": None,
        "content": None,
        "weight": None,
        "trained": taken.run_id in trained,
        **more,
    }


def _no_row(name: str) -> NotFound:
    return NotFound(f"No fine-tuning message found with id '{shown(name)}'.")
