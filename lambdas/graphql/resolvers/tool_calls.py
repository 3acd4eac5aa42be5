"""Calls of tools: the steps of runs that call some."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from asked import Asked
from assistant_engine.domain import ids
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from resolvers.runs import run_anywhere
from resolvers.values import every, listed

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
        if (not tool_types or call["type"] in tool_types) and (not name or _name(call) == name)
    )
    return listed("tool_call_list", found, partial(shown, asked), page_number, limit, _NARROWER)


def every_run(asked: Asked) -> Iterator[Run]:
    """Return the runs of the project, thread by thread."""
    for thread in every(asked, asked.store.threads.page):
        yield from every(asked, partial(asked.store.runs.page, thread.id))


def of_run(asked: Asked, run: Run) -> Iterator[Json]:
    """Return the calls of a run as its steps have them, with `run_id` and `created_at`."""
    for step in every(asked, partial(asked.store.steps.page, run.thread_id, run.id), "asc"):
        if step["type"] == "tool_calls":
            for call in step["step_details"]["tool_calls"]:
                yield {**call, "run_id": run.id, "created_at": step["created_at"]}


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
        "tool_type": kind,
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
