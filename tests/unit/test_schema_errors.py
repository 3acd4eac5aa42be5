"""Requests that are refused: the wording is the API's, for assistants, threads and messages."""

import pytest

from assistant_engine.schemas.common import Schema
from tests.support.schema_examples import ASSISTANT, FUNCTION, LONG, assistant, error


@pytest.mark.parametrize(
    ("schema", "body", "message", "param", "code"),
    [
        (ASSISTANT, {}, "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
        (ASSISTANT, assistant(foo=1), "Unknown parameter: 'foo'.", "foo", "unknown_parameter"),
        # A misspelt name is reported as such, and not as the name that it should have been.
        (ASSISTANT, {"modle": "m"}, "Unknown parameter: 'modle'.", "modle", "unknown_parameter"),
        (
            ASSISTANT,
            assistant(tools=[FUNCTION | {"foo": 1}]),
            "Unknown parameter: 'tools[0].foo'.",
            "tools[0].foo",
            "unknown_parameter",
        ),
        (
            ASSISTANT,
            assistant(**{"<string>": 1}),
            "Unknown parameter: '<string>'.",
            "<string>",
            "unknown_parameter",
        ),
        (
            ASSISTANT,
            {"model": 1},
            "Invalid type for 'model': expected a string, but got an integer instead.",
            "model",
            "invalid_type",
        ),
        (
            ASSISTANT,
            assistant(tools=None),
            "Invalid type for 'tools': expected an array, but got null instead.",
            "tools",
            "invalid_type",
        ),
        (
            ASSISTANT,
            assistant(name="n" * 300),
            "Invalid 'name': string too long. Expected a string with maximum length 256, "
            "but got a string with length 300 instead.",
            "name",
            "string_above_max_length",
        ),
        (
            ASSISTANT,
            assistant(temperature=3),
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            ASSISTANT,
            assistant(top_p=-0.5),
            "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
            "top_p",
            "decimal_below_min_value",
        ),
        (
            ASSISTANT,
            assistant(temperature=True),
            "Invalid type for 'temperature': expected a decimal, but got a boolean instead.",
            "temperature",
            "invalid_type",
        ),
        (
            ASSISTANT,
            assistant(tools=[{"type": "code_interpreter"}] * 129),
            "Invalid 'tools': array too long. Expected an array with maximum length 128, "
            "but got an array with length 129 instead.",
            "tools",
            "array_above_max_length",
        ),
        (
            ASSISTANT,
            assistant(tools=[{"type": "web"}]),
            "Invalid value: 'web'. Supported values are: 'code_interpreter', 'file_search', and 'function'.",
            "tools[0].type",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(tools=[{}]),
            "Missing required parameter: 'tools[0].type'.",
            "tools[0].type",
            "missing_required_parameter",
        ),
        (
            ASSISTANT,
            assistant(tools=["function"]),
            "Invalid type for 'tools[0]': expected an object, but got a string instead.",
            "tools[0]",
            "invalid_type",
        ),
        (
            ASSISTANT,
            assistant(tools=[{"type": "function", "function": {"name": "a b"}}]),
            "Invalid 'tools[0].function.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            "tools[0].function.name",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(tools=[FUNCTION, FUNCTION]),
            "Invalid 'tools': function names must be unique, 'get_stock_price' is not.",
            "tools",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]),
            "Invalid 'tools[0].function.parameters': the schema must have type 'object'.",
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            ASSISTANT,
            assistant(
                tools=[{"type": "function", "function": {"name": "f", "parameters": {"not": [{"$ref": "http://a"}]}}}]
            ),
            "Invalid 'tools[0].function.parameters': a $ref must start with '#'.",
            "tools[0].function.parameters",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(response_format={"type": "json_schema", "json_schema": {"name": "", "schema": {}}}),
            "Invalid 'response_format.json_schema.name': empty string. "
            "Expected a string with minimum length 1, but got an empty string instead.",
            "response_format.json_schema.name",
            "empty_string",
        ),
        (
            ASSISTANT,
            assistant(
                response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "file:///a"}}}
            ),
            "Invalid 'response_format.json_schema.schema': a $ref must start with '#'.",
            "response_format.json_schema.schema",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(response_format="json"),
            "Invalid value: 'json'. Supported values are: 'auto'.",
            "response_format",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(metadata={str(n): "" for n in range(17)}),
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            "but got an object with 17 properties instead.",
            "metadata",
            "object_above_max_properties",
        ),
        (
            ASSISTANT,
            assistant(metadata={"k" * 65: ""}),
            "Invalid property name in 'metadata': string too long. Expected a string with maximum length 64, "
            "but got a string with length 65 instead.",
            "metadata",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(metadata={"k": "v" * 513}),
            "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
            "but got a string with length 513 instead.",
            "metadata.k",
            "string_above_max_length",
        ),
        (
            ASSISTANT,
            assistant(metadata={"k": 1}),
            "Invalid type for 'metadata.k': expected a string, but got an integer instead.",
            "metadata.k",
            "invalid_type",
        ),
        (
            ASSISTANT,
            assistant(tool_resources={"code_interpreter": {"file_ids": ["f"] * 21}}),
            "Invalid 'tool_resources.code_interpreter.file_ids': array too long. "
            "Expected an array with maximum length 20, but got an array with length 21 instead.",
            "tool_resources.code_interpreter.file_ids",
            "array_above_max_length",
        ),
        (
            ASSISTANT,
            assistant(tool_resources={"file_search": {"vector_store_ids": ["v"], "vector_stores": [{}]}}),
            "Invalid 'tool_resources.file_search.vector_stores': "
            "give either vector_store_ids or vector_stores, not both.",
            "tool_resources.file_search.vector_stores",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(reasoning_effort="some"),
            "Invalid value: 'some'. Supported values are: "
            "'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.",
            "reasoning_effort",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(name="a\0"),
            "Invalid 'name': text must not contain NUL characters.",
            "name",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(metadata={"\ud800": ""}),
            "Invalid parameter name: text must not contain lone surrogates.",
            "metadata",
            "invalid_value",
        ),
        (
            ASSISTANT,
            assistant(temperature=float("nan")),
            "Invalid 'temperature': the number must be finite.",
            "temperature",
            "invalid_value",
        ),
    ],
)
def test_errors_have_the_apis_wording(
    schema: type[Schema], body: object, message: str, param: str | None, code: str
) -> None:
    assert error(schema, body) == (message, param, code)


@pytest.mark.parametrize(
    "body",
    [
        assistant(reasoning_effort=LONG),
        assistant(**{LONG: 1}),
        assistant(tools=[{"type": LONG}]),
        assistant(metadata={LONG: "x"}),
        assistant(metadata={LONG[:5000]: 1}),
        assistant(functions=[{LONG: {LONG: 1}}]),
        assistant(temperature=10**37),
    ],
)
def test_a_message_never_repeats_a_long_value(body: object) -> None:
    message, param, _ = error(ASSISTANT, body)
    assert len(message) < 500
    assert len(param or "") < 300
