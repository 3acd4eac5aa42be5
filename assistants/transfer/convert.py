"""Makes objects of this API of those that a source has: what it does not know is left out, and said."""

from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, moment
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json, dicts_of, well_formed
from assistant_engine.domain.tool_resources import MAX_CODE_FILES
from assistant_engine.resources.assistants import new_assistant
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import TEXT_LENGTH, CreateAssistantRequest
from assistants.transfer.models import Models, fitted
from assistants.transfer.report import Report

_ASSISTANT = {
    "name",
    "description",
    "instructions",
    "tools",
    "tool_resources",
    "metadata",
    "temperature",
    "top_p",
    "response_format",
    "reasoning_effort",
    "assistant_type",
    "functions",
    "configuration",
}
_FURTHER = {"id", "object", "created_at", "model", "file_ids", "updated_at", "updated_by"}
_PARTS = ("text", "image_file", "image_url", "refusal")


class Unfit(Exception):
    """An object can't be imported; the message says why."""


def assistant(body: Json, models: Models, deployed: Json, report: Report) -> Json:
    """Return an assistant as `AssistantObject`.

    Args:
        deployed: the tools of the stack, as `registry.deployed` has them.

    Raises:
        Unfit: the API would refuse it.
    """
    name = body["id"]
    request = {key: value for key, value in body.items() if key in _ASSISTANT and value is not None}
    if foreign := sorted(body.keys() - _ASSISTANT - _FURTHER):
        report.note("assistant", name, f"left out: {', '.join(foreign)}")
    request["model"] = models.chosen(body.get("model"))
    if not request["model"]:
        raise Unfit("it names no model: --model chooses one")
    if request["model"] != body.get("model"):
        report.note("assistant", name, f"its model is {request['model']} instead of {body.get('model')}")
    elif models.is_gone(request["model"]):
        report.note("assistant", name, f"its model {request['model']} is switched off: --model-map chooses another")
    if dropped := fitted(request):
        report.note("assistant", name, f"{request['model']} refuses {', '.join(dropped)}: left out")
    tools = [_tool(tool) for tool in dicts_of(request.get("tools"))]
    functions = _functions(name, dicts_of(request.get("functions")), tools, deployed, report)
    request |= {"tools": tools, "metadata": metadata(body, "assistant", report), "functions": functions}
    request["tool_resources"] = _resources(body, tools)
    created = moment(body.get("created_at"))
    if created is None:
        raise Unfit("it has no created_at")
    try:
        parse(CreateAssistantRequest, request)
        made = new_assistant({**request, "functions": []}, created)
    except ApiError as error:
        raise Unfit(f"{error.param}: {error}") from None
    return {**made, "id": name, "functions": functions}


def _tool(tool: Json) -> Json:
    """Return a tool; the first version's `retrieval` is `file_search` now."""
    return {"type": "file_search"} if tool.get("type") == "retrieval" else tool


def _functions(name: str, entries: list[Json], tools: list[Json], deployed: Json, report: Report) -> list[Json]:
    """Return the functions whose tools are deployed; others are the client's, if the assistant has their schemas."""
    kept = []
    offered = {(tool.get("function") or {}).get("name") for tool in tools}
    for entry in filter(None, entries):
        module = deployed.get(str(entry.get("module_name")), {"class_name": None, "functions": {}})
        function = entry.get("function_name")
        if module["class_name"] == entry.get("class_name") and function in module["functions"]:
            members = ("module_name", "class_name", "function_name")
            kept.append({**{key: entry[key] for key in members}, "configuration": entry.get("configuration") or {}})
        elif function in offered:
            report.note("assistant", name, f"no deployed tool has the function {function}: the client is asked for it")
        else:
            report.leave_out("function", f"{name} {function}", "no deployed tool has it, and its schema is not known")
    return kept


