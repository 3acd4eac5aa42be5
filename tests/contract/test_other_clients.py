"""Programs for other clients, which change their endpoint and key, and what they send beside the plain one."""

from typing import Any

import openai
import pytest

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
