"""The samples that every guide to the Assistants API starts with: only the construction of the client is changed."""

import json
import time

import openai
import pytest

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.offline_model]


@pytest.fixture(params=["OpenAI", "AzureOpenAI"])
def client(request: pytest.FixtureRequest, client: openai.OpenAI, azure: openai.AzureOpenAI) -> openai.OpenAI:
    """Either client: the samples of both services are the same."""
    return client if request.param == "OpenAI" else azure


def test_a_conversation(client: openai.OpenAI, model: str) -> None:
    assistant = client.beta.assistants.create(
        name="Math Tutor",
        instructions="You are a personal math tutor. Answer questions briefly, in a sentence or less.",
        model=model,
    )
    thread = client.beta.threads.create()
    message = client.beta.threads.messages.create(thread_id=thread.id, role="user", content="say x = 1")
    assert message.thread_id == thread.id

    run = client.beta.threads.runs.create(
        thread_id=thread.id,
        assistant_id=assistant.id,
        instructions="Please address the user as Jane Doe. The user has a premium account.",
    )
    deadline = time.monotonic() + 30
    while run.status in ("queued", "in_progress") and time.monotonic() < deadline:
        time.sleep(0.2)
        run = client.beta.threads.runs.retrieve(thread_id=thread.id, run_id=run.id)
    assert run.status == "completed"

    printed = []
    for told in client.beta.threads.messages.list(thread_id=thread.id, order="asc"):
        assert told.content[0].type == "text"
        printed.append((told.role, told.content[0].text.value))
    assert printed == [("user", "say x = 1"), ("assistant", "x = 1")]

    assert client.beta.threads.delete(thread.id).deleted
    assert client.beta.assistants.delete(assistant.id).deleted


def test_function_calling_with_two_parallel_calls(client: openai.OpenAI, model: str) -> None:
    functions = ("get_current_temperature", "get_rain_probability")
    place = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
    assistant = client.beta.assistants.create(
        instructions="You are a weather bot. Use the provided functions to answer questions.",
        model=model,
        tools=[{"type": "function", "function": {"name": name, "parameters": dict(place)}} for name in functions],
    )
    thread = client.beta.threads.create()
    asked = json.dumps({"location": "San Francisco, CA"})
    client.beta.threads.messages.create(
        thread_id=thread.id, role="user", content="\n".join(f"call {name} {asked}" for name in functions)
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "requires_action" and run.required_action

    answers = {"get_current_temperature": "57", "get_rain_probability": "0.06"}
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [json.loads(asked)] * 2
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        thread_id=thread.id,
        run_id=run.id,
        tool_outputs=[{"tool_call_id": call.id, "output": answers[call.function.name]} for call in calls],
    )
    assert run.status == "completed"
    [newest] = client.beta.threads.messages.list(thread_id=thread.id, limit=1).data
    assert newest.content[0].type == "text"
    assert "57" in newest.content[0].text.value and "0.06" in newest.content[0].text.value
