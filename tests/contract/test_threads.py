"""`client.beta.threads` against the stack."""

import os
import time
import uuid
from typing import Any

import openai
import pytest

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.store import Store
from assistant_engine.store.expressions import put

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def listed(client: openai.OpenAI, **query: Any) -> list[str]:
    """The ids of a page of threads: an extension that the package has no method for."""
    page: Any = client.get("/threads", cast_to=object, options={"params": query})
    return [thread["id"] for thread in page["data"]]


def test_a_thread_is_what_it_was_created_as(client: openai.OpenAI, a_file: str) -> None:
    created = client.beta.threads.create(
        messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}],
        metadata={"user_id": "u"},
        tool_resources={"code_interpreter": {"file_ids": [a_file]}},
    )
    assert created.object == "thread" and created.metadata == {"user_id": "u"}
    assert created.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": [a_file]}}
    assert client.beta.threads.retrieve(created.id) == created
    messages = client.beta.threads.messages.list(created.id, order="asc").data
    assert [(m.role, m.content[0].text.value) for m in messages if m.content[0].type == "text"] == [
        ("user", "Hello"),
        ("assistant", "Good day"),
    ]


def test_modifying_replaces_what_is_given(client: openai.OpenAI, a_file: str) -> None:
    created = client.beta.threads.create(metadata={"a": "1"})
    modified = client.beta.threads.update(created.id, metadata={"b": "2"})
    assert modified.metadata == {"b": "2"}
    assert client.beta.threads.update(created.id) == modified
    resources = client.beta.threads.update(created.id, tool_resources={"code_interpreter": {"file_ids": [a_file]}})
    assert resources.metadata == {"b": "2"}
    assert client.beta.threads.update(created.id, metadata=None, tool_resources=None).metadata == {}


def test_a_deleted_thread_is_gone_with_all_below_it(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    message = client.beta.threads.messages.create(thread.id, role="user", content="x")
    deleted = client.beta.threads.delete(thread.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (thread.id, True, "thread.deleted")
    with pytest.raises(openai.NotFoundError, match="No thread found with id"):
        client.beta.threads.retrieve(thread.id)
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.messages.retrieve(message.id, thread_id=thread.id)
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.messages.list(thread.id)
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.delete(thread.id)


def test_threads_are_listed_by_user_and_by_assistant(client: openai.OpenAI, model: str) -> None:
    user = str(uuid.uuid4())
    made = [client.beta.threads.create(metadata={"user_id": user}).id for _ in range(3)]
    assert listed(client, user_id=user) == made[::-1]
    assert listed(client, limit=3) == made[::-1]
    assert listed(client, user_id=user, order="asc", after=made[0], limit=1) == [made[1]]
    client.beta.threads.delete(made[2])
    assert listed(client, user_id=user, limit=2) == [made[1], made[0]]
    assistant = client.beta.assistants.create(model=model)
    run = client.beta.threads.runs.create(made[0], assistant_id=assistant.id)
    assert listed(client, assistant_id=assistant.id) == [made[0]]
    assert listed(client, assistant_id=assistant.id, user_id=user) == [made[0]]
    assert listed(client, assistant_id=assistant.id, user_id="nobody") == []
    client.beta.threads.runs.poll(run.id, thread_id=made[0])


def test_threads_are_listed_by_time(client: openai.OpenAI, model: str) -> None:
    user, second = str(uuid.uuid4()), int(time.time())
    made = [client.beta.threads.create(metadata={"user_id": user}).id for _ in range(2)]
    assert listed(client, user_id=user, created_after=second) == made[::-1]
    assert listed(client, user_id=user, created_before=second) == []
    assert listed(client, user_id=user, created_after=second + 1000) == []
    assert set(made) <= set(listed(client, created_after=second, limit=100))


@pytest.mark.parametrize("first", ["0", "a"])  # Text before the ids that begin with a time of now, and after them.
def test_threads_of_an_assistant_come_by_time_also_where_some_have_ids_of_their_own(
    first: str, client: openai.OpenAI, store: Store
) -> None:
    assistant = client.beta.assistants.create(model="m").id
    own = [client.beta.threads.create().id for _ in range(2)]
    old = [f"thread_{first}{uuid.uuid4().hex[:19]}{number}" for number in (9, 1)]
    for number, name in enumerate(old):
        created_at = 1_700_000_000 + number
        thread = Thread(ThreadId(name), created_at, {}, {}, last_ms=Milliseconds(1000 * created_at))
        place = ids.listed_as("thread_", name, Seconds(created_at))
        head = store.threads.head_of(thread, thread.last_ms, place)
        store.database.transact([put(os.environ["MESSAGES_TABLE"], head)])
    for name in own[:1]:
        store.database.transact([store.directory.count_run_begun(assistant, name)])
    assert listed(client, assistant_id=assistant) == own[:1]
    for name in (*old, own[1]):
        store.database.transact([store.directory.count_run_begun(assistant, name)])
    newest = [*own[::-1], *old[::-1]]
    for _ in range(50):  # The index lags.
        if listed(client, assistant_id=assistant) == newest:
            break
        time.sleep(0.1)
    assert listed(client, assistant_id=assistant) == newest
    assert listed(client, assistant_id=assistant, limit=2, after=newest[1]) == newest[2:]
    assert listed(client, assistant_id=assistant, created_before=1_700_000_001) == [old[0]]


def test_usage_and_cost_of_a_thread_are_an_extension(client: openai.OpenAI, model: str) -> None:
    assistant = client.beta.assistants.create(model=model)
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "say hi"}]}
    )
    assert run.usage is not None and run.usage.total_tokens > 0
    thread: Any = client.beta.threads.retrieve(run.thread_id).to_dict()
    assert thread["usage"] == run.usage.to_dict()
    assert thread["cost"] is None or thread["cost"] > 0, "the model's price is not known, or is paid"


def test_the_same_key_creates_once(client: openai.OpenAI) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    created = client.beta.threads.create(metadata={"a": "1"}, extra_headers=key)
    assert client.beta.threads.create(metadata={"a": "1"}, extra_headers=key) == created
    with pytest.raises(openai.ConflictError):
        client.beta.threads.create(extra_headers=key)


def test_more_messages_than_one_transaction_holds_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="At most 94 fit"):
        client.beta.threads.create(messages=[{"role": "user", "content": "x"}] * 95)
