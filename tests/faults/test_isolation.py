"""A project never sees, lists or affects what is another's: lists, usage, idempotency keys and the model's context.

Foreign ids are tried at every door: `tests/faults/test_doors.py`.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.store import Store
from local import up as local
from tests.support.driver import Driver
from tests.support.projects import Owner, missing, projects
from tests.support.route_examples import USER

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def owners(stack: local.Local, driver: Driver) -> Iterator[dict[str, Owner]]:
    """The default project and two made for this module, by their roles here."""
    with projects(stack, driver.model, "one", "another") as made:
        yield made


def listed(client: openai.OpenAI, path: str, **query: Any) -> list[Json]:
    page: Any = client.get(path, cast_to=object, options={"params": {"limit": 100, **query}})
    data: list[Json] = page["data"]
    return data


@pytest.mark.parametrize("role", ["one", "another"])
def test_lists_show_a_project_its_own_alone(role: str, owners: dict[str, Owner]) -> None:
    us = owners[role]
    threads = [us.waiting["thread_id"], us.ids["thread_id"]]
    expected = {
        "/assistants": [us.ids["assistant_id"]],
        "/files?purpose=vision": [us.ids["file_id"]],
        "/vector_stores": [us.ids["vector_store_id"]],
        "/threads": threads,
        f"/threads?user_id={USER}": threads,
        f"/threads?assistant_id={us.ids['assistant_id']}": threads,
        f"/threads?assistant_id={us.ids['assistant_id']}&user_id={USER}": threads,
    }
    assert {path: [found["id"] for found in listed(us.client, path)] for path in expected} == expected


def test_the_default_project_lists_nothing_of_others(owners: dict[str, Owner]) -> None:
    others = {
        known for role in ("one", "another") for known in (*owners[role].ids.values(), *owners[role].waiting.values())
    }
    us = owners["the default"]
    for path in ("/assistants", "/files", "/threads", "/vector_stores"):
        shown = {found["id"] for found in listed(us.client, path)}
        assert not shown & others
    shown = {found["id"] for found in listed(us.client, f"/threads?user_id={USER}")}
    assert {us.waiting["thread_id"], us.ids["thread_id"]} <= shown and not shown & others


def test_usage_is_a_projects_own(owners: dict[str, Owner]) -> None:
    for role in ("one", "another"):
        us = owners[role]
        run = us.client.beta.threads.runs.retrieve(us.ids["run_id"], thread_id=us.ids["thread_id"])
        assert run.usage and run.usage.total_tokens
        totals = {thread["id"]: thread["usage"]["total_tokens"] for thread in listed(us.client, "/threads")}
        assert totals == {us.ids["thread_id"]: run.usage.total_tokens, us.waiting["thread_id"]: 0}


def test_a_name_of_a_user_may_be_as_long_as_metadata(owners: dict[str, Owner]) -> None:
    client, user = owners["one"].client, "😀" * 512
    thread = client.beta.threads.create(metadata={"user_id": user})
    assert [found["id"] for found in listed(client, "/threads", user_id=user)] == [thread.id]
    client.beta.threads.delete(thread.id)


def test_projects_use_the_same_idempotency_keys_apart(owners: dict[str, Owner], driver: Driver) -> None:
    one, another = owners["one"], owners["another"]
    headers = {"Idempotency-Key": f"shared-{uuid.uuid4()}"}

    def create(client: openai.OpenAI, word: str) -> list[str]:
        assistant = client.beta.assistants.create(model=driver.model, name=word, extra_headers=headers)
        thread = client.beta.threads.create(metadata={"word": word}, extra_headers=headers)
        message = client.beta.threads.messages.create(thread.id, role="user", content=word, extra_headers=headers)
        run = client.beta.threads.create_and_run(
            assistant_id=assistant.id, metadata={"word": word}, extra_headers=headers
        )
        file = client.files.create(file=("a.txt", word.encode()), purpose="assistants", extra_headers=headers)
        announced: Any = {"bytes": 1, "filename": word, "mime_type": "text/plain", "purpose": "assistants"}
        upload = client.uploads.create(**announced, extra_headers=headers)
        part = client.uploads.parts.create(upload.id, data=word.encode(), extra_headers=headers)
        run = client.beta.threads.runs.poll(run.id, thread_id=run.thread_id)
        made = [assistant.id, thread.id, message.id, run.id, file.id, upload.id, part.id]
        client.beta.threads.delete(thread.id)
        client.beta.threads.delete(run.thread_id)
        client.beta.assistants.delete(assistant.id)
        client.files.delete(file.id)
        return made

    # Neither answered with what the other made, nor refused because the other asked for something else.
    made = [create(one.client, "same"), create(another.client, "same")]
    assert not set(made[0]) & set(made[1])
    headers = {"Idempotency-Key": f"shared-{uuid.uuid4()}"}
    made = [create(one.client, "this"), create(another.client, "that")]
    assert not set(made[0]) & set(made[1])


def test_run_requests_of_projects_use_the_same_idempotency_keys_apart(owners: dict[str, Owner], driver: Driver) -> None:
    one, another = owners["one"], owners["another"]
    key = str(uuid.uuid4())
    finished = [
        driver.run(driver.ask(owner.ids["assistant_id"], "say Mine.", idempotency_key=key)) for owner in (one, another)
    ]
    assert finished[0]["run_id"] != finished[1]["run_id"]
    for owner, run in zip((one, another), finished, strict=True):
        # The new thread is of the assistant's project.
        assert owner.client.beta.threads.runs.retrieve(run["run_id"], thread_id=run["thread_id"]).status == "completed"
        owner.client.beta.threads.delete(run["thread_id"])


def test_a_run_is_shown_no_image_of_another_project(owners: dict[str, Owner], driver: Driver) -> None:
    one, another = owners["one"], owners["another"]
    errors = []
    for file_id in (one.ids["file_id"], missing(one.ids)["file_id"]):
        # As if the API had let it in.
        content = [{"type": "image_file", "image_file": {"file_id": file_id}}]
        now = int(time.time() * 1000)
        thread = another.client.beta.threads.create()
        message = new_message({"role": "user", "content": content}, Seconds(now // 1000))
        store = Store(another.project)
        store.messages.add(store.threads.get(thread.id), message, Milliseconds(now))
        run = another.client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=another.ids["assistant_id"]
        )
        assert run.status == "failed" and run.last_error
        errors.append((run.last_error.code, run.last_error.message.replace(file_id, "file_id")))
        another.client.beta.threads.delete(thread.id)
    assert errors[0] == errors[1] == ("invalid_prompt", "No such File object: file_id")
