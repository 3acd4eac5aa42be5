"""Items of others in the tables: every door leaves them out or refuses them by name, and no run stumbles over them.

Their shapes are those of the earlier engine, whose tables have the same names and keys.
"""

import json
from typing import Any

import openai
import pytest

from assistant_engine.domain import ids
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store.changes import status_change
from assistant_engine.store.items import marshal
from local.up import Local
from tests.support.clients import connect
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

MOMENT = "2024-07-17T08:30:00.123456+0000"


@pytest.fixture
def client(stack: Local, api_key: str) -> openai.OpenAI:
    return connect(stack, api_key)


def old_message(thread_id: str, message_id: str) -> dict[str, Any]:
    """A message as the earlier engine kept it."""
    return {
        "thread_id": thread_id,
        "message_id": message_id,
        "role": "user",
        "message": "What is ACME worth?",
        "created_at": MOMENT,
    }


def plant(driver: Driver, table: str, *items: dict[str, Any]) -> None:
    for item in items:
        driver.client("dynamodb").put_item(TableName=driver.outputs[table], Item=marshal(item))


def remove(driver: Driver, table: str, *items: dict[str, Any], keys: tuple[str, str]) -> None:
    for item in items:
        key = marshal({name: item[name] for name in keys})
        driver.client("dynamodb").delete_item(TableName=driver.outputs[table], Key=key)


def test_a_thread_with_others_items_is_read_and_goes_on(driver: Driver, client: openai.OpenAI) -> None:
    assistant = driver.assistant()
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "say One."}])
    first = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert first.status == "completed"
    [own_step] = client.beta.threads.runs.steps.list(first.id, thread_id=thread.id).data
    # One sorts before all of ours, one after, as OpenAI's ids do.
    messages = [old_message(thread.id, name) for name in ("msg_000abc", "msg_zLQ8NfNQ5kZzVJ8Cw7Yx1sTt")]
    run = {"thread_id": thread.id, "message_id": "run_zX0y", "run_id": "run_zX0y", "usage": {}, "created_at": MOMENT}
    step = {**old_message(thread.id, own_step.id[:-1] + "9"), "run_id": first.id}
    foreign = [*messages, run, step]
    plant(driver, "MessagesTable", *foreign)
    try:
        listed = client.beta.threads.messages.list(thread.id, order="asc", limit=2)
        assert [message.role for message in listed.data] == ["user", "assistant"]
        assert not listed.has_more
        assert [each.id for each in client.beta.threads.runs.list(thread.id).data] == [first.id]
        steps = client.beta.threads.runs.steps.list(first.id, thread_id=thread.id).data
        assert [each.id for each in steps] == [own_step.id]
        assert client.beta.threads.messages.list(thread.id, run_id=first.id).data

        for refused in (
            lambda: client.beta.threads.messages.retrieve("msg_000abc", thread_id=thread.id),
            lambda: client.beta.threads.messages.update("msg_000abc", thread_id=thread.id, metadata={"a": "b"}),
            lambda: client.beta.threads.messages.delete("msg_000abc", thread_id=thread.id),
            lambda: client.beta.threads.runs.retrieve("run_zX0y", thread_id=thread.id),
            lambda: client.beta.threads.runs.update("run_zX0y", thread_id=thread.id, metadata={"a": "b"}),
            lambda: client.beta.threads.runs.cancel("run_zX0y", thread_id=thread.id),
            lambda: client.beta.threads.runs.submit_tool_outputs("run_zX0y", thread_id=thread.id, tool_outputs=[]),
            lambda: client.beta.threads.runs.steps.list("run_zX0y", thread_id=thread.id),
            lambda: client.beta.threads.runs.steps.retrieve(step["message_id"], thread_id=thread.id, run_id=first.id),
        ):
            with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
                refused()
        # Nothing of others was deleted or changed.
        for item in foreign:
            key = marshal({"thread_id": thread.id, "message_id": item["message_id"]})
            kept = driver.client("dynamodb").get_item(TableName=driver.outputs["MessagesTable"], Key=key)["Item"]
            assert kept == marshal(item)

        # The next run's model does not see them, and the run ends.
        client.beta.threads.messages.create(thread.id, role="user", content="say Two.")
        second = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
        assert second.status == "completed", second.last_error
        driver.ended(driver.store.runs.get(ThreadId(thread.id), second.id), "completed")
    finally:
        remove(driver, "MessagesTable", *foreign, keys=("thread_id", "message_id"))


