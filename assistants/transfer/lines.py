"""A line of a dump: an object in the API's shape, and under `record` what else the engine keeps of it.

`record` is `{"item", "texts"}`: the attributes of the item, and the JSON texts among them as JSON, unless the object
itself is that JSON.
"""

import json
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.store.assistant_item import assistant_of
from assistant_engine.store.items import is_ours
from assistant_engine.store.message_item import message_of
from assistant_engine.store.partition import HEAD
from assistant_engine.store.projects import PARTITION as PROJECTS
from assistant_engine.store.run_item import run_of
from assistant_engine.store.transfer import Row, Table, Transfer
from assistant_engine.store.vector_store_actions import MEMBER_PREFIX, member_of
from assistant_engine.store.vector_store_batches import BATCH_PREFIX
from assistant_engine.store.vector_stores import HEAD as STORE_HEAD

KINDS: dict[str, tuple[str, str]] = {
    "assistant": ("assistants", ""),
    "file": ("assistants", "document"),
    "vector_store": ("messages", ""),
    "vector_store.file": ("messages", ""),
    "vector_store.files_batch": ("messages", ""),
    "thread": ("messages", "tool_resources"),
    "thread.message": ("messages", "document"),
    "thread.run": ("messages", "document"),
    "thread.run.step": ("messages", "document"),
    "thread.run.turn": ("messages", "output"),
    "thread.total": ("threads", ""),
    "thread.imported_id": ("messages", ""),
    "usage": ("messages", ""),
    "budget": ("messages", ""),
    "project_settings": ("messages", ""),
}
"""The table of each kind of object, and which attribute of its item is JSON text."""

_NAMES = {
    HEAD: "thread",
    STORE_HEAD: "vector_store",
    "msg_": "thread.message",
    "run_": "thread.run",
    "step_": "thread.run.step",
    "turn#": "thread.run.turn",
    "id#": "thread.imported_id",
    "usage#": "usage",
    MEMBER_PREFIX: "vector_store.file",
    BATCH_PREFIX: "vector_store.files_batch",
}

ADDED = "added_"
"""What the attribute of a usage counter starts with that says which counter of a dump was added to it."""

_MAPS = ("metadata", "tool_resources", "chunking_strategy", "last_error", "incomplete_details")
"""Members that DynamoDB has as maps, without an order."""

_SETTINGS = (
    "model",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "reasoning_effort",
    "max_prompt_tokens",
    "max_completion_tokens",
    "truncation_strategy",
)


def kind_of(table: Table, item: Json) -> str:
    """Return which kind of object an item is; empty if it is none that is dumped."""
    if table == "threads":
        return (
            "thread.total" if isinstance(item.get("ended_runs", 0), int) and isinstance(item.get("runs"), int) else ""
        )
    if table == "assistants":
        return "assistant" if "version" in item else "file" if item.get("project", "").endswith("#file") else ""
    partition, name = item["thread_id"], item["message_id"]
    if partition == PROJECTS:
        return "project_settings"
    if partition.startswith("budget#"):
        return "budget"
    kind = _NAMES.get(name) or next((kind for start, kind in _NAMES.items() if name.startswith(start)), "")
    text = KINDS[kind][1] if kind else ""
    if text == "document" and not is_ours(item):
        return ""  # of others
    return kind


def line_of(kind: str, item: Json, transfer: Transfer) -> Json:
    """Return an item as a line of a dump."""
    text = KINDS[kind][1]
    whole = {name: value for name, value in item.items() if not name.startswith(ADDED)}
    if text:
        whole = {name: value for name, value in whole.items() if not name.endswith("_key")} | transfer.texts(item)
    shown = _shown(kind, whole, transfer)
    shown |= {name: ordered(shown[name]) for name in _MAPS if name in shown}
    if kind == "assistant":
        return {**shown, "record": {"item": {"project": item["project"]}, "texts": {}}}
    attributes = {name: value for name, value in whole.items() if name not in (text, "task_token")}
    texts = {}
    if text in whole and (kept := _kept(kind, json.loads(whole[text]), shown)) is not None:
        texts[text] = kept
    return {**shown, "record": {"item": ordered(attributes), "texts": texts}}


