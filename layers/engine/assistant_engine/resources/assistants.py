"""Assistants."""

from assistant_engine.domain import builtin_tools, ids, tool_resources
from assistant_engine.domain.assistant import check_configurations
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import references, vector_stores
from assistant_engine.store import Idempotency, Store
from assistant_engine.tools import registry

MAX_TOOLS = 128
"""Tools of an assistant, as the API has it."""


_MODIFY_ATTEMPTS = 10


def create(
    store: Store,
    request: Json,
    now_ms: Milliseconds,
    idempotency: Idempotency | None = None,
    *,
    own_ids: bool = False,
) -> Json:
    """Create an assistant from a valid `CreateAssistantRequest`, and before it the vector store that it asks for.

    Args:
        own_ids: whether a given `id` is taken whatever the project's settings say.

    Returns:
        `AssistantObject`.

    Raises:
        InvalidRequest: a file, a vector store or a tool that is named does not exist; the given `id` is taken,
            or the project takes none.
        NotFound: a file does not exist.
        Replayed, Conflict: the idempotency key was used.
    """
    references.check(store, request)
    if "id" in request and not own_ids and not store.projects.settings().own_ids:
        raise InvalidRequest(
            "Invalid 'id': this project gives assistants their ids. Its operator can allow others: "
            "`python -m assistants projects set --own-ids`.",
            param="id",
            code="unsupported_value",
        )
    assistant = new_assistant(request, now_ms)
    resources, requested = assistant["tool_resources"], request.get("tool_resources")
    assistant["tool_resources"] = vector_stores.made_with(store, requested, resources, [], now_ms, idempotency)
    store.assistants.create(assistant, idempotency)
    return assistant


def modify(store: Store, assistant_id: str, request: Json) -> Json:
    """Change an assistant by a valid `ModifyAssistantRequest`.

    Returns:
        `AssistantObject`.

    Raises:
        NotFound: there is no such assistant.
        InvalidRequest: a file, a vector store or a tool that is named does not exist.
        Unavailable: others write to it all the time.
    """
    references.check(store, request)
    for _ in range(_MODIFY_ATTEMPTS):
        seen, version = store.assistants.seen(assistant_id)
        assistant = modified(seen, request)
        if store.assistants.replace(assistant, version):
            return assistant
    raise Unavailable(f"Too many writers on {assistant_id} at once. Please try again.")


def new_assistant(request: Json, now_ms: Milliseconds) -> Json:
    """An assistant as `AssistantObject` from a valid `CreateAssistantRequest`.

    Raises:
        InvalidRequest: `functions` names a tool that is not deployed.
    """
    blank = {
        "id": request.get("id") or ids.new_id("asst_", now_ms),
        "object": "assistant",
        "created_at": seconds_of(now_ms),
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
        "configuration": {},
        "voice": None,
    }
    if blank["id"] == blank["assistant_type"]:
        raise InvalidRequest("Invalid 'id': it must differ from 'assistant_type'.", param="id", code="invalid_value")
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
        "configuration": {},
        "model": assistant["model"],
    }
    changes: Json = {name: defaults.get(name) if value is None else value for name, value in request.items()}
    changes["tool_resources"] = tool_resources.stored(changes.get("tool_resources", assistant["tool_resources"]))
    if changes.get("functions"):
        changes["functions"] = [{"configuration": {}, **entry} for entry in changes["functions"]]
        registry.check(changes["functions"])
    changed = {**assistant, **changes}
    check_configurations(changed)
    builtin_tools.check_names(changed["tools"])
    if len(changed["tools"]) + len(changed["functions"]) > MAX_TOOLS:
        raise InvalidRequest(
            f"Invalid 'tools': array too long. Expected at most {MAX_TOOLS} tools and functions together.",
            param="tools",
            code="array_above_max_length",
        )
    return changed
