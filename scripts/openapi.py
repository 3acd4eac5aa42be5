"""Writes the API's description, from the same schemas that check requests: `make docs`.

- `docs/openapi.json`, to be read, and `lambdas/api/openapi.json`, which the API serves as `/openapi.json`;
- `lambdas/api/docs.html`, which it serves as `/docs`.

`--check` writes nothing and fails when one of them is stale.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from assistant_engine.schemas import requests, responses
from assistant_engine.schemas import vector_store_responses as stored
from assistant_engine.schemas import vector_stores as stores
from assistant_engine.schemas.common import Schema
from assistant_engine.schemas.usage import UsageParameters, UsageReport
from scripts.docs_page import page

ROOT = Path(__file__).resolve().parent.parent

Json = dict[str, Any]

_ERRORS = {
    400: "The request is wrong; `param` names the parameter.",
    401: "No API key, or not one of ours.",
    404: "No object has this id.",
    409: "This idempotency key was used before, for a different request.",
    413: "The body is larger than 4.4 MB.",
    429: "Too many requests at once; or, with the code `insufficient_quota`, a budget is used up.",
    500: "Our fault.",
    503: "Busy for the moment. Please try again.",
}

_ABOUT = """
The Assistants API in your own AWS account. Programs written against OpenAI's Assistants API work when they change
`base_url` and the key.

Every request bears a key: `Authorization: Bearer sk-oae-...`. Every response has an `x-request-id`, and every error the
body `{"error": {"message", "type", "param", "code"}}`. What the original API lacked is marked as an extension.

What a create call returned can be used in the very next call. Lists of messages, runs and run steps are up to date;
lists of assistants, threads and files may lag by a moment.

