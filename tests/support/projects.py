"""Projects that have one of everything, to see what one of them learns of another."""

import base64
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from boto3.dynamodb.conditions import Key

from assistant_engine.domain import ids
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.store import Store
from assistant_engine.store.expressions import query
from assistants import keys
from local import up as local
from tests.support import spare_keys
from tests.support.clients import StrictOpenAI, connect, until_known, until_known_everywhere
from tests.support.driver import ASK
from tests.support.route_examples import USER, Example

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


_FILES = ("file_id", "upload_id", "part_id", "vector_store_id", "batch_id")


@dataclass(frozen=True)
class Owner:
    """A project with one of everything: a thread with a run that has ended, and one with a run that waits."""

    project: str
    key: str
    client: StrictOpenAI
    ids: dict[str, str]
    waiting: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request with the project's key."""
        return {"Authorization": f"Bearer {self.key}"}

    def named(self, example: Example) -> dict[str, str]:
        """Return the ids for a request: those of the run that waits, where it is for such a run alone."""
        return self.ids | self.waiting if example.route.endswith(("/cancel", "/submit_tool_outputs")) else self.ids


def missing(named: Mapping[str, str]) -> dict[str, str]:
    """Return ids of the same form and time that nothing has."""
    made = {
        name: ids.new_id(re.split(r"(?<=[_-])", known)[0], ids.milliseconds_of(known))
        for name, known in named.items()
        if name not in ("step_id", "tool_call_id")
    }
    made["step_id"] = ids.step_id(made["run_id"], 0, 1)
    return {**made, "tool_call_id": "x" * len(named.get("tool_call_id", ""))}


@cache
def _store(project: str) -> Store:
    """Return the project's store: each makes clients of its own."""
    return Store(project)


def records(owner: Owner) -> list[Any]:
    """Return all that the project has, as it is stored, but not when the sweeper is to look at it next."""
    store = _store(owner.project)
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


@contextmanager
def spare_project(stack: local.Local, project: str = "") -> Iterator[tuple[str, str]]:
    """Make an empty project, or take one that is there; its name, and a key, which is revoked afterwards."""
    taken = spare_keys.take(stack, project)
    until_known(connect(stack, taken.key))
    yield taken.project, taken.key
    keys.revoke(stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"], taken.name)


@contextmanager
def projects(stack: local.Local, model: str, *roles: str) -> Iterator[dict[str, Owner]]:
    """Fill the default project and a new one for each role; each has a key of its own. They are by their roles."""
    with ExitStack() as taken:
        named = {role: taken.enter_context(spare_project(stack)) for role in roles}
        named["the default"] = taken.enter_context(spare_project(stack, DEFAULT_PROJECT))
        made = {role: _fill(project, key, connect(stack, key), model) for role, (project, key) in named.items()}
        for owner in made.values():
            until_known_everywhere(owner.key)
        yield made
        for owner in made.values():
            owner.client.beta.threads.runs.cancel(owner.waiting["run_id"], thread_id=owner.waiting["thread_id"])


def _fill(project: str, key: str, client: StrictOpenAI, model: str) -> Owner:
    tools: Any = [ASK]
    assistant = client.beta.assistants.create(model=model, tools=tools).id
    ended, waiting = (run(client, assistant, text) for text in ("say Hello", "call ask {}"))
    export: Any = client.post("/fine_tuning/exports", cast_to=object, body={"assistant_id": assistant})
    named = {"assistant_id": assistant, "export_id": export["id"], **belongings(client, _FILES), **ended}
    return Owner(project, key, client, named, waiting)


def belongings(client: StrictOpenAI, names: Collection[str]) -> dict[str, str]:
    """Give a project one more of each thing that is named, but of runs; return the ids, also of what these lie in."""
    made: dict[str, str] = {}
    if not {"thread_id", "message_id"}.isdisjoint(names):
        made["thread_id"] = client.beta.threads.create().id
        message = client.beta.threads.messages.create(made["thread_id"], role="user", content="say Hello")
        made["message_id"] = message.id
    if "assistant_id" in names:
        made["assistant_id"] = client.beta.assistants.create(model="m").id
    if not {"upload_id", "part_id"}.isdisjoint(names):
        upload = client.uploads.create(bytes=4, filename="a", mime_type="text/plain", purpose="assistants")
        made |= {"upload_id": upload.id, "part_id": client.uploads.parts.create(upload.id, data=b"part").id}
    if not {"file_id", "vector_store_id", "batch_id"}.isdisjoint(names):
        made["file_id"] = client.files.create(file=("pixel.png", PIXEL), purpose="vision").id
    if not {"vector_store_id", "batch_id"}.isdisjoint(names):
        store = client.vector_stores.create()
        batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[made["file_id"]])
        made |= {"vector_store_id": store.id, "batch_id": batch.id}
    return made


def run(client: StrictOpenAI, assistant_id: str, text: str) -> dict[str, str]:
    """Run a new thread with one message until it ends or waits; return the ids of what there is of it then."""
    thread: Any = {"messages": [{"role": "user", "content": text}], "metadata": {"user_id": USER}}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant_id, thread=thread)
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    [message, *_] = client.beta.threads.messages.list(run.thread_id).data
    named = {"thread_id": run.thread_id, "message_id": message.id, "run_id": run.id, "step_id": step.id}
    if run.status == "completed":
        return named
    assert run.required_action
    return {**named, "tool_call_id": run.required_action.submit_tool_outputs.tool_calls[0].id}
