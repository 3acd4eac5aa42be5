"""Calls of tools: the steps of runs that call some."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.runs import records
from assistant_engine.schemas.parsing import text_fault
from assistant_engine.schemas.requests import TEXT_LENGTH
from resolvers.runs import run_anywhere
from resolvers.values import every, listed

MAX_WORD = 512
"""Characters of a name or an id that is recorded, as metadata has it."""

_NARROWER = "Name their runId."


def tool_call(asked: Asked, run_id: str, tool_call_id: str) -> Json:
    """Answer with a call of a run."""
    found = next((call for call in of_run(asked, run_anywhere(asked, run_id)) if call["id"] == tool_call_id), None)
    if found is None:
        raise not_found(tool_call_id)
    return shown(asked, found)


def tool_call_list(
    asked: Asked,
    page_number: int | None = None,
    limit: int | None = None,
    run_id: str | None = None,
    tool_types: list[str | None] | None = None,
    name: str | None = None,
) -> Json:
    """Answer with a page of a run's calls, oldest first; without a run of all, the newest thread's first."""
    runs = iter([run_anywhere(asked, run_id)]) if run_id else every_run(asked)
    found = (
        call
        for run in runs
        for call in of_run(asked, run)
        if (not tool_types or call["tool_type"] in tool_types) and (not name or _name(call) == name)
    )
    return listed("tool_call_list", found, partial(shown, asked), page_number, limit, _NARROWER)


def insert_update_tool_call(
    asked: Asked,
    run_id: str,
    tool_call_id: str,
    tool_type: str,
    name: str,
    arguments: Any,
    created_at: int,
    content: str | None = None,
) -> Json:
    """Record a call of a run that was recorded with its thread (`insertUpdateThread`), or change it."""
    run = records.recorded(asked.store, run_id)
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    _check_texts(toolCallId=tool_call_id, toolType=tool_type, name=name, arguments=text, content=content or "")
    function = {"name": name, "arguments": text, "output": content}
    call: Json = {"id": tool_call_id, "type": "function", "function": function}
    records.put_call(asked.store, run, call, tool_type, Seconds(created_at))
    return {"tool_call": shown(asked, {**call, "run_id": run_id, "created_at": created_at, "tool_type": tool_type})}


def delete_tool_call(asked: Asked, run_id: str, tool_call_id: str) -> Json:
    """Delete a call that was recorded."""
    if not records.delete_call(asked.store, records.recorded(asked.store, run_id), tool_call_id):
        raise not_found(tool_call_id)
    return {"ok": True}


def _check_texts(**texts: str) -> None:
    for param, text in texts.items():
        most = MAX_WORD if param in ("toolCallId", "toolType", "name") else TEXT_LENGTH
        fault = text_fault(text) or (f"expected at most {most:,} characters" if len(text) > most else None)
        if fault:
            raise InvalidRequest(f"Invalid '{param}': {fault}.", param=param, code="invalid_value")


def every_run(asked: Asked) -> Iterator[Run]:
    """Return the runs of the project, thread by thread."""
    for thread in every(asked, asked.store.threads.page):
        yield from every(asked, partial(asked.store.runs.page, thread.id))


def of_run(asked: Asked, run: Run) -> Iterator[Json]:
    """Return the calls of a run as its steps have them, with `run_id` and `created_at`."""
    for step in every(asked, partial(asked.store.steps.page, run.thread_id, run.id), "asc"):
        if step["type"] == "tool_calls":
            for call in step["step_details"]["tool_calls"]:
                kind = step["metadata"].get("tool_type") or call["type"]
                yield {**call, "run_id": run.id, "created_at": step["created_at"], "tool_type": kind}


def not_found(tool_call_id: str) -> NotFound:
    """Return the error of a call that is not there."""
    return NotFound(f"No tool call found with id '{ids.shown(tool_call_id)}'.")


def shown(asked: Asked, call: Json) -> Json:
    """Return a call as the schema has it; of a built-in tool, what went in and came out as JSON."""
    kind = call["type"]
    if kind == "function":
        arguments, content = _arguments(call["function"]["arguments"]), call["function"]["output"]
    elif kind == "code_interpreter":
        arguments = {"input": call[kind]["input"]}
        content = _text(call[kind]["outputs"])
    else:
        arguments, content = {}, _text(call[kind])
    asked.carry(len((content or "").encode()), "Ask for them in pages: limit, pageNumber.")
    return {
        "run_id": call["run_id"],
        "tool_call_id": call["id"],
        "tool_type": call["tool_type"],
        "name": _name(call),
        "arguments": arguments,
        "content": content,
        "created_at": call["created_at"],
    }


def _name(call: Json) -> Any:
    return call["function"]["name"] if call["type"] == "function" else call["type"]


def _arguments(text: str) -> Any:
    """Return the arguments that a model wrote: as JSON, or as they are where they are none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
