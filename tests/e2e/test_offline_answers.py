"""An own program without a model key: an assistant with every kind of tool gets answers that its tools made."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ORDER: Any = {
    "type": "function",
    "function": {
        "name": "get_order",
        "description": "Look up where an order is.",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
}
SALES = b"region,month,revenue\nNorth,2031-01,400\nSouth,2031-01,700\nNorth,2031-02,500\n"
GUIDE = b"# Warranty\n\nThe warranty lasts 24 months from the day of purchase.\n"


@pytest.fixture(scope="module")
def client(base_url: str, api_key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)


def _answer(client: openai.OpenAI, thread_id: str, assistant_id: str, text: str, output: Callable[[Any], str]) -> Any:
    """Ask, give the client's outputs, and return the newest message."""
    client.beta.threads.messages.create(thread_id, role="user", content=text)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)
    while run.status == "requires_action" and run.required_action:
        calls = run.required_action.submit_tool_outputs.tool_calls
        outputs: Any = [{"tool_call_id": call.id, "output": output(call.function)} for call in calls]
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread_id, tool_outputs=outputs
        )
    assert run.status == "completed", run.last_error
    return client.beta.threads.messages.list(thread_id, run_id=run.id).data[0]


def test_a_support_chat_without_a_key(client: openai.OpenAI) -> None:
    guide = client.files.create(file=("guide.md", GUIDE), purpose="assistants")
    sales = client.files.create(file=("sales.csv", SALES), purpose="assistants")
    store = client.vector_stores.create(name="Help")
    client.vector_stores.files.create_and_poll(guide.id, vector_store_id=store.id)
    assistant = client.beta.assistants.create(
        model="gpt-6-luna",
        tools=[ORDER, {"type": "code_interpreter"}, {"type": "file_search"}],
        tool_resources={
            "code_interpreter": {"file_ids": [sales.id]},
            "file_search": {"vector_store_ids": [store.id]},
        },
    )
    thread = client.beta.threads.create()
    asked = []

    def output(function: Any) -> str:
        asked.append((function.name, json.loads(function.arguments)))
        return '{"status": "shipped", "arrives": "Friday"}'

    def text(question: str) -> Any:
        message = _answer(client, thread.id, assistant.id, question, output)
        return message, next(part.text for part in message.content if part.type == "text")

    _, solved = text("Solve 3x + 11 = 14.")
    assert solved.value.startswith("x = 1.")
    _, order = text("Where is my order A-1001?")
    assert asked == [("get_order", {"order_id": "A-1001"})] and "status shipped" in order.value
    _, warranty = text("How long is the warranty?")
    assert "24 months" in warranty.value
    [citation] = warranty.annotations
    assert citation.file_citation.file_id == guide.id
    message, chart = text("Chart the revenue by region.")
    assert "North: 900" in chart.value and "South: 700" in chart.value
    [image] = [part.image_file.file_id for part in message.content if part.type == "image_file"]
    assert client.files.content(image).read().startswith(b"\x89PNG")
    for file_id in (guide.id, sales.id):
        client.files.delete(file_id)


def test_the_sentence_of_the_readme_is_answered_without_a_tool(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(model="gpt-6-luna", instructions="You are a maths tutor.")
    thread = client.beta.threads.create()
    message = _answer(client, thread.id, assistant.id, "Solve 3x + 11 = 14.", str)
    assert message.content[0].text.value.startswith("x = 1.")
