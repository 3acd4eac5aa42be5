"""Makes the body of `POST /responses` of a thread's messages and a run's turns. Pure functions.

The mapping follows the Assistants API (`RunObject`, `MessageObject`) on one side and `POST /responses` on the other.
"""

import json
from collections.abc import Iterable, Mapping

from assistant_engine.domain.builtin_tools import FUNCTIONS, INCLUDED
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import Usage

BYTES_PER_TOKEN = 4
"""Estimate for text whose tokens nobody counted; what the model reports is exact and replaces it."""

SMALLEST_OUTPUT_TOKENS = 16
"""`max_output_tokens` of the Responses API starts here: with less left of a budget no call can be made."""

_TOKENS_OF_AN_IMAGE = 1_000


def build_request(
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
        hosted: `builtin_tools.hosted_tools` of the run.
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
