"""Makes of a response of the Responses API what a turn of a run is. Pure functions."""

import re
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from assistant_engine.domain.builtin_tools import CARRIED_OUT, carried_out
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.turn import Turn
from assistant_engine.domain.usage import Usage
from assistant_engine.model.citations import parts_of

MAX_TURN_CALLS = 128
"""Calls of one turn that are carried out; those after them are dropped, as if the model had not made them."""

_MAX_TOKENS = 10**9
"""More than a model call can have used."""

_CALL_ID = re.compile(r"\w[\w.:|=+-]{0,63}", re.ASCII)
"""Call ids that are kept. The Responses API allows 64 characters; a call's output is kept under its id."""


class UnusableResponse(Exception):
    """A response that nothing can be made of; the text says why, and quotes nothing of it."""


def read_turn(
    response: Json, assistant_id: str, run_id: str, now: Seconds, files: Mapping[str, Json] | None = None
) -> Turn:
    """Return what a response makes of the run, whatever else it holds than the Responses API describes.

    Args:
        response: with status `completed` or `incomplete` and a list as `output`.
        files: `provider_files.import_files` of it.

    Raises:
        UnusableResponse: nothing can be made of it.
    """
    output = _usable(response["output"])
    usage = _usage(response.get("usage"))
    made = files or {}
    content = [part for item in output if item["type"] == "message" for part in _content(item.get("content"), made)]
    said = content or [{"type": "text", "text": {"value": "", "annotations": []}}]
    if response["status"] == "incomplete":
        told = response.get("incomplete_details")
        filtered = isinstance(told, dict) and told.get("reason") == "content_filter"
        message = _message(said, assistant_id, run_id, now, "content_filter" if filtered else "max_tokens")
        # A call cut off in the middle can't be carried out: an incomplete turn ends the run.
        details = None if filtered else {"reason": "max_completion_tokens"}
        calls, outputs = _calls([item for item in output if item["type"] != "function_call"])
        return Turn(output, usage, "incomplete", message, calls, details, outputs=outputs)
    items = [item for item in output if item["type"] == "function_call"]
    if not all(isinstance(item.get(name), str) for item in items for name in ("name", "arguments")):
        raise UnusableResponse("The model's server sent a function call without a name, or without arguments as text.")
    message = _message(said, assistant_id, run_id, now)
    calls, outputs = _calls(output)
    if not items:
        return Turn(output, usage, "completed", message, calls, outputs=outputs)
    return Turn(output, usage, "in_progress", message if content else None, calls, outputs=outputs)


def _usable(items: list[Any]) -> list[Json]:
    """The items that can be kept and sent again: each has a type, and each call an id of its own within the turn."""
    usable: list[Json] = []
    call_ids: set[str] = set()
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            continue
        if item["type"] == "message":
            usable.append({**item, "role": "assistant"})  # Whatever it says: it is not the user who speaks.
        elif item["type"] != "function_call":
            usable.append(item)
        elif len(call_ids) < MAX_TURN_CALLS:
            call_id = call_id_of(item.get("call_id"), call_ids)
            call_ids.add(call_id)
            usable.append({**item, "call_id": call_id})
    return usable


def call_id_of(given: Any, taken: set[str]) -> str:
    """Return the id that the server gave a call, or a new one if that can't be a key of our items and objects."""
    if isinstance(given, str) and _CALL_ID.fullmatch(given) and given not in taken:
        return given
    return next(name for number in count() if (name := f"call_{number}") not in taken)


def _usage(reported: Any) -> Usage:
    """The tokens that the server reported; a figure that makes no sense counts as none."""
    figures = _object(reported)
    prompt, completion = _reported(figures.get("input_tokens")), _reported(figures.get("output_tokens"))
    details = _object(figures.get("input_tokens_details"))
    cached = min(_reported(details.get("cached_tokens")), prompt)
    written = min(_reported(details.get("cache_write_tokens")), prompt - cached)
    reasoning = _reported(_object(figures.get("output_tokens_details")).get("reasoning_tokens"))
    return Usage(prompt, completion, cached, min(reasoning, completion), written)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _reported(figure: Any) -> int:
    return int(figure) if isinstance(figure, int | float) and 0 <= figure <= _MAX_TOKENS else 0


def _calls(output: list[Json]) -> tuple[list[Json], dict[str, str]]:
    """The turn's calls in their order, and the outputs of those that the model's provider carried out itself."""
    calls: list[Json] = []
    outputs: dict[str, str] = {}
    taken = {item["call_id"] for item in output if item["type"] == "function_call"}
    for item in output:
        if item["type"] == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"], "output": None}
            calls.append({"id": item["call_id"], "type": "function", "function": function})
        elif item["type"] in CARRIED_OUT and len(outputs) < MAX_TURN_CALLS:
            call_id = call_id_of(item.get("id"), taken)
            taken.add(call_id)
            function, outputs[call_id] = carried_out(item)
            calls.append({"id": call_id, "type": "function", "function": function})
    return calls, outputs


def _content(parts: Any, files: Mapping[str, Json]) -> Iterable[Json]:
    """Return what a message of the model says; parts without text, and those of other types, say nothing."""
    for part in parts if isinstance(parts, list) else []:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "output_text" and isinstance(part.get("text"), str) and part["text"]:
            yield from parts_of(part["text"], part.get("annotations"), files)
        elif kind == "refusal" and isinstance(part.get("refusal"), str) and part["refusal"]:
            yield {"type": "refusal", "refusal": part["refusal"]}


def _message(content: list[Json], assistant_id: str, run_id: str, now: Seconds, incomplete: str | None = None) -> Json:
    return {
        **new_message({"role": "assistant", "content": content}, now),
        "assistant_id": assistant_id,
        "run_id": run_id,
        "status": "incomplete" if incomplete else "completed",
        "completed_at": None if incomplete else now,
        "incomplete_at": now if incomplete else None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
    }
