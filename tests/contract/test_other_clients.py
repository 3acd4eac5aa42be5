"""Programs for other clients, which change their endpoint and key, and what they send beside the plain one."""

from typing import Any

import httpx2
import openai
import pytest

from tests.support.driver import Driver

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_azures_client_is_served(client: openai.OpenAI, api_key: str, model: str) -> None:
    azure = openai.AzureOpenAI(base_url=str(client.base_url), api_key=api_key, api_version="2025-03-01-preview")
    assistant = azure.beta.assistants.create(model=model)
    thread = azure.beta.threads.create(messages=[{"role": "user", "content": "say Hello from Azure."}])
    run = azure.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed"
    [told] = azure.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert told.content[0].type == "text"
    assert "Hello from Azure" in told.content[0].text.value


def test_azures_key_is_checked(client: openai.OpenAI) -> None:
    azure = openai.AzureOpenAI(base_url=str(client.base_url), api_key="wrong", api_version="2025-03-01-preview")
    with pytest.raises(openai.AuthenticationError):
        azure.beta.assistants.list()


def test_what_was_read_can_be_sent_back(client: openai.OpenAI, model: str) -> None:
    """A typed client sends absent members of what it read as null."""
    function: Any = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    made = client.beta.assistants.create(
        model=model, tools=[{"type": "function", "function": function}, {"type": "file_search"}]
    )
    read = client.beta.assistants.retrieve(made.id).model_dump()
    sent = {name: read[name] for name in ("model", "tools", "tool_resources", "metadata", "temperature")}
    again = client.beta.assistants.update(made.id, **sent)
    assert again.tools == made.tools


def test_an_assistant_that_was_read_can_be_sent_back_whole(client: openai.OpenAI, model: str) -> None:
    """As editors do: all that is shown, but for what the server alone decides."""
    made = client.beta.assistants.create(
        model=model,
        name="a",
        tools=[{"type": "code_interpreter"}],
        metadata={"k": "v"},
        extra_body={"assistant_type": "voice"},
    )
    for by_the_package in (True, False):
        read: Any = client.beta.assistants.retrieve(made.id).model_dump(exclude_unset=not by_the_package)
        for name in ("id", "object", "created_at"):
            read.pop(name)
        again = client.post(f"/assistants/{made.id}", body=read, cast_to=type(made))
        assert again.model_dump() == made.model_dump()
        copy = client.post("/assistants", body=read, cast_to=type(made))
        assert copy.model_dump(exclude={"id", "created_at"}) == made.model_dump(exclude={"id", "created_at"})
    with pytest.raises(openai.BadRequestError, match="fixed") as refused:
        client.post(f"/assistants/{made.id}", body={"assistant_type": "chat"}, cast_to=type(made))
    assert refused.value.param == "assistant_type"


def test_a_thread_that_was_read_can_be_sent_back_whole(client: openai.OpenAI) -> None:
    made = client.beta.threads.create(metadata={"k": "v"})
    read: Any = client.beta.threads.retrieve(made.id).model_dump()
    for name in ("id", "object", "created_at"):
        read.pop(name)
    assert client.post(f"/threads/{made.id}", body=read, cast_to=type(made)).model_dump() == made.model_dump()


def test_a_thread_shows_20_files_for_code_and_keeps_all_that_were_attached(
    client: openai.OpenAI, driver: Driver
) -> None:
    thread = client.beta.threads.create()
    files = [client.files.create(file=(f"{n}.csv", b"a"), purpose="assistants").id for n in range(25)]
    for start in (0, 10, 20):
        attachments: Any = [
            {"file_id": file, "tools": [{"type": "code_interpreter"}]} for file in files[start : start + 10]
        ]
        client.beta.threads.messages.create(thread.id, role="user", content="x", attachments=attachments)
    shown: Any = client.beta.threads.retrieve(thread.id).tool_resources
    assert shown.code_interpreter.file_ids == files[5:]
    again: Any = client.beta.threads.update(thread.id, tool_resources=shown.model_dump(exclude_none=True))
    assert again.tool_resources.code_interpreter.file_ids == files[5:]
    assert driver.store.threads.get(thread.id).tool_resources["code_interpreter"]["file_ids"] == files
    client.beta.threads.update(thread.id, tool_resources={"code_interpreter": {"file_ids": files[:2]}})
    assert driver.store.threads.get(thread.id).tool_resources["code_interpreter"]["file_ids"] == files[:2]
    with pytest.raises(openai.BadRequestError, match="maximum length 20"):
        client.beta.threads.update(thread.id, tool_resources={"code_interpreter": {"file_ids": files}})


@pytest.mark.parametrize("path", ["/assistants", "/threads/thread_none/runs", "/vector_stores", "/files"])
def test_a_browser_asks_first_and_is_told_what_a_page_may_send(client: openai.OpenAI, path: str) -> None:
    url = str(client.base_url).rstrip("/") + path
    asked = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,openai-beta,x-stainless-lang",
    }
    answer = httpx2.options(url, headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert {"authorization", "idempotency-key", "openai-beta", "x-stainless-lang"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    stranger = httpx2.options(url, headers={**asked, "Origin": "https://evil.example"})
    assert stranger.status_code == 401
    assert "access-control-allow-origin" not in stranger.headers


def test_a_page_reads_answers_and_errors(client: openai.OpenAI, api_key: str) -> None:
    url, bearer = str(client.base_url).rstrip("/"), {"Authorization": f"Bearer {api_key}"}
    for path, key, status in (
        ("/models", bearer, 200),
        ("/models", {}, 401),
        ("/none", bearer, 404),
        ("/threads/x", bearer, 404),
    ):
        answer = httpx2.get(url + path, headers={**key, "Origin": "http://127.0.0.1:8000"})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:8000"
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
        assert (
            "access-control-allow-origin"
            not in httpx2.get(url + path, headers={**key, "Origin": "http://evil.example"}).headers
        )
