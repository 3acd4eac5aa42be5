"""A project never sees, lists, guesses or affects what is another's: foreign ids are answered like missing ones.

Every route is tried with another project's ids, one by one and together, in addition to its own. Those that read
or delete follow from the routes; those that write have bodies of their own here.
"""

import base64
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import httpx2
import openai
import pytest
from boto3.dynamodb.conditions import Key

from api import ROUTES
from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.store import Store
from assistant_engine.store.expressions import query
from assistants import keys
from local import up as local
from tests.support.clients import StrictOpenAI, connect, until_known
from tests.support.driver import ASK, Driver
from tests.support.foreign_ids import CASES, USER, WITHOUT_IDS, Case

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


WRONG_REQUESTS = (
    "No such File object",
    "No vector store found",
    "Invalid part",
    "Unexpected tool outputs",
    "Invalid 'after'",
    "Invalid 'before'",
)
"""How a 400 begins that names an id in the body."""


@dataclass(frozen=True)
class Owner:
    """A project with one of everything: a thread with a run that has ended, and one with a run that waits."""

    project: str
    client: StrictOpenAI
    ids: dict[str, str]
    waiting: dict[str, str]

    def named(self, case: Case) -> dict[str, str]:
        """The ids for a case: those of the run that waits, where it is for such a run alone."""
        return self.ids | self.waiting if case.route.endswith(("/cancel", "/submit_tool_outputs")) else self.ids


def missing(named: dict[str, str]) -> dict[str, str]:
    """Ids of the same form and time that nothing has."""
    made = {
        name: ids.new_id(re.split(r"(?<=[_-])", known)[0], ids.milliseconds_of(known))
        for name, known in named.items()
        if name not in ("step_id", "tool_call_id")
    }
    made["step_id"] = ids.step_id(made["run_id"], 0, 1)
    return {**made, "tool_call_id": "x" * len(named.get("tool_call_id", ""))}


def records(owner: Owner) -> list[Any]:
    """All that the project has, as it is stored; but not when the sweeper is to look at it, which moves by itself."""
    store = Store(owner.project)
    partitions = [
        *(("MESSAGES_TABLE", "thread_id", each["thread_id"]) for each in (owner.ids, owner.waiting)),
        *(("MESSAGES_TABLE", "thread_id", owner.ids[name]) for name in ("vector_store_id", "file_id")),
        *(("ASSISTANTS_TABLE", "assistant_type", owner.ids[name]) for name in ("assistant_id", "file_id", "upload_id")),
        ("THREADS_TABLE", "assistant_id", owner.ids["assistant_id"]),
    ]
    known: list[Any] = [store.assistants.get(owner.ids["assistant_id"]), store.files.read(owner.ids["file_id"])]
    for table, key, value in partitions:
        items = store.database.query_all(query(os.environ[table], Key(key).eq(value)))
        known.append([{name: text for name, text in item.items() if name != "due_at"} for item in items])
    return known


@pytest.fixture(scope="module")
def owners(stack: local.Local, driver: Driver) -> Iterator[dict[str, Owner]]:
    """Two projects made for this module, and the default one; each with a key, by its role here."""
    secrets, secret, unique = stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"], uuid.uuid4().hex
    projects = {"one": f"one-{unique}", "another": f"another-{unique}", "the default": DEFAULT_PROJECT}
    names = {role: f"{role.replace(' ', '-')}-{unique}" for role in projects}
    issued = {role: keys.issue(secrets, secret, names[role], project) for role, project in projects.items()}
    clients = {role: connect(stack, key) for role, key in issued.items()}
    for client in clients.values():
        until_known(client)
    made = {role: own(project, clients[role], driver.model) for role, project in projects.items()}
    yield made
    for owner in made.values():
        owner.client.beta.threads.runs.cancel(owner.waiting["run_id"], thread_id=owner.waiting["thread_id"])
    for name in names.values():
        keys.revoke(secrets, secret, name)


