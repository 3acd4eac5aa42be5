"""Assistants: what a valid request makes of one."""

from assistant_engine.domain import builtin_tools, ids, tool_resources
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.tools import registry

MOST_TOOLS = 128
"""Tools of an assistant, as the API has it."""


def new_assistant(request: Json, now_ms: int) -> Json:
    """An assistant as `AssistantObject` from a valid `CreateAssistantRequest`.

    Raises:
        InvalidRequest: `functions` names a tool that is not deployed.
    """
    blank = {
        "id": ids.new_id("asst_", now_ms),
        "object": "assistant",
        "created_at": now_ms // 1000,
        "name": None,
        "description": None,
        "model": request["model"],
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "reasoning_effort": None,
        "assistant_type": request.get("assistant_type", "chat"),
        "functions": [],
    }
    return modified(blank, request)


def modified(assistant: Json, request: Json) -> Json:
    """The assistant after a valid `ModifyAssistantRequest`; null puts a field back to its default.

    Raises:
        InvalidRequest: `functions` names a tool that is not deployed, or `assistant_type` is another one.
    """
    if request.get("assistant_type", assistant["assistant_type"]) != assistant["assistant_type"]:
        raise InvalidRequest(
            f"Invalid 'assistant_type': it is fixed when the assistant is created; this one is a "
            f"'{assistant['assistant_type']}' assistant.",
            param="assistant_type",
            code="invalid_value",
        )
    defaults: Json = {
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "functions": [],
        "model": assistant["model"],
    }
    changes: Json = {name: defaults.get(name) if value is None else value for name, value in request.items()}
    changes["tool_resources"] = tool_resources.stored(changes.get("tool_resources", assistant["tool_resources"]))
    if changes.get("functions"):
        changes["functions"] = [{"configuration": {}, **entry} for entry in changes["functions"]]
        registry.check(changes["functions"])
    changed = {**assistant, **changes}
    builtin_tools.check_names(changed["tools"])
    if len(changed["tools"]) + len(changed["functions"]) > MOST_TOOLS:
        raise InvalidRequest(
            f"Invalid 'tools': array too long. Expected at most {MOST_TOOLS} tools and functions together.",
            param="tools",
            code="array_above_max_length",
        )
    return changed
