"""The conversation as the Responses API speaks it: messages and turns in, the outcome of a turn out.

Pure functions. The mapping follows the Assistants API (`RunObject`, `MessageObject`) on one side and
`POST /responses` on the other.
"""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from assistant_engine.citations import parts_of
from assistant_engine.domain.builtin_tools import CARRIED_OUT, FUNCTIONS, INCLUDED, carried_out
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.turn import Turn
from assistant_engine.domain.usage import Usage

BYTES_PER_TOKEN = 4
"""Estimate for text whose tokens nobody counted; what the model reports is exact and replaces it."""

SMALLEST_OUTPUT_TOKENS = 16
"""`max_output_tokens` of the Responses API starts here: with less left of a budget no call can be made."""

MOST_TURN_CALLS = 128
"""Calls of one turn that are carried out; those after them are dropped, as if the model had not made them."""

_TOKENS_OF_AN_IMAGE = 1_000

_MOST_TOKENS = 10**9
"""More than a model call can have used."""

_CALL_ID = re.compile(r"\w[\w.:|=+-]{0,63}", re.ASCII)
"""Call ids that are kept. The Responses API allows 64 characters; a call's output is kept under its id."""


class Unusable(Exception):
    """A response that nothing can be made of; the text says why, and quotes nothing of it."""


def model_request(
    settings: Json,
    messages: list[Json],
    turns: list[list[Json]],
    outputs: list[dict[str, str]],
    used: Usage,
    hosted: Mapping[str, Json | None],
) -> Json:
    """The body of `POST /responses` for a run's next turn.

    Args:
        settings: `Run.settings`.
        messages: the thread's messages before the run's first turn, in order.
        turns: the output items of the run's turns so far.
        outputs: of the calls in each of those turns, by call id.
        used: tokens that the run has used.
        hosted: `built_in.hosted_tools` of the run.
    """
    body: Json = {
        "model": settings["model"],
        "input": [*map(_input_message, messages), *_past_turns(turns, outputs)],
        "store": False,
    }
    if settings["instructions"]:
        body["instructions"] = settings["instructions"]
    tools = [_tool(tool, hosted) for tool in settings["tools"]]
    if offered := [tool for tool in tools if tool]:
        body["tools"] = offered
        body["parallel_tool_calls"] = settings["parallel_tool_calls"]
        # Asking for a certain tool is meant for the first turn: kept up, the run would never come to an answer.
        choice = settings["tool_choice"]
        if isinstance(choice, str):
            body |= {} if turns else {"tool_choice": choice}
        elif not turns:
            body["tool_choice"] = _choice(choice, hosted)
    if text_format := _text_format(settings["response_format"]):
        body["text"] = {"format": text_format}
    for name in ("temperature", "top_p"):
        # 1 is the API's own default; reasoning models refuse the parameter whatever its value.
        if settings[name] not in (None, 1):
            body[name] = settings[name]
    if settings["reasoning_effort"]:
        body["reasoning"] = {"effort": settings["reasoning_effort"]}
        # Nothing is kept at the model's side, so its reasoning has to come back to be sent again.
        body["include"] = ["reasoning.encrypted_content"]
    if told := [INCLUDED[name] for name, tool in hosted.items() if tool]:
        body["include"] = [*body.get("include", []), *told]
    if settings["max_completion_tokens"]:
        body["max_output_tokens"] = settings["max_completion_tokens"] - used.completion_tokens
    return body


def _input_message(message: Json) -> Json:
    role = message["role"]
    # The Responses API takes images from users only.
    shown = [part for part in message["content"] if role == "user" or part["type"] in ("text", "refusal")]
    parts = [_input_part(part, role) for part in shown]
    return {"type": "message", "role": role, "content": parts}


def _input_part(part: Json, role: str) -> Json:
    kind = part["type"]
    if kind == "text":
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part["text"]["value"]}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part["refusal"]}
    if kind == "image_url":
        return {"type": "input_image", "image_url": part["image_url"]["url"], "detail": part["image_url"]["detail"]}
    # The model call puts the file's bytes in place of its id: the file is ours, the model's side has never seen it.
    return {"type": "input_image", "file_id": part["image_file"]["file_id"], "detail": part["image_file"]["detail"]}


def _past_turns(turns: list[list[Json]], outputs: list[dict[str, str]]) -> Iterable[Json]:
    for turn, answers in zip(turns, outputs, strict=True):
        yield from _sent_again(turn)
        for item in turn:
            if item["type"] == "function_call":
                output = answers[item["call_id"]]
                yield {"type": "function_call_output", "call_id": item["call_id"], "output": output}


def _sent_again(turn: list[Json]) -> list[Json]:
    """A turn's items word for word; but reasoning that came without its content is only a name that nobody knows.

    Nothing is stored at the model's side, so such an item is left out, and with it the ids that would tie the others
    to it.
    """
    nameless = [item for item in turn if item["type"] == "reasoning" and not item.get("encrypted_content")]
    if not nameless:
        return turn
    return [{k: v for k, v in item.items() if k != "id"} for item in turn if item not in nameless]


def _tool(tool: Json, hosted: Mapping[str, Json | None]) -> Json | None:
    kind = tool["type"]
    return hosted[kind] if kind in hosted else _function(tool.get("function") or FUNCTIONS[kind])