def _resources(body: Json, tools: list[Json]) -> Json:
    resources: Json = body.get("tool_resources") or {}
    if body.get("file_ids") and not resources:
        types = {tool.get("type") for tool in tools}
        if "code_interpreter" in types:
            resources = {"code_interpreter": {"file_ids": body["file_ids"][:MAX_CODE_FILES]}}
        if "file_search" in types:
            resources = {**resources, "file_search": {"vector_store_ids": [store_of_files(body)["id"]]}}
    return resources


def store_of_files(body: Json) -> Json:
    """Return the vector store in place of what `retrieval` of the first version searched: the files themselves."""
    created = moment(body.get("created_at")) or Milliseconds(0)
    made = ids.new_id("vs_", created, seed=body["id"])
    return {"id": made, "object": "vector_store", "created_at": created // 1000, "name": "", "metadata": {}}


def metadata(body: Json, kind: str, report: Report) -> dict[str, str]:
    """Return what of an object's metadata the API takes: 16 pairs, names of 64 characters and values of 512."""
    given = body.get("metadata")
    pairs = given.items() if isinstance(given, dict) else ()
    fit = [(name, value) for name, value in pairs if _fits(name, value)][:16]
    if len(fit) < len(pairs):
        report.leave_out("metadata", f"{kind} {body['id']}", f"{len(pairs) - len(fit)} of {len(pairs)} pairs")
    return {well_formed(name): well_formed(value) for name, value in fit}


def _fits(name: str, value: Any) -> bool:
    return isinstance(value, str) and len(name) <= 64 and len(value) <= 512 and "\0" not in name + value


def message(body: Json, report: Report) -> Json:
    """Return a message as `MessageObject`, its id, its thread and its run still missing.

    Raises:
        Unfit: the API would refuse it.
    """
    if body.get("role") not in ("user", "assistant"):
        raise Unfit(f"its role is {str(body.get('role'))[:40]!r}, neither user nor assistant")
    content = body.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    given = dicts_of(content)
    parts = [part for part in map(_part, given) if part]
    if len(parts) < len(given):
        report.leave_out("content", body["id"], "a part of it is of no known type")
    texts = [part["text"]["value"] for part in parts if part["type"] == "text"]
    if sum(map(len, texts)) > TEXT_LENGTH:
        raise Unfit(f"its text is longer than {TEXT_LENGTH:,} characters")
    if not parts and body["role"] == "user":
        raise Unfit("it has no content")
    created = (moment(body.get("created_at")) or 0) // 1000
    status = body.get("status") if body.get("status") in ("incomplete", "in_progress") else "completed"
    ended = (moment(body.get("completed_at")) or 1000 * created) // 1000
    return {
        "object": "thread.message",
        "created_at": created,
        "status": "incomplete" if status == "in_progress" else status,
        "incomplete_details": body.get("incomplete_details"),
        "completed_at": ended if status == "completed" else None,
        "incomplete_at": None
        if status == "completed"
        else (moment(body.get("incomplete_at")) or 1000 * created) // 1000,
        "role": body["role"],
        "content": parts,
        "assistant_id": body.get("assistant_id") if body["role"] == "assistant" else None,
        "run_id": None,
        "attachments": attachments(body),
        "metadata": metadata(body, "thread.message", report),
    }


def _part(part: Json) -> Json | None:
    kind = str(part.get("type"))
    held = part.get(kind) if kind in _PARTS else None
    if kind == "text":
        text: Json = held if isinstance(held, dict) else {"value": held}
        if not isinstance(text.get("value"), str):
            return None
        value = well_formed(text["value"].replace("\0", ""))
        return {"type": "text", "text": {"value": value, "annotations": dicts_of(text.get("annotations"))}}
    if kind == "refusal":
        return {"type": "refusal", "refusal": str(held)}
    return {"type": kind, kind: held} if isinstance(held, dict) else None


def attachments(body: Json) -> list[Json]:
    """Return the attachments of a message; files of the first version are for both tools."""
    if body.get("attachments"):
        return [each for each in dicts_of(body["attachments"]) if each.get("file_id")]
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}]  # what files of the first version were for
    return [{"file_id": name, "tools": tools} for name in body.get("file_ids") or [] if isinstance(name, str)]
