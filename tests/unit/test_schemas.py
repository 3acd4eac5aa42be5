"""Requests are checked as the API checks them, and responses have the fields of the `openai` package's types."""

import json
import string
import subprocess
import sys
from typing import Any

import openai.types
import openai.types.beta
import openai.types.beta.threads
import openai.types.beta.threads.run
import openai.types.beta.threads.runs
import openai.types.uploads
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import BaseModel as OpenAIModel
from pydantic.json_schema import models_json_schema

from assistant_engine import schemas
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.schemas import common, requests, response_parts, responses, run_responses
from assistant_engine.schemas.common import Schema

LONG = "x" * 256_001
FUNCTION = {"type": "function", "function": {"name": "get_stock_price", "parameters": {"type": "object"}}}
MESSAGE = {"role": "user", "content": "Hello"}
REQUESTS = [schema for name in schemas.__all__ if isinstance(schema := getattr(schemas, name), type)]


def error(schema: type[Schema], body: object) -> tuple[str, str | None, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        schemas.parse(schema, body)
    return raised.value.message, raised.value.param, raised.value.code


def assistant(**fields: object) -> dict[str, object]:
    return {"model": "gpt-4o", **fields}


def run(**fields: object) -> dict[str, object]:
    return {"assistant_id": "asst_1", **fields}


VALID: list[tuple[type[Schema], dict[str, Any]]] = [
    (schemas.CreateAssistantRequest, assistant()),
    (
        schemas.CreateAssistantRequest,
        assistant(
            name="n" * 256,
            description="d" * 512,
            instructions="i" * 256_000,
            reasoning_effort=None,
            tools=[
                {"type": "code_interpreter"},
                {
                    "type": "file_search",
                    "file_search": {"max_num_results": 50, "ranking_options": {"score_threshold": 0}},
                },
                FUNCTION,
            ],
            tool_resources={
                "code_interpreter": {"file_ids": ["file-1"] * 20},
                "file_search": {
                    "vector_stores": [
                        {
                            "file_ids": ["file-1"],
                            "chunking_strategy": {
                                "type": "static",
                                "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
                            },
                        }
                    ]
                },
            },
            metadata={str(n) * 32: "v" * 512 for n in range(10, 26)},
            temperature=2,
            top_p=0.5,
            response_format="auto",
            assistant_type="voice",
            functions=[
                {
                    "module_name": "finance",
                    "class_name": "Finance",
                    "function_name": "send_email",
                    "configuration": {"deep": [{"er": None}]},
                }
            ],
        ),
    ),
    (schemas.CreateAssistantRequest, assistant(name=None, description=None, metadata=None, tool_resources=None)),
    (schemas.ModifyAssistantRequest, {}),
    (schemas.ModifyAssistantRequest, {"tools": [], "functions": [], "instructions": ""}),
    (schemas.CreateThreadRequest, {}),
    (schemas.CreateThreadRequest, {"messages": [MESSAGE], "metadata": {}, "tool_resources": {}}),
    (schemas.ModifyThreadRequest, {"metadata": {"user_id": "u"}}),
    (schemas.CreateMessageRequest, {"role": "assistant", "content": "c" * 256_000}),
    (
        schemas.CreateMessageRequest,
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "image_file", "image_file": {"file_id": "file-1"}},
            ],
            "attachments": [
                {"file_id": "file-1", "tools": [{"type": "code_interpreter"}, {"type": "file_search"}]},
                {"file_id": "file-2"},
            ],
        },
    ),
    (schemas.ModifyMessageRequest, {"metadata": None}),
    (
        schemas.CreateRunRequest,
        run(
            model=None,
            instructions=None,
            additional_instructions="more",
            additional_messages=[MESSAGE],
            tools=[FUNCTION] + [{"type": "code_interpreter"}] * 19,
            max_prompt_tokens=256,
            max_completion_tokens=None,
            truncation_strategy={"type": "last_messages", "last_messages": 1},
            tool_choice={"type": "function", "function": {"name": "get_stock_price"}},
            parallel_tool_calls=False,
            response_format=None,
            stream=False,
            expires_after=86_400,
        ),
    ),
    (
        schemas.CreateRunRequest,
        run(tool_choice="required", truncation_strategy={"type": "auto"}),
    ),
    (schemas.CreateRunRequest, run(tool_choice={"type": "code_interpreter"}, response_format={"type": "json_object"})),
    (
        schemas.CreateRunRequest,
        run(
            response_format={
                "type": "json_schema",
                "json_schema": {
                    "name": "tree-1",
                    "schema": {
                        "$ref": "#/$defs/tree",
                        "$defs": {"tree": {"properties": {"$ref": {"type": "string"}, "sub": {"$ref": "#"}}}},
                    },
                },
            }
        ),
    ),
    (schemas.CreateThreadAndRunRequest, run(thread={"messages": [MESSAGE]}, tool_resources={"file_search": {}})),
    (schemas.RunRequest, run(thread_id="thread_1", idempotency_key="k")),
    (schemas.RunRequest, run(thread={}, AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID="arn:aws:states:...")),
    (schemas.ModifyRunRequest, {}),
    (schemas.SubmitToolOutputsRunRequest, {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}], "stream": None}),
    (
        schemas.CreateUploadRequest,
        {"bytes": 1, "filename": "a.csv", "mime_type": "text/csv", "purpose": "assistants"},
    ),
    (schemas.CompleteUploadRequest, {"part_ids": ["part_1"], "md5": "d41d8cd98f00b204e9800998ecf8427e"}),
]


