"""Builds the request of a model call from few settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import Usage
from assistant_engine.model.request import build_request

SETTINGS: Json = {
    "model": "a-model",
    "instructions": "Be brief.",
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "response_format": "auto",
    "temperature": 1.0,
    "top_p": 1.0,
    "reasoning_effort": None,
    "max_prompt_tokens": None,
    "max_completion_tokens": None,
    "truncation_strategy": {"type": "auto", "last_messages": None},
}


def request(
    messages: Sequence[Json] = (),
    turns: Sequence[list[Json]] = (),
    outputs: Sequence[dict[str, str]] = (),
    hosted: Mapping[str, Json | None] | None = None,
    **settings: Any,
) -> Json:
    """Return the body that the model is sent for these messages, earlier turns and outputs."""
    return build_request(
        {**SETTINGS, **settings}, list(messages), list(turns), list(outputs), Usage(5, 100), hosted or {}
    )
