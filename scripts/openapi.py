"""Writes the API's description, from the same schemas that check requests: `make docs`.

- `docs/openapi.json`, to be read, and `lambdas/api/openapi.json`, which the API serves as `/openapi.json`;
- `lambdas/api/docs.html`, which it serves as `/docs`.

`--check` writes nothing and fails when one of them is stale.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from assistant_engine.schemas import audio, fine_tuning, project, project_runs, responses, run_responses, usage
from assistant_engine.schemas import vector_store_responses as stored
from assistant_engine.schemas.common import Schema
from route_table import every_route
from routes import Route
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

_BYTES: Json = {"type": "string", "format": "binary"}

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
    "Audio": "Speech as text, and text as speech.",
    "Models": "The models that are configured.",
    "Usage": "Tokens, calls, time and money by day.",
    "Project": "What a key belongs to, and the tools that are deployed.",
    "Fine-tuning": "What was said, as data to fine-tune a model with.",
}


def schema_of(name: str) -> type[Schema]:
    """Find the schema of an answer by its name."""
    for module in (responses, audio, run_responses, stored, usage, project, project_runs, fine_tuning):
        if found := getattr(module, name, None):
            schema: type[Schema] = found
            return schema
    raise LookupError(name)


def document() -> Json:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Json] = {}
    for route in every_route():
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route)
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


def _path(route: Route) -> str:
    return route.path.replace(":path}", "}")


def _operation(route: Route) -> Json:
    described: Json = {"operationId": route.name, "tags": [route.tag], "summary": route.summary}
    if route.extension:
        described |= {"description": "Extension: the original API lacks it.", "x-extension": True}
    parameters = [*_path_parameters(route), *_query_parameters(route.query)]
    if route.creates:
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
    if route.file:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _form(route)}}}
    elif route.body:
        described["requestBody"] = {
            "required": any(field.is_required() for field in route.body.model_fields.values()),
            "content": {"application/json": {"schema": _reference(route.body)}},
        }
    described["responses"] = _answers(route)
    return described


def _path_parameters(route: Route) -> list[Json]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.parameters]


def _query_parameters(schema: type[Schema]) -> list[Json]:
    described = schema.model_json_schema()
    parameters = []
    for name, field in described.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": name in described.get("required", []), "schema": field}
        if "description" in field:
            parameter["description"] = field.pop("description")
        parameters.append(parameter)
    return parameters


def _form(route: Route) -> Json:
    """The schema of a form: nested objects are spelled `name[key]`."""
    assert route.body
    described = route.body.model_json_schema()
    properties: Json = {route.file: {"type": "string", "format": "binary", "description": "The file."}}
    for name, field in described.get("properties", {}).items():
        if "$ref" in field:
            nested = described["$defs"][field["$ref"].rpartition("/")[2]]
            properties |= {f"{name}[{key}]": value for key, value in nested["properties"].items()}
        else:
            properties[name] = field
    required = [route.file, *described.get("required", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _answers(route: Route) -> Json:
    headers: Json = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
    if route.polled:
        headers["openai-poll-after-ms"] = {"$ref": "#/components/headers/PollAfter"}
    answers: Json = {}
    content: Json = {}
    if route.answer:
        content["application/json"] = {"schema": _reference(schema_of(route.answer))}
    for media in route.media:
        content[media] = {"schema": {"type": "string"} if media.startswith("text/") else _BYTES}
    if route.streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    if not content:
        content["application/octet-stream"] = {"schema": _BYTES}
    answers["200"] = {"description": "OK", "headers": headers, "content": content}
    statuses = {400, 401, 429, 500, 503}
    if "{" in route.path or route.body or "thread_id" in route.query.model_fields:
        statuses.add(404)
    if route.creates:
        statuses.add(409)
    if route.body:
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
    for route in every_route():
        body = None if route.file else route.body
        answer = schema_of(route.answer) if route.answer else None
        used |= {schema: None for schema in (body, answer) if schema}
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
    """Return what is generated: the text of each file, by its path."""
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
    """Run the command line."""
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