@pytest.mark.parametrize(("schema", "body"), VALID)
def test_what_the_caller_set_is_returned_and_nothing_else(schema: type[Schema], body: dict[str, Any]) -> None:
    assert schemas.parse(schema, json.loads(json.dumps(body))) == body


def test_null_members_are_as_good_as_none() -> None:
    """Clients send back what they read, with null for what is absent."""
    function = {"name": "f", "description": None, "parameters": {"type": "object", "default": None}}
    body = {
        "name": None,
        "model": "a-model",
        "tools": [{"type": "function", "function": function}, {"type": "file_search", "file_search": None}],
        "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}, "file_search": None},
    }
    assert schemas.parse(schemas.CreateAssistantRequest, body) == {
        "name": None,
        "model": "a-model",
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "default": None}}},
            {"type": "file_search"},
        ],
        "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}},
    }
    with pytest.raises(InvalidRequest, match="metadata"):
        schemas.parse(schemas.CreateAssistantRequest, {"model": "a-model", "metadata": {"a": None}})


ASSISTANT = schemas.CreateAssistantRequest
RUN = schemas.RunRequest
POST_MESSAGE = schemas.CreateMessageRequest


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
        (RUN, [], "Invalid type: expected an object, but got an array instead.", None, "invalid_type"),
        (RUN, {}, "Missing required parameter: 'assistant_id'.", "assistant_id", "missing_required_parameter"),
        (
            RUN,
            run(stream=True),
            "Invalid 'stream': streaming is not available. Leave it out, or set it to false.",
            "stream",
            "unsupported_value",
        ),
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


def test_values_that_storage_cannot_keep_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert error(ASSISTANT, assistant(functions=[{"configuration": deep}]))[2] == "invalid_value"
    assert error(ASSISTANT, assistant(functions=[{"configuration": {"n": 10**40}}]))[2] == "invalid_value"


@pytest.mark.parametrize("text", ["{", b"\xff", "[NaN]", '{"a": Infinity}', "[" * 200_000, "1" * 5000])
def test_a_body_that_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        schemas.load_json(text)


def test_an_empty_body_is_an_empty_object() -> None:
    assert schemas.load_json("") == schemas.load_json(None) == {}


