"""An assistant as an item: the documented JSON, an attribute for each member, to be read and edited in the console.

What DynamoDB's types can't hold is JSON text instead: a fraction (`1.0` would come back as `1`), an integer of more
than 38 digits, an empty name, deep nesting; and a JSON schema, because the model sees the order of its members and a
map has none. A member that may be such text is never a string by itself. What is over 32 KB is in the bucket.
"""

import json
from typing import Any

from assistant_engine.domain.json_data import Json, dicts_of
from assistant_engine.store.blobs import Blobs

_ATTRIBUTES = {"id": "assistant_id", "name": "assistant_name"}
"""The members whose attributes have other names: those of the earlier engine's document."""

_DEFAULTS: Json = {
    "id": None,
    "object": "assistant",
    "created_at": None,
    "name": None,
    "description": None,
    "model": None,
    "instructions": None,
    "tools": [],
    "tool_resources": {},
    "metadata": {},
    "temperature": None,
    "top_p": None,
    "response_format": "auto",
    "reasoning_effort": None,
    "assistant_type": None,
    "functions": [],
    "configuration": {},
    "voice": None,
}
"""The members of `AssistantObject` in their order, and what those are that the item lacks."""

_PLAIN = {"id", "created_at", "name", "description", "model", "instructions", "reasoning_effort", "assistant_type"}
"""The members that are strings or small numbers."""

_ORDER = ("type", "module_name", "class_name", "function_name", "function", "json_schema", "name", "description")
"""The order of what a tool, a function or a format consists of; DynamoDB keeps none. Others follow by name."""

_DEPTH = 20  # DynamoDB nests 32 levels
_INTEGER = 10**38


def attributes_of(assistant: Json, blobs: Blobs, folder: str) -> Json:
    """Return an assistant (`AssistantObject`) as attributes.

    Args:
        folder: where the bucket takes what is large.
    """
    item: Json = {}
    for member, value in assistant.items():
        if member == "object" or value is None:
            continue
        name = _ATTRIBUTES.get(member, member)
        packed = blobs.pack(name, value, f"{folder}/{name}.json")
        item |= {name: value if member in _PLAIN else _held(member, value)} if name in packed else packed
    return item


def assistant_of(item: Json, blobs: Blobs) -> Json:
    """Return the assistant that an item holds."""
    assistant: Json = {}
    for member, default in _DEFAULTS.items():
        name = _ATTRIBUTES.get(member, member)
        if f"{name}_key" in item:
            assistant[member] = blobs.unpack(name, item)
        elif name in item:
            assistant[member] = item[name] if member in _PLAIN else _told(member, item[name])
        else:
            assistant[member] = default
    return assistant


def _held(member: str, value: Any) -> Any:
    """Return a member as DynamoDB holds it."""
    if member == "functions":
        return [{**entry, "configuration": _whole(entry.get("configuration", {}))} for entry in value]
    if member == "tools":
        value = [_with_part(_with_part(tool, "function", "parameters"), "file_search") for tool in value]
    elif member == "response_format":
        if value == "auto":
            return value
        value = _with_part(value, "json_schema", "schema")
    return _whole(value)


def _with_part(value: Json, name: str, schema: str = "") -> Json:
    """Return an object with one of its members, or that one's schema, as text if need be."""
    if name not in value:
        return value
    if not schema:
        return {**value, name: _whole(value[name])}
    part = value[name]
    return {**value, name: {**part, schema: _text(part[schema])}} if schema in part else value


def _whole(value: Any) -> Any:
    return value if _fits(value, _DEPTH) else _text(value)


def _fits(value: Any, depth: int) -> bool:
    if isinstance(value, float) or not depth:
        return False
    if isinstance(value, int):
        return abs(value) < _INTEGER
    if isinstance(value, dict):
        return all(name and _fits(each, depth - 1) for name, each in value.items())
    return all(_fits(each, depth - 1) for each in value) if isinstance(value, list) else True


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _told(member: str, held: Any) -> Any:
    """Return the member that DynamoDB holds like this."""
    if isinstance(held, str):
        return held if held == "auto" else json.loads(held)
    if member == "functions":
        return [
            _ordered({**entry, "configuration": _value(entry.get("configuration", {}))}) for entry in dicts_of(held)
        ]
    if member == "tools":
        return [_ordered(tool) for tool in dicts_of(held)]
    return _ordered(held) if member == "response_format" else held


def _ordered(held: Json) -> Json:
    """Return a tool, a function or a format with its members in their order, and its parts as they were."""
    names = sorted(held, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    made = {name: held[name] for name in names}
    for name in ("function", "json_schema"):
        if name in made:
            made[name] = _ordered(made[name])
    for name in ("parameters", "schema", "file_search"):
        if name in made:
            made[name] = _value(made[name])
    return made


def _value(held: Any) -> Any:
    return json.loads(held) if isinstance(held, str) else held