def _shown(kind: str, item: Json, transfer: Transfer) -> Json:
    store = transfer.store
    if kind == "assistant":
        return assistant_of(item, store.blobs)
    if kind == "file":
        return dict(json.loads(item["document"]))
    if kind == "thread":
        return {
            "id": item["thread_id"],
            "object": kind,
            "created_at": item["created_at"],
            "metadata": item["metadata"],
            "tool_resources": json.loads(item["tool_resources"]),
        }
    if kind == "thread.message":
        return message_of(item, json.loads(item["document"]))
    if kind == "thread.run":
        run = run_of({**item, "task_token": None}, store.blobs)
        return run.api([], ended=is_terminal(run.status))
    if kind == "thread.run.step":
        if "outputs" in item:
            item["outputs"] = _inlined(item["outputs"], transfer)
        return store.steps.shown(item, contents=True)
    if kind == "thread.run.turn":
        _, run_id, turn = item["message_id"].split("#")
        shown = {"object": kind, "thread_id": item["thread_id"], "run_id": run_id, "turn": int(turn)}
        return {**shown, "output": json.loads(item["output"])}
    if kind == "vector_store":
        return store.vector_stores.shown(item)
    if kind == "vector_store.file":
        return member_of(item)
    return {"object": kind}


def _inlined(outputs: Json, transfer: Transfer) -> Json:
    """Return outputs of tools with their texts instead of the bucket's keys of them."""
    keys = {call: output["key"] for call, output in outputs.items() if "key" in output}
    texts = dict(zip(keys, transfer.store.blobs.read_all(list(keys.values())), strict=True))
    return {
        call: {**{name: value for name, value in output.items() if name != "key"}, "text": texts[call]}
        if call in texts
        else output
        for call, output in outputs.items()
    }


def _kept(kind: str, text: Any, shown: Json) -> Any:
    """Return what of a JSON text the object does not show."""
    if kind == "thread.run":
        return {name: value for name, value in text.items() if name != "settings"}
    if kind in ("thread", "thread.run.turn"):
        return None
    return text if text != shown else None


def ordered(value: Any) -> Any:
    """Return JSON with its members by name: DynamoDB keeps no order of a map."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list) else value


def row_of(line: Json) -> Row:
    """Return the item that a line of a dump tells of, its texts in it.

    Raises:
        KeyError, TypeError, ValueError: it is no such line.
    """
    kind = line["object"]
    table, text = KINDS[kind]
    record = line["record"]
    item = dict(record["item"])
    shown = {name: value for name, value in line.items() if name != "record"}
    if text:
        value = record["texts"].get(text, shown)
        if kind == "thread.run":
            value = {"settings": {name: line[name] for name in _SETTINGS if name in line}, **value}
        elif kind == "thread":
            value = line["tool_resources"]
        elif kind == "thread.run.turn":
            value = line["output"]
        item[text] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Row(table, item)  # type: ignore[arg-type]


def moved(item: Json, project: str) -> Json:
    """Return an item as it is in another project."""
    made = dict(item)
    for name in ("project", "user_id", "ended_run"):  # All begin with the project's name.
        if name in made:
            _, sign, rest = made[name].partition("#")
            made[name] = f"{project}{sign}{rest}"
    if "belongs_to" in made:
        made["belongs_to"] = project
    partition = made.get("thread_id", "")
    if partition == PROJECTS:
        made["message_id"] = project
    elif partition.startswith("budget#"):
        made["thread_id"] = f"budget#{project}"
    elif partition.startswith("usage#"):
        parts = partition.split("#", 3)
        made["thread_id"] = "#".join([*parts[:2], project, *parts[3:]])
    return made


def project_of(item: Json) -> str:
    """Return the project of totals, of budgets or of settings."""
    partition = item["thread_id"]
    return str(item["message_id"] if partition == PROJECTS else partition.removeprefix("usage#").split("#")[1])
