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

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.schemas import common, requests, response_parts, responses, run_responses
from assistant_engine.schemas.common import Schema
from tests.support import request_schemas as schemas
from tests.support.schema_examples import (
    ASSISTANT,
    VALID,
    assistant,
    error,
)

REQUESTS = [schema for name in schemas.__all__ if isinstance(schema := getattr(schemas, name), type)]


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


def test_values_that_storage_cannot_keep_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert error(ASSISTANT, assistant(functions=[{"configuration": deep}]))[2] == "invalid_value"
    assert error(ASSISTANT, assistant(temperature=10**40))[2] == "invalid_value"


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
    "AssistantObject": {"assistant_type", "functions", "configuration", "reasoning_effort", "voice"},
    "MessageObject": {"audio"},
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