def _choice(choice: Json, hosted: Mapping[str, Json | None]) -> Json | str:
    kind = choice["type"]
    if kind in hosted:
        return {"type": kind} if hosted[kind] else "auto"
    return {"type": "function", "name": choice["function"]["name"] if kind == "function" else kind}


def _function(function: Json) -> Json:
    return {
        "type": "function",
        "name": function["name"],
        "description": function.get("description") or "",
        "parameters": function.get("parameters") or {"type": "object", "properties": {}},
        # The Responses API takes an absent `strict` for true, the Assistants API for false.
        "strict": bool(function.get("strict")),
    }


def _text_format(response_format: str | Json | None) -> Json | None:
    if not isinstance(response_format, dict) or response_format["type"] == "text":
        return None
    if response_format["type"] == "json_schema":
        return {"type": "json_schema", "strict": False, **response_format["json_schema"]}
    return response_format


def estimate_tokens(body: Json) -> int:
    """About how many tokens the input of a request has."""
    text = {name: body.get(name) for name in ("instructions", "tools")}
    size: int = len(json.dumps(text)) + sum(len(json.dumps(_without_images(item))) for item in body["input"])
    return size // BYTES_PER_TOKEN + len(images_of(body["input"])) * _TOKENS_OF_AN_IMAGE


def images_of(items: list[Json]) -> list[Json]:
    """The images among the input items of a model call; only users' messages have some, the rest is the model's own."""
    return [part for item in items if _is_users(item) for part in item["content"] if part["type"] == "input_image"]


def _is_users(item: Json) -> bool:
    return bool(item["type"] == "message" and item["role"] == "user")


def _without_images(item: Json) -> Json:
    if not _is_users(item):
        return item
    return {**item, "content": [part for part in item["content"] if part["type"] != "input_image"]}


def fit(body: Json, budget: int, count: int, *, keep_first: bool) -> bool:
    """Leave out the oldest messages until about `budget` tokens are left; the newest one always stays.

    Args:
        body: the request; changed in place.
        budget: tokens.
        count: how many of the input's items are messages of the thread; the run's own turns are never left out.
        keep_first: whether the first message stays as well, unless it alone takes a quarter of the budget: then it is
            the middle of the thread that gives way.

    Returns:
        Whether it fits.
    """
    size = estimate_tokens(body)
    start = 1 if keep_first and count > 1 and _tokens(body["input"][0]) <= budget // 4 else 0
    end = start
    while size > budget and end < count - 1:
        size -= _tokens(body["input"][end])
        end += 1
    del body["input"][start:end]
    return estimate_tokens(body) <= budget


def _tokens(item: Json) -> int:
    return len(json.dumps(_without_images(item))) // BYTES_PER_TOKEN


def outcome(response: Json, assistant_id: str, run_id: str, now: int, files: Mapping[str, Json] | None = None) -> Turn:
    """What a response makes of the run, whatever else it holds than the Responses API describes.

    Args:
        response: with status `completed` or `incomplete` and a list as `output`.
        files: `containers.carried_over` of it.

    Raises:
        Unusable: nothing can be made of it.
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
        raise Unusable("The model's server sent a function call without a name, or without arguments as text.")
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
        elif len(call_ids) < MOST_TURN_CALLS:
            call_id = _call_id(item.get("call_id"), call_ids)
            call_ids.add(call_id)
            usable.append({**item, "call_id": call_id})
    return usable


def _call_id(given: Any, taken: set[str]) -> str:
    """The id that the server gave, if it can name an output in an item and in the bucket; else one of our own."""
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
    return int(figure) if isinstance(figure, int | float) and 0 <= figure <= _MOST_TOKENS else 0


def _calls(output: list[Json]) -> tuple[list[Json], dict[str, str]]:
    """The turn's calls in their order, and the outputs of those that the model's provider carried out itself."""
    calls: list[Json] = []
    outputs: dict[str, str] = {}
    taken = {item["call_id"] for item in output if item["type"] == "function_call"}
    for item in output:
        if item["type"] == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"], "output": None}
            calls.append({"id": item["call_id"], "type": "function", "function": function})
        elif item["type"] in CARRIED_OUT and len(outputs) < MOST_TURN_CALLS:
            call_id = _call_id(item.get("id"), taken)
            taken.add(call_id)
            function, outputs[call_id] = carried_out(item)
            calls.append({"id": call_id, "type": "function", "function": function})
    return calls, outputs


def _content(parts: Any, files: Mapping[str, Json]) -> Iterable[Json]:
    """What a message of the model says; parts without text, and those of other types, say nothing."""
    for part in parts if isinstance(parts, list) else []:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "output_text" and isinstance(part.get("text"), str) and part["text"]:
            yield from parts_of(part["text"], part.get("annotations"), files)
        elif kind == "refusal" and isinstance(part.get("refusal"), str) and part["refusal"]:
            yield {"type": "refusal", "refusal": part["refusal"]}


def _message(content: list[Json], assistant_id: str, run_id: str, now: int, incomplete: str | None = None) -> Json:
    return {
        **new_message({"role": "assistant", "content": content}, now),
        "assistant_id": assistant_id,
        "run_id": run_id,
        "status": "incomplete" if incomplete else "completed",
        "completed_at": None if incomplete else now,
        "incomplete_at": now if incomplete else None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
    }
