"""Requests that are refused: the wording is the API's, for runs."""

import pytest

from assistant_engine.schemas.common import Schema
from tests.support import request_schemas as schemas
from tests.support.schema_examples import LONG, MESSAGE, POST_MESSAGE, RUN, error, run


@pytest.mark.parametrize(
    ("schema", "body", "message", "param", "code"),
    [
        (RUN, [], "Invalid type: expected an object, but got an array instead.", None, "invalid_type"),
        (RUN, {}, "Missing required parameter: 'assistant_id'.", "assistant_id", "missing_required_parameter"),
        (
            RUN,
            run(stream=0),
            "Invalid type for 'stream': expected a boolean, but got an integer instead.",
            "stream",
            "invalid_type",
        ),
        (
            RUN,
            run(thread={}, thread_id="t"),
            "Invalid 'thread': give either thread_id or thread, not both.",
            "thread",
            "invalid_value",
        ),
        (
            RUN,
            run(tools=[{"type": "code_interpreter"}] * 21),
            "Invalid 'tools': array too long. Expected an array with maximum length 20, "
            "but got an array with length 21 instead.",
            "tools",
            "array_above_max_length",
        ),
        (
            RUN,
            run(tool_choice={"type": "function"}),
            "Missing required parameter: 'tool_choice.function'.",
            "tool_choice.function",
            "missing_required_parameter",
        ),
        (
            RUN,
            run(tool_choice=[]),
            "Invalid type for 'tool_choice': expected one of a string or object, but got an array instead.",
            "tool_choice",
            "invalid_type",
        ),
        (
            RUN,
            run(truncation_strategy={"type": "last_messages"}),
            "Missing required parameter: 'truncation_strategy.last_messages'.",
            "truncation_strategy.last_messages",
            "missing_required_parameter",
        ),
        (
            RUN,
            run(max_prompt_tokens=255),
            "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 256, but got 255 instead.",
            "max_prompt_tokens",
            "integer_below_min_value",
        ),
        (
            RUN,
            run(max_completion_tokens="300"),
            "Invalid type for 'max_completion_tokens': expected an integer, but got a string instead.",
            "max_completion_tokens",
            "invalid_type",
        ),
        (
            RUN,
            run(expires_after=86_401),
            "Invalid 'expires_after': integer above maximum value. Expected a value <= 86400, but got 86401 instead.",
            "expires_after",
            "integer_above_max_value",
        ),
        (
            POST_MESSAGE,
            {"role": "system", "content": "x"},
            "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
            "role",
            "invalid_value",
        ),
        (
            POST_MESSAGE,
            {"role": "user", "content": ""},
            "Invalid 'content': empty string. "
            "Expected a string with minimum length 1, but got an empty string instead.",
            "content",
            "empty_string",
        ),
        (
            POST_MESSAGE,
            {"role": "user", "content": []},
            "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "content",
            "empty_array",
        ),
        (
            POST_MESSAGE,
            {"role": "user", "content": 4},
            "Invalid type for 'content': expected one of a string or array of objects, but got an integer instead.",
            "content",
            "invalid_type",
        ),
        (
            POST_MESSAGE,
            {"role": "user", "content": LONG},
            "Invalid 'content': string too long. Expected a string with maximum length 256000, "
            "but got a string with length 256001 instead.",
            "content",
            "string_above_max_length",
        ),
        (
            POST_MESSAGE,
            {"role": "user", "content": [{"type": "text", "text": "x" * 128_001}] * 2},
            "Invalid 'content': string too long. Expected texts with a total maximum length 256000, "
            "but got a total length 256002 instead.",
            "content",
            "string_above_max_length",
        ),
        (
            POST_MESSAGE,
            MESSAGE | {"attachments": [{"file_id": "f"}] * 11},
            "Invalid 'attachments': array too long. Expected an array with maximum length 10, "
            "but got an array with length 11 instead.",
            "attachments",
            "array_above_max_length",
        ),
        (
            POST_MESSAGE,
            MESSAGE | {"attachments": [{"file_id": "f", "tools": [{"type": "function"}]}]},
            "Invalid value: 'function'. Supported values are: 'code_interpreter' and 'file_search'.",
            "attachments[0].tools[0].type",
            "invalid_value",
        ),
        (
            schemas.SubmitToolOutputsRunRequest,
            {"tool_outputs": [{"output": "x"}]},
            "Missing required parameter: 'tool_outputs[0].tool_call_id'.",
            "tool_outputs[0].tool_call_id",
            "missing_required_parameter",
        ),
    ],
)
def test_errors_have_the_apis_wording(
    schema: type[Schema], body: object, message: str, param: str | None, code: str
) -> None:
    assert error(schema, body) == (message, param, code)
