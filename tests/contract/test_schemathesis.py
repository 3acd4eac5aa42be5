"""The API against its own description, by generated requests: no status and no answer that the description lacks.

Generated ids name nothing, so each request is sent a second time with the ids of objects that exist.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = 6
# How a wrong request is answered, other tests say. Here the answer must be as described, whatever it is.
load_all_checks()
OTHERS: Any = [CHECKS.get_one(name) for name in ("positive_data_acceptance", "negative_data_rejection")]

# Walking through every limit of every schema as well takes half an hour.
config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
description = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json", config=config)
# Not `description.parametrize()`: its tests all bear one name, of which processes that share the tests run one.
FOUND = [result.ok() for result in description.get_all_operations() if isinstance(result, Ok)]
OPERATIONS = {f"{operation.method.upper()} {operation.path}": operation for operation in FOUND}


@pytest.fixture(scope="module")
def ids(client: openai.OpenAI) -> Iterator[dict[str, str]]:
    """An object of every kind, by the name of the path's parameter."""
    beta = client.beta
    model = client.models.list().data[0].id
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    upload = client.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="assistants")
    assistant = beta.assistants.create(model=model)
    thread = beta.threads.create()
    message = beta.threads.messages.create(thread.id, role="user", content="Hello")
    vector_store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.create_and_poll(vector_store.id, file_ids=[file.id])
    run = beta.threads.runs.create_and_poll(assistant_id=assistant.id, thread_id=thread.id)
    [step, *_] = beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    export: Any = client.post("/fine_tuning/exports", cast_to=object, body={"assistant_id": assistant.id})
    yield {
        "assistant_id": assistant.id,
        "export_id": export["id"],
        "thread_id": thread.id,
        "message_id": message.id,
        "run_id": run.id,
        "step_id": step.id,
        "file_id": file.id,
        "upload_id": upload.id,
        "vector_store_id": vector_store.id,
        "batch_id": batch.id,
        "model": model,
    }
    beta.threads.delete(thread.id)
    beta.assistants.delete(assistant.id)
    client.vector_stores.delete(vector_store.id)
    client.files.delete(file.id)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_are_as_described(operation: str, client: openai.OpenAI, ids: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=OPERATIONS[operation].as_strategy())
    def answers(case: schemathesis.Case[Any]) -> None:
        # The embedded gateway finds no route for a path with a line break in it, and answers itself.
        assume(all(str(value).isprintable() for value in case.path_parameters.values()))
        send(case, client)
        if case.method == "DELETE":
            return
        if names := case.path_parameters.keys() & ids.keys():
            case.path_parameters = {**case.path_parameters, **{name: ids[name] for name in names}}
        if isinstance(case.body, dict) and "assistant_id" in case.body:
            case.body["assistant_id"] = ids["assistant_id"]
        send(case, client)

    answers()


def send(case: schemathesis.Case[Any], client: openai.OpenAI) -> None:
    """Send a request, and hold the answer against the description."""
    case.call_and_validate(
        base_url=str(client.base_url).rstrip("/"),
        headers={"Authorization": f"Bearer {client.api_key}"},
        excluded_checks=OTHERS,
    )