def test_query_parameters_get_their_types_and_defaults() -> None:
    assert schemas.parse_fields(schemas.ListParameters, []) == {"limit": 20, "order": "desc"}
    assert schemas.parse_fields(schemas.ListFilesParameters, [("purpose", "vision")]) == {
        "limit": 10_000,
        "order": "desc",
        "purpose": "vision",
    }
    assert schemas.parse_fields(
        schemas.ListMessagesParameters, [("limit", "100"), ("run_id", "7"), ("order", "asc")]
    ) == {
        "limit": 100,
        "order": "asc",
        "run_id": "7",
    }
    included = "step_details.tool_calls[*].file_search.results[*].content"
    assert schemas.parse_fields(schemas.IncludeParameters, [("include[]", included)]) == {"include": [included]}


def test_form_fields_make_objects() -> None:
    fields = [("purpose", "assistants"), ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")]
    assert schemas.parse_fields(schemas.CreateFileRequest, fields) == {
        "purpose": "assistants",
        "expires_after": {"anchor": "created_at", "seconds": 3600},
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("limit", "0")], "Expected a value >= 1, but got 0 instead."),
        ([("limit", "101")], "Expected a value <= 100, but got 101 instead."),
        ([("limit", "")], "expected an integer, but got a string instead."),
        ([("limit", "1"), ("limit", "2")], "expected an integer, but got an array instead."),
        ([("limit", "1"), ("limit", "2"), ("limit", "3")], "expected an integer, but got an array instead."),
        ([("limit", "1"), ("limit[a]", "2")], "Unknown parameter: 'limit[a]'."),
        ([("order", "up")], "Supported values are: 'asc' and 'desc'."),
        ([("purpose", "x")], "Unknown parameter: 'purpose'."),
        ([("after", "")], "empty string"),
    ],
)
def test_wrong_query_parameters_are_refused(fields: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        schemas.parse_fields(schemas.ListParameters, fields)
    assert message in raised.value.message


NAMES = sorted(
    {
        name
        for schema in vars(requests).values()
        if isinstance(schema, type) and issubclass(schema, Schema)
        for name in schema.model_fields
    }
    | {"$ref"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["function", "text", "auto", "file_search", "json_schema", "static", "#/", "\0", "\ud800"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(string.printable, max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(schema=st.sampled_from(REQUESTS), body=JSON)
def test_any_json_value_is_taken_or_refused(schema: type[Schema], body: Any) -> None:
    try:
        assert schemas.parse(schema, body).keys() == body.keys()
    except InvalidRequest as refused:
        assert refused.code
        json.dumps(refused.body()).encode()


@settings(max_examples=400, deadline=None)
@given(case=st.sampled_from(VALID), value=JSON, data=st.data())
def test_a_valid_request_with_one_value_replaced_is_taken_or_refused(
    case: tuple[type[Schema], dict[str, Any]], value: Any, data: st.DataObject
) -> None:
    schema, body = case[0], json.loads(json.dumps(case[1]))
    place: Any = body
    while isinstance(place, (dict, list)) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = value
            break
        place = place[key]
    try:
        schemas.parse(schema, body)
    except InvalidRequest as refused:
        assert refused.code


@settings(max_examples=200, deadline=None)
@given(
    schema=st.sampled_from(REQUESTS),
    fields=st.lists(
        st.tuples(
            st.sampled_from(["limit", "order", "include[]", "expires_after[seconds]", "expires_after", "limit[x]", "["])
            | st.text(max_size=4),
            st.text(max_size=4) | st.integers().map(str),
        ),
        max_size=5,
    ),
)
def test_any_fields_are_taken_or_refused(schema: type[Schema], fields: list[tuple[str, str]]) -> None:
    try:
        schemas.parse_fields(schema, fields)
    except InvalidRequest as refused:
        assert refused.code


EXTENSIONS = {
    "AssistantObject": {"assistant_type", "functions", "reasoning_effort"},
    "RunObject": {"reasoning_effort"},
    "RunToolCallObject": {"needs_approval"},
    "ThreadObject": {"usage", "cost"},
}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (responses.AssistantObject, openai.types.beta.Assistant),
        (responses.ThreadObject, openai.types.beta.Thread),
        (responses.MessageObject, openai.types.beta.threads.Message),
        (responses.MessageAttachment, openai.types.beta.threads.message.Attachment),
        (responses.Text, openai.types.beta.threads.Text),
        (responses.MessageContentTextObject, openai.types.beta.threads.TextContentBlock),
        (responses.MessageContentRefusalObject, openai.types.beta.threads.RefusalContentBlock),
        (common.MessageContentImageFileObject, openai.types.beta.threads.ImageFileContentBlock),
        (common.MessageContentImageUrlObject, openai.types.beta.threads.ImageURLContentBlock),
        (
            responses.MessageContentTextAnnotationsFileCitationObject,
            openai.types.beta.threads.FileCitationAnnotation,
        ),
        (responses.MessageContentTextAnnotationsFilePathObject, openai.types.beta.threads.FilePathAnnotation),
        (run_responses.RunObject, openai.types.beta.threads.Run),
        (run_responses.RequiredAction, openai.types.beta.threads.run.RequiredAction),
        (run_responses.RunToolCallObject, openai.types.beta.threads.RequiredActionFunctionToolCall),
        (response_parts.CompletionUsage, openai.types.beta.threads.run.Usage),
        (run_responses.RunStepObject, openai.types.beta.threads.runs.RunStep),
        (run_responses.RunStepDetailsMessageCreationObject, openai.types.beta.threads.runs.MessageCreationStepDetails),
        (run_responses.RunStepDetailsToolCallsObject, openai.types.beta.threads.runs.ToolCallsStepDetails),
        (run_responses.RunStepDetailsToolCallsFunctionObject, openai.types.beta.threads.runs.FunctionToolCall),
        (run_responses.RunStepDetailsToolCallsCodeObject, openai.types.beta.threads.runs.CodeInterpreterToolCall),
        (run_responses.RunStepDetailsToolCallsFileSearchObject, openai.types.beta.threads.runs.FileSearchToolCall),
        (responses.Model, openai.types.Model),
        (responses.OpenAIFile, openai.types.FileObject),
        (responses.Upload, openai.types.Upload),
        (responses.UploadPart, openai.types.uploads.UploadPart),
        (responses.DeleteAssistantResponse, openai.types.beta.AssistantDeleted),
        (responses.DeleteThreadResponse, openai.types.beta.ThreadDeleted),
        (responses.DeleteMessageResponse, openai.types.beta.threads.MessageDeleted),
        (responses.DeleteFileResponse, openai.types.FileDeleted),
    ],
)
def test_responses_have_the_fields_of_the_openai_package(ours: type[Schema], theirs: type[OpenAIModel]) -> None:
    assert set(ours.model_fields) - EXTENSIONS.get(ours.__name__, set()) == set(theirs.model_fields)
    required = {name for name, field in theirs.model_fields.items() if field.is_required()}
    assert required <= {name for name, field in ours.model_fields.items() if field.is_required()}


def test_every_schema_is_described_under_its_own_name() -> None:
    described = [
        (schema, "validation")
        for module in (requests, responses)
        for name, schema in vars(module).items()
        if isinstance(schema, type) and issubclass(schema, Schema) and schema is not Schema and name[0] != "_"
    ]
    _, description = models_json_schema(described, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    # Two schemas of one name would be described under their modules' names.
    assert {schema.__name__ for schema, _ in described} <= set(description["$defs"])
    assert not [name for name in description["$defs"] if "__" in name]


def test_importing_schemas_brings_neither_openai_nor_the_responses() -> None:
    code = "import sys, assistant_engine.schemas; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_path()
    ).stdout
    assert not {"openai", "boto3", "assistant_engine.schemas.responses"} & set(loaded.split())


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(sys.path)}
