"""Assistants."""

import json
from functools import partial
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import assistants
from assistant_engine.runtime.settings import Models, configured
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import CreateAssistantRequest, ModifyAssistantRequest
from assistant_engine.store import Replayed
from resolvers.values import as_object, every, listed, named, objects

_NAMES = {
    "name": "assistantName",
    "id": "assistantId",
    "tool_resources": "toolResources",
    "top_p": "topP",
    "response_format": "responseFormat",
    "assistant_type": "assistantType",
    "metadata.updated_by": "updatedBy",
}

_NARROWER = "Name its assistantType or its assistantName."


def assistant(asked: Asked, assistant_type: str, assistant_id: str) -> Json:
    """Answer with an assistant of a type."""
    return shown(asked, of_type(asked, assistant_type, assistant_id))


def assistant_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    assistant_type: str | None = None,
    assistant_name: str | None = None,
) -> Json:
    """Answer with a page of the assistants, newest first; `assistantName` is a part of the name."""
    found = (
        each
        for each in every(asked, asked.store.assistants.page)
        if assistant_type in (None, "", each["assistant_type"]) and (assistant_name or "") in (each["name"] or "")
    )
    return listed("assistant_list", found, partial(shown, asked), page_number, limit, _NARROWER)


def insert_update_assistant(
    asked: Asked,
    assistant_type: str,
    assistant_name: str,
    functions: list[Any],
    updated_by: str,
    assistant_id: str | None = None,
    **given: Any,
) -> Json:
    """Create an assistant, or change the one that has this id; an id that is free is taken.

    Raises:
        NotFound: the assistant of this id has another type.
    """
    made = None
    if assistant_id and (found := asked.store.assistants.found(assistant_id)):
        made = found[0]
        if made["assistant_type"] != assistant_type:
            raise not_found(assistant_id)
    request = {**given, "name": assistant_name, "functions": objects(functions), "assistant_type": assistant_type}
    # Metadata that is not given stays.
    metadata = given["metadata"] if "metadata" in given else (made or {}).get("metadata")
    request["metadata"] = {**as_object(metadata, "metadata"), "updated_by": updated_by}
    for name, read in (("tools", objects), ("response_format", _format)):
        if name in request:
            request[name] = read(request[name])
    with named(_NAMES):
        if made:
            request = parse(ModifyAssistantRequest, request)
            return {"assistant": shown(asked, assistants.modify(asked.store, made["id"], request))}
        request = {"model": configured(Models).model, **request, **({"id": assistant_id} if assistant_id else {})}
        request = parse(CreateAssistantRequest, request)
        key = asked.idempotency("assistant", request)
        try:
            created = assistants.create(asked.store, request, asked.now_ms, key, own_ids=True)
        except Replayed as before:
            created = asked.store.assistants.get(before.made["id"])
    return {"assistant": shown(asked, created)}


def delete_assistant(asked: Asked, assistant_type: str, assistant_id: str) -> Json:
    """Delete an assistant of a type."""
    of_type(asked, assistant_type, assistant_id)
    asked.store.assistants.delete(assistant_id)
    return {"ok": True}


def of_type(asked: Asked, assistant_type: str, assistant_id: str) -> Json:
    """Return an assistant (`AssistantObject`).

    Raises:
        NotFound: there is no such assistant, or it has another type.
    """
    found = asked.store.assistants.get(assistant_id)
    if found["assistant_type"] != assistant_type:
        raise not_found(assistant_id)
    return found


def not_found(assistant_id: str) -> NotFound:
    """Return the error of an assistant that is not there, as the store words it."""
    return NotFound(f"No assistant found with id '{ids.shown(assistant_id)}'.")


def shown(asked: Asked, found: Json) -> Json:
    """Return an assistant as the schema has it."""
    form = found["response_format"]
    return {
        **{name: found[name] for name in ("assistant_type", "description", "model", "instructions", "metadata")},
        **{name: found[name] for name in ("temperature", "top_p", "tools", "tool_resources", "configuration")},
        "assistant_id": found["id"],
        "assistant_name": found["name"],
        "response_format": form if isinstance(form, str) else json.dumps(form, ensure_ascii=False),
        "functions": found["functions"],
        "updated_by": found["metadata"].get("updated_by"),
        "created_at": found["created_at"],
        "updated_at": partial(asked.store.assistants.updated_at, found["id"]),
    }


def _format(text: str | None) -> Any:
    """Return a `responseFormat`: `auto`, the type of one (`json_object`), or one as JSON text."""
    if not text or text == "auto":
        return "auto"
    if not text.lstrip().startswith("{"):
        return {"type": text}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(
            "Invalid 'responseFormat': it is not valid JSON.", param="responseFormat", code="invalid_value"
        ) from None
