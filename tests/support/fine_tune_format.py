"""The formats of a line for fine-tuning as JSON schemas, and what a schema can't say of the order of its messages."""

import json

import jsonschema_rs

from assistant_engine.domain.json_data import Json

_TEXT: Json = {"type": "string"}
_CALL: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type", "function"],
    "properties": {
        "id": _TEXT,
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "arguments"],
            "properties": {"name": _TEXT, "arguments": _TEXT},
        },
    },
}


def _message(role: str, required: list[str], **properties: Json) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["role", *required],
        "properties": {"role": {"const": role}, **properties},
    }


OPENAI: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["messages"],
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "oneOf": [
                    _message("system", ["content"], content=_TEXT),
                    _message("user", ["content"], content=_TEXT),
                    _message("assistant", ["content"], content=_TEXT, weight={"type": "integer", "enum": [0, 1]}),
                    _message(
                        "assistant",
                        ["tool_calls"],
                        content={"type": ["string", "null"]},
                        tool_calls={"type": "array", "minItems": 1, "items": _CALL},
                    ),
                    _message("tool", ["content", "tool_call_id"], content=_TEXT, tool_call_id=_TEXT),
                ]
            },
        },
        "tools": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["type", "function"],
                "properties": {
                    "type": {"const": "function"},
                    "function": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"},
                            "description": _TEXT,
                            "parameters": {"type": "object"},
                            "strict": {"type": ["boolean", "null"]},
                        },
                    },
                },
            },
        },
        "parallel_tool_calls": {"type": "boolean"},
    },
}
"""`FineTuneChatRequestInput` of OpenAI's API description, of which no more than this is written here."""

_PARTS: Json = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["text"],
        "properties": {"text": {"type": "string", "minLength": 1}},
    },
}
BEDROCK: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schemaVersion", "messages"],
    "properties": {
        "schemaVersion": {"const": "bedrock-conversation-2024"},
        "system": _PARTS,
        "messages": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "content"],
                "properties": {"role": {"enum": ["user", "assistant"]}, "content": _PARTS},
            },
        },
    },
}
"""The Converse format of Amazon Bedrock's guide ("Preparing data for fine-tuning")."""


def loaded(data: bytes, shape: str = "openai") -> list[Json]:
    """Return the lines of a file, each held against its format and the order that roles have."""
    assert data.endswith(b"\n")
    lines = [json.loads(line) for line in data.decode().splitlines()]
    for line in lines:
        jsonschema_rs.validate(OPENAI if shape == "openai" else BEDROCK, line)
        (_check_openai if shape == "openai" else _check_bedrock)(line)
    return lines


def _check_openai(line: Json) -> None:
    messages = line["messages"]
    assert [message["role"] for message in messages].count("system") <= 1
    assert all(message["role"] != "system" for message in messages[1:])
    assert messages[-1]["role"] == "assistant" and "tool_calls" not in messages[-1]
    waiting: list[str] = []
    offered = {tool["function"]["name"] for tool in line.get("tools", [])}
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, "a tool's message answers a call right before it"
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, "each call is answered before anything else is said"
        for call in message.get("tool_calls", []):
            waiting.append(call["id"])
            assert call["function"]["name"] in offered
    assert not waiting
    assert any(message.get("weight") == 1 for message in messages)


def _check_bedrock(line: Json) -> None:
    roles = [message["role"] for message in line["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2)