def test_an_earlier_assistant_is_as_if_it_were_not_there(driver: Driver, client: openai.OpenAI) -> None:
    old = {
        "assistant_type": "conversation",
        "assistant_id": "asst_Nb7hCwkqvTV8FZhQxH4xk0aR",
        "assistant_name": "Analyst",
        "functions": [{"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}],
        "configuration": {"unit": "USD"},
        "updated_by": "ada",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    name = old["assistant_id"]
    # Should somebody have copied it under our pointer's key, it is still none of ours.
    copied = {**old, "assistant_type": name, "points_to": "conversation"}
    plant(driver, "AssistantsTable", old, copied)
    try:
        assert name not in [each.id for each in client.beta.assistants.list(limit=100).data]
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "say One."}])
        for refused in (
            lambda: client.beta.assistants.retrieve(str(name)),
            lambda: client.beta.assistants.update(str(name), name="Other"),
            lambda: client.beta.assistants.delete(str(name)),
            lambda: client.beta.threads.runs.create(thread_id=thread.id, assistant_id=str(name)),
        ):
            with pytest.raises(openai.NotFoundError):
                refused()
        execution = driver.wait(driver.ask(str(name), "say One."))
        assert (execution["status"], execution["error"]) == ("FAILED", "invalid_request_error")
    finally:
        remove(driver, "AssistantsTable", old, copied, keys=("assistant_type", "assistant_id"))


def test_a_foreign_row_of_the_directory_is_named(driver: Driver, client: openai.OpenAI) -> None:
    assistant = driver.assistant()
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "say One."}])
    row = {
        "assistant_id": assistant,
        "thread_id": thread.id,
        "runs": [{"run_id": "run_abc", "usage": {}}],
        "is_voice": False,
        "created_at": MOMENT,
    }
    plant(driver, "ThreadsTable", row)
    try:
        with pytest.raises(openai.BadRequestError, match="not this engine's"):
            client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant)
        request = {"assistant_id": assistant, "thread_id": thread.id}
        execution = driver.wait(driver.start(request))
        assert (execution["status"], execution["error"]) == ("FAILED", "invalid_request_error")
        assert "not this engine's" in execution["cause"]
        assert client.beta.threads.runs.list(thread.id).data == []
        listed = client.get("/threads", cast_to=object, options={"params": {"assistant_id": assistant}})
        assert thread.id in json.dumps(listed)
    finally:
        remove(driver, "ThreadsTable", row, keys=("assistant_id", "thread_id"))
    again = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert again.status == "completed"


def test_a_foreign_run_in_the_stream_is_no_change(driver: Driver) -> None:
    item = {"thread_id": "thread_abc", "message_id": "run_abc", "usage": {}, "created_at": MOMENT}
    keys = {name: item[name] for name in ("thread_id", "message_id")}
    record = {"eventName": "INSERT", "dynamodb": {"Keys": marshal(keys), "NewImage": marshal(item)}}
    assert status_change(record) is None


def test_the_sweeper_passes_over_what_is_not_a_run(driver: Driver) -> None:
    item = {
        "thread_id": ids.new_id("thread_", now_ms()),
        "message_id": "run_zX0y",
        "open_shard": "open#0",
        "due_at": 1,
        "created_at": MOMENT,
    }
    plant(driver, "MessagesTable", item)
    try:
        driver.invoke("sweeper", {})
    finally:
        remove(driver, "MessagesTable", item, keys=("thread_id", "message_id"))