A body may have 4.4 MB. Larger files go to `/uploads` in parts of at most 4 MB, with the `openai` package:
`client.uploads.upload_file_chunked(..., part_size=4_000_000)`. A file may have 512 MB.
""".strip()

_TAGS = {
    "Assistants": "A model with instructions and tools.",
    "Threads": "Conversations.",
    "Messages": "What was said in a thread.",
    "Runs": "An assistant at work on a thread.",
    "Run steps": "What a run did.",
    "Files": "Files for assistants and messages.",
    "Uploads": "Files that come in parts, each of at most 4 MB.",
    "Vector stores": "Files that file_search can look in.",
    "Vector store files": "The files of a vector store. They are read in the background.",
    "Vector store file batches": "Files that are attached together.",
    "Models": "The models that are configured.",
    "Usage": "Tokens, calls, time and money by day.",
}


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Attributes:
        request: the schema of the body.
        parameters: the schema of the query string.
        file: the name of the field that holds a file: the body then is a form.
        creates: whether it takes an `Idempotency-Key`.
        polled: whether the answer tells when to ask again.
        extension: whether the original API lacks it.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: type[Schema] | None
    request: type[Schema] | None = None
    parameters: type[Schema] = requests.NoParameters
    file: str = ""
    creates: bool = False
    polled: bool = False
    extension: bool = False


_A, _T, _M, _R = "/assistants", "/threads", "/threads/{thread_id}/messages", "/threads/{thread_id}/runs"
_F, _U = "/files", "/uploads"
_V, _S = "/vector_stores", "/vector_stores/{vector_store_id}"
_VF, _VB = f"{_S}/files", f"{_S}/file_batches"
_RUN = responses.RunObject

OPERATIONS: dict[str, list[Operation]] = {
    "Assistants": [
        Operation(
            "post", _A, "createAssistant", "Create an assistant",
            responses.AssistantObject, requests.CreateAssistantRequest, creates=True,
        ),
        Operation(
            "get", _A, "listAssistants", "List assistants",
            responses.ListAssistantsResponse, parameters=requests.ListParameters,
        ),
        Operation("get", f"{_A}/{{assistant_id}}", "getAssistant", "Retrieve an assistant", responses.AssistantObject),
        Operation(
            "post", f"{_A}/{{assistant_id}}", "modifyAssistant", "Modify an assistant",
            responses.AssistantObject, requests.ModifyAssistantRequest,
        ),
        Operation(
            "delete", f"{_A}/{{assistant_id}}", "deleteAssistant", "Delete an assistant",
            responses.DeleteAssistantResponse,
        ),
    ],
    "Threads": [
        Operation(
            "post", _T, "createThread", "Create a thread",
            responses.ThreadObject, requests.CreateThreadRequest, creates=True,
        ),
        Operation(
            "get", _T, "listThreads", "List threads",
            responses.ListThreadsResponse, parameters=requests.ListThreadsParameters, extension=True,
        ),
        Operation("get", f"{_T}/{{thread_id}}", "getThread", "Retrieve a thread", responses.ThreadObject),
        Operation(
            "post", f"{_T}/{{thread_id}}", "modifyThread", "Modify a thread",
            responses.ThreadObject, requests.ModifyThreadRequest,
        ),
        Operation("delete", f"{_T}/{{thread_id}}", "deleteThread", "Delete a thread", responses.DeleteThreadResponse),
    ],
    "Messages": [
        Operation(
            "post", _M, "createMessage", "Create a message",
            responses.MessageObject, requests.CreateMessageRequest, creates=True,
        ),
        Operation(
            "get", _M, "listMessages", "List the messages of a thread",
            responses.ListMessagesResponse, parameters=requests.ListMessagesParameters,
        ),
        Operation("get", f"{_M}/{{message_id}}", "getMessage", "Retrieve a message", responses.MessageObject),
        Operation(
            "post", f"{_M}/{{message_id}}", "modifyMessage", "Modify a message",
            responses.MessageObject, requests.ModifyMessageRequest,
        ),
        Operation(
            "delete", f"{_M}/{{message_id}}", "deleteMessage", "Delete a message", responses.DeleteMessageResponse
        ),
    ],
    "Runs": [
        Operation(
            "post", _R, "createRun", "Create a run",
            _RUN, requests.CreateRunRequest, requests.IncludeParameters, creates=True, polled=True,
        ),
        Operation(
            "post", f"{_T}/runs", "createThreadAndRun", "Create a thread and run it",
            _RUN, requests.CreateThreadAndRunRequest, creates=True, polled=True,
        ),
        Operation(
            "get", _R, "listRuns", "List the runs of a thread",
            responses.ListRunsResponse, parameters=requests.ListParameters,
        ),
        Operation("get", f"{_R}/{{run_id}}", "getRun", "Retrieve a run", _RUN, polled=True),
        Operation(
            "post", f"{_R}/{{run_id}}", "modifyRun", "Modify a run", _RUN, requests.ModifyRunRequest, polled=True
        ),
        Operation("post", f"{_R}/{{run_id}}/cancel", "cancelRun", "Cancel a run", _RUN, polled=True),
        Operation(
            "post", f"{_R}/{{run_id}}/submit_tool_outputs", "submitToolOuputsToRun", "Submit the outputs of tool calls",
            _RUN, requests.SubmitToolOutputsRunRequest, polled=True,
        ),
    ],
    "Run steps": [
        Operation(
            "get", f"{_R}/{{run_id}}/steps", "listRunSteps", "List the steps of a run",
            responses.ListRunStepsResponse, parameters=requests.ListRunStepsParameters,
        ),
        Operation(
            "get", f"{_R}/{{run_id}}/steps/{{step_id}}", "getRunStep", "Retrieve a run step",
            responses.RunStepObject, parameters=requests.IncludeParameters,
        ),
    ],
    "Files": [
        Operation(
            "post", _F, "createFile", "Upload a file",
            responses.OpenAIFile, requests.CreateFileRequest, file="file", creates=True,
        ),
        Operation(
            "get", _F, "listFiles", "List files",
            responses.ListFilesResponse, parameters=requests.ListFilesParameters,
        ),
        Operation("get", f"{_F}/{{file_id}}", "retrieveFile", "Retrieve a file", responses.OpenAIFile),
        Operation("get", f"{_F}/{{file_id}}/content", "downloadFile", "Retrieve the content of a file", None),
        Operation("delete", f"{_F}/{{file_id}}", "deleteFile", "Delete a file", responses.DeleteFileResponse),
    ],
    "Uploads": [
        Operation(
            "post", _U, "createUpload", "Begin an upload; it can be completed within the hour",
            responses.Upload, requests.CreateUploadRequest, creates=True,
        ),
        Operation(
            "post", f"{_U}/{{upload_id}}/parts", "addUploadPart", "Add a part",
            responses.UploadPart, requests.AddUploadPartRequest, file="data", creates=True,
        ),
        Operation(
            "post", f"{_U}/{{upload_id}}/complete", "completeUpload", "Make the file of its parts",
            responses.Upload, requests.CompleteUploadRequest,
        ),
        Operation("post", f"{_U}/{{upload_id}}/cancel", "cancelUpload", "Cancel an upload", responses.Upload),
    ],
    "Vector stores": [
        Operation(
            "post", _V, "createVectorStore", "Create a vector store",
            stored.VectorStoreObject, stores.CreateVectorStoreRequest, creates=True,
        ),
        Operation(
            "get", _V, "listVectorStores", "List vector stores",
            stored.ListVectorStoresResponse, parameters=requests.ListParameters,
        ),
        Operation("get", _S, "getVectorStore", "Retrieve a vector store", stored.VectorStoreObject),
        Operation(
            "post", _S, "modifyVectorStore", "Modify a vector store",
            stored.VectorStoreObject, stores.UpdateVectorStoreRequest,
        ),
        Operation("delete", _S, "deleteVectorStore", "Delete a vector store", stored.DeleteVectorStoreResponse),
        Operation(
            "post", f"{_S}/search", "searchVectorStore", "Search a vector store",
            stored.VectorStoreSearchResultsPage, stores.VectorStoreSearchRequest,
        ),
    ],
    "Vector store files": [
        Operation(
            "post", _VF, "createVectorStoreFile", "Attach a file",
            stored.VectorStoreFileObject, stores.CreateVectorStoreFileRequest, polled=True,
        ),
        Operation(
            "get", _VF, "listVectorStoreFiles", "List the files of a vector store",
            stored.ListVectorStoreFilesResponse, parameters=stores.ListVectorStoreFilesParameters,
        ),
        Operation(
            "get", f"{_VF}/{{file_id}}", "getVectorStoreFile", "Retrieve a file of a vector store",
            stored.VectorStoreFileObject, polled=True,
        ),
        Operation(
            "post", f"{_VF}/{{file_id}}", "updateVectorStoreFileAttributes", "Replace a file's attributes",
            stored.VectorStoreFileObject, stores.UpdateVectorStoreFileAttributesRequest,
        ),
        Operation(
            "delete", f"{_VF}/{{file_id}}", "deleteVectorStoreFile", "Take a file out of a vector store",
            stored.DeleteVectorStoreFileResponse,
        ),
        Operation(
            "get", f"{_VF}/{{file_id}}/content", "retrieveVectorStoreFileContent", "Retrieve the text of a file",
            stored.VectorStoreFileContentResponse, parameters=stores.FileContentParameters,
        ),
    ],
    "Vector store file batches": [
        Operation(
            "post", _VB, "createVectorStoreFileBatch", "Attach several files",
            stored.VectorStoreFileBatchObject, stores.CreateVectorStoreFileBatchRequest, polled=True,
        ),
        Operation(
            "get", f"{_VB}/{{batch_id}}", "getVectorStoreFileBatch", "Retrieve a batch",
            stored.VectorStoreFileBatchObject, polled=True,
        ),
        Operation(
            "post", f"{_VB}/{{batch_id}}/cancel", "cancelVectorStoreFileBatch", "Cancel what is still in progress",
            stored.VectorStoreFileBatchObject, polled=True,
        ),
        Operation(
            "get", f"{_VB}/{{batch_id}}/files", "listFilesInVectorStoreBatch", "List the files of a batch",
            stored.ListVectorStoreFilesResponse, parameters=stores.ListVectorStoreFilesParameters,
        ),
    ],
    "Models": [
        Operation("get", "/models", "listModels", "List models", responses.ListModelsResponse),
        Operation("get", "/models/{model}", "retrieveModel", "Retrieve a model", responses.Model),
    ],
    "Usage": [
        Operation(
            "get", "/usage", "getUsage", "Usage of a thread, an assistant, a user or the project",
            UsageReport, parameters=UsageParameters, extension=True,
        ),
    ],
}  # fmt: skip


def document() -> Json:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Json] = {}
    for tag, operations in OPERATIONS.items():
        for operation in operations:
            paths.setdefault(operation.path, {})[operation.method] = _operation(tag, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assistants API", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/v1"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "headers": {
                "RequestId": {"description": "Names the request in our logs.", "schema": {"type": "string"}},
                "PollAfter": {
                    "description": "While it is in progress: how many milliseconds to wait before asking again.",
                    "schema": {"type": "string"},
                },
            },
            "responses": {str(status): _error(text) for status, text in _ERRORS.items()},
            "schemas": _schemas(),
        },
    }


def _operation(tag: str, operation: Operation) -> Json:
    described: Json = {"operationId": operation.name, "tags": [tag], "summary": operation.summary}
    if operation.extension:
        described |= {"description": "Extension: the original API lacks it.", "x-extension": True}
    parameters = [*_path_parameters(operation.path), *_query_parameters(operation.parameters)]
    if operation.creates:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "For 24 hours the same key and request get what was created, as it is now.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        )
    if parameters:
        described["parameters"] = parameters
    if operation.file:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _form(operation)}}}
    elif operation.request:
        described["requestBody"] = {
            "required": any(field.is_required() for field in operation.request.model_fields.values()),
            "content": {"application/json": {"schema": _reference(operation.request)}},
        }
    described["responses"] = _answers(operation)
    return described


def _path_parameters(path: str) -> list[Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(schema: type[Schema]) -> list[Json]:
    described = schema.model_json_schema()
    parameters = []
    for name, field in described.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": name in described.get("required", []), "schema": field}
        if "description" in field:
            parameter["description"] = field.pop("description")
        parameters.append(parameter)
    return parameters


def _form(operation: Operation) -> Json:
    """The schema of a form: nested objects are spelled `name[key]`."""
    assert operation.request
    described = operation.request.model_json_schema()
    properties: Json = {operation.file: {"type": "string", "format": "binary", "description": "The file."}}
    for name, field in described.get("properties", {}).items():
        if "$ref" in field:
            nested = described["$defs"][field["$ref"].rpartition("/")[2]]
            properties |= {f"{name}[{key}]": value for key, value in nested["properties"].items()}
        else:
            properties[name] = field
    required = [operation.file, *described.get("required", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _answers(operation: Operation) -> Json:
    headers: Json = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
    if operation.polled:
        headers["openai-poll-after-ms"] = {"$ref": "#/components/headers/PollAfter"}
    answers: Json = {}
    if operation.answer:
        content: Json = {"application/json": {"schema": _reference(operation.answer)}}
        answers["200"] = {"description": "OK", "headers": headers, "content": content}
    else:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        answers["200"] = {"description": "The bytes, up to 4 MB.", "headers": headers, "content": content}
        location = {"description": "Holds for five minutes.", "schema": {"type": "string", "format": "uri"}}
        answers["302"] = {
            "description": "Where the bytes of a larger file are.",
            "headers": {**headers, "location": location},
        }
    statuses = {400, 401, 429, 500, 503}
    if "{" in operation.path or operation.request or "thread_id" in operation.parameters.model_fields:
        statuses.add(404)
    if operation.creates:
        statuses.add(409)
    if operation.request:
        statuses.add(413)
    return answers | {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


def _error(text: str) -> Json:
    return {
        "description": text,
        "headers": {"x-request-id": {"$ref": "#/components/headers/RequestId"}},
        "content": {"application/json": {"schema": _reference(responses.ErrorResponse)}},
    }


def _reference(schema: type[Schema]) -> Json:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


def _schemas() -> Json:
    used: dict[type[Schema], None] = {responses.ErrorResponse: None}
    for operation in (operation for operations in OPERATIONS.values() for operation in operations):
        body = None if operation.file else operation.request
        used |= {schema: None for schema in (body, operation.answer) if schema}
    _, described = models_json_schema(
        [(schema, "validation") for schema in used], ref_template="#/components/schemas/{model}"
    )
    schemas: Json = described["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
        for field in schema.get("properties", {}).values():
            if field.get("description", "").startswith("Extension"):
                field["x-extension"] = True
        if schema.get("description", "").startswith("Extension"):
            schema["x-extension"] = True
    return dict(sorted(schemas.items()))


def files() -> dict[Path, str]:
    """What is generated: the text of each file, by its path."""
    described = document()
    return {
        ROOT / "docs" / "openapi.json": json.dumps(described, indent=2, ensure_ascii=False) + "\n",
        ROOT / "lambdas" / "api" / "openapi.json": json.dumps(described, separators=(",", ":")) + "\n",
        ROOT / "lambdas" / "api" / "docs.html": page(described),
    }


def stale() -> list[Path]:
    """The generated files that are not what the schemas say."""
    return [path for path, text in files().items() if not path.is_file() or path.read_text() != text]


def main() -> None:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="The API's description.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is stale")
    if parser.parse_args().check:
        if paths := stale():
            names = ", ".join(str(path.relative_to(ROOT)) for path in paths)
            sys.exit(f"Stale: {names}. Run `make docs`.")
        return
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
