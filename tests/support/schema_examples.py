"""Holds requests that are valid, and says how an invalid one is refused."""

from typing import Any

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.schemas.common import Schema
from tests.support import request_schemas as schemas

LONG = "x" * 256_001
FUNCTION = {"type": "function", "function": {"name": "get_stock_price", "parameters": {"type": "object"}}}
MESSAGE = {"role": "user", "content": "Hello"}
ASSISTANT = schemas.CreateAssistantRequest
RUN = schemas.RunRequest
POST_MESSAGE = schemas.CreateMessageRequest


def error(schema: type[Schema], body: object) -> tuple[str, str | None, str | None]:
    """Return how a body is refused: message, parameter and code."""
    with pytest.raises(InvalidRequest) as raised:
        schemas.parse(schema, body)
    return raised.value.message, raised.value.param, raised.value.code


def assistant(**fields: object) -> dict[str, object]:
    """Return a request for an assistant."""
    return {"model": "gpt-4o", **fields}


def run(**fields: object) -> dict[str, object]:
    """Return a request for a run."""
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