def own(project: str, client: StrictOpenAI, model: str) -> Owner:
    """Give a project one of everything."""
    beta = client.beta
    file = client.files.create(file=("pixel.png", PIXEL), purpose="vision")
    upload = client.uploads.create(bytes=4, filename="a", mime_type="text/plain", purpose="assistants")
    part = client.uploads.parts.create(upload.id, data=b"part")
    tools: Any = [ASK]
    assistant = beta.assistants.create(model=model, tools=tools)

    def run(text: str) -> dict[str, str]:
        thread: Any = {"messages": [{"role": "user", "content": text}], "metadata": {"user_id": USER}}
        run = beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
        [step] = beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
        [message, *_] = beta.threads.messages.list(run.thread_id).data
        named = {"thread_id": run.thread_id, "message_id": message.id, "run_id": run.id, "step_id": step.id}
        if run.status == "completed":
            return named
        assert run.required_action
        return {**named, "tool_call_id": run.required_action.submit_tool_outputs.tool_calls[0].id}

    vector_store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.create_and_poll(vector_store.id, file_ids=[file.id])
    flat = {"assistant_id": assistant.id, "file_id": file.id, "upload_id": upload.id, "part_id": part.id}
    flat |= {"vector_store_id": vector_store.id, "batch_id": batch.id}
    return Owner(project, client, {**flat, **run("say Hello")}, run("call ask {}"))


def test_every_route_has_a_case() -> None:
    routes = {f"{route.method} {route.path}" for route in ROUTES}
    assert routes == {case.route for case in CASES} | set(WITHOUT_IDS)


@pytest.mark.parametrize(("stranger", "owner"), [("the default", "one"), ("one", "the default")])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.route} {','.join(case.names)}")
def test_foreign_ids_are_answered_like_missing_ones(
    case: Case, stranger: str, owner: str, owners: dict[str, Owner]
) -> None:
    us, them = owners[stranger], owners[owner]
    ours, theirs = us.named(case), them.named(case)
    before = records(them)
    for names in chain.from_iterable(combinations(case.names, count + 1) for count in range(len(case.names))):
        foreign = {name: theirs[name] for name in names}
        nothing = {name: missing(theirs)[name] for name in names}
        answers = [shape(case.ask(us.client, ours | some), some) for some in (foreign, nothing)]
        assert answers[0] == answers[1], names
        status, _, body = answers[0]
        assert (
            status == 404
            or (status == 400 and json.loads(body)["error"]["message"].startswith(WRONG_REQUESTS))
            or (status == 200 and json.loads(body)["object"] == "list")
        ), answers[0]
        assert not any(known in body for known in {*them.ids.values(), *them.waiting.values()})
    assert records(them) == before


def shape(answer: httpx2.Response, named: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """All of an answer but the time, the request's own id, and the ids that were asked for."""
    body = answer.text
    for name, known in named.items():
        body = body.replace(known, name)
    own = ("date", "x-request-id", "apigw-requestid")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, headers, body


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
        "/files": [us.ids["file_id"]],
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
    threads = [us.waiting["thread_id"], us.ids["thread_id"]]
    assert [found["id"] for found in listed(us.client, f"/threads?user_id={USER}")] == threads


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


def test_a_run_request_finds_no_assistant_of_another_project_than_its_threads(
    owners: dict[str, Owner], driver: Driver
) -> None:
    one, another = owners["one"], owners["another"]
    before = records(one), records(another)
    causes = []
    for assistant_id in (one.ids["assistant_id"], missing(one.ids)["assistant_id"]):
        described = driver.wait(driver.ask(assistant_id, "say Hello.", thread_id=another.ids["thread_id"]))
        assert described["status"] == "FAILED"
        causes.append((described["error"], described["cause"].replace(assistant_id, "assistant_id")))
    assert causes[0] == causes[1]
    assert "No assistant found" in causes[0][1]
    assert (records(one), records(another)) == before


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
