"""The offline model's scripts and commands: it says what it is, and states nothing but the outputs it was given."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from local import offline_model
from local.paths import ROOT
from samples.sample import Sample

TOOLS: Any = [
    {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False}
    for name in ("code_interpreter", "get_stock_price", "get_country_info", "send_email")
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    directory = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        # A narrow terminal once hid the process from the command that stops it.
        patch.setenv("COLUMNS", "40")
        port = offline_model.start(directory, preferred_port=4100)
        assert offline_model.start(directory) == port
        yield openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
        assert offline_model.stop(directory)
        assert not offline_model.stop(directory)


def _ask(client: openai.OpenAI, conversation: Any, instructions: str = "") -> Any:
    return client.responses.create(
        model="offline-script", input=conversation, instructions=instructions, tools=TOOLS, store=False
    )


def _calls(response: Any) -> list[Any]:
    return [item for item in response.output if item.type == "function_call"]


def _continue(conversation: list[Any], response: Any, *outputs: str) -> None:
    """Add the response's calls and their outputs to the conversation."""
    for call, output in zip(_calls(response), outputs, strict=True):
        conversation.append(call.model_dump())
        conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": output})


def test_it_says_what_it_is_when_it_has_no_tool_for_a_question(client: openai.OpenAI) -> None:
    response = client.responses.create(model="offline-script", input="How high is Mount Everest?")
    assert "This is the offline model" in response.output_text


def test_it_says_what_it_is_once_in_a_thread(client: openai.OpenAI) -> None:
    conversation: list[Any] = [{"role": "user", "content": "Solve 3x + 11 = 14."}]
    first = client.responses.create(model="offline-script", input=conversation).output_text
    assert first.startswith("x = 1.") and "This is the offline model" in first
    conversation += [{"role": "assistant", "content": first}, {"role": "user", "content": "What is 15% of 80?"}]
    assert client.responses.create(model="offline-script", input=conversation).output_text == "The result is 12."


def test_its_answer_is_filled_from_the_outputs(client: openai.OpenAI) -> None:
    conversation: list[Any] = [{"role": "user", "content": "What is my portfolio worth at the latest prices?"}]
    [read] = _calls(response := _ask(client, conversation))
    assert "/mnt/data/portfolio.csv" in json.loads(read.arguments)["code"]
    _continue(conversation, response, 'read\n{"holdings": [], "symbols": ["ONE", "TWO"]}\n/mnt/data/more.txt')
    prices = _calls(response := _ask(client, conversation))
    assert [json.loads(call.arguments) for call in prices] == [{"symbol": "ONE"}, {"symbol": "TWO"}]
    _continue(conversation, response, *('{"symbol": "ONE", "price": 12.5}', '{"symbol": "TWO", "price": 0.25}'))
    [value] = _calls(response := _ask(client, conversation))
    assert '{"ONE":12.5,"TWO":0.25}' in json.loads(value.arguments)["code"]
    _continue(conversation, response, '{"worth": "77.77", "gain": "-1.11", "each": {"ONE": "66.66"}}')
    response = _ask(client, conversation, "The user is Joan Doe, account level basic.")
    assert response.output_text.startswith("Joan Doe, your portfolio is worth 77.77 US dollars, -1.11 over its cost.")
    assert "- ONE: 66.66" in response.output_text
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 50


def test_it_tells_what_came_of_code_that_fails(client: openai.OpenAI) -> None:
    conversation: list[Any] = [{"role": "user", "content": "Which bank was the last to fail?"}]
    _continue(conversation, _ask(client, conversation), "KeyError: 'Closing Date'")
    assert _ask(client, conversation).output_text.endswith("\nKeyError: 'Closing Date'")


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "samples").glob("*/sample.json")))
def test_every_question_of_a_sample_has_a_script(client: openai.OpenAI, name: str) -> None:
    sample = Sample(name)
    for question in sample.questions:
        response = _ask(client, question["text"], sample.instructions(question))
        called = [call.name for call in _calls(response)]
        assert called in (["code_interpreter"], ["send_invitation"]) or "I can't recommend" in response.output_text


def test_it_fails_as_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as error:
        _ask(client, "fail 429 times 1 retry after 3\nsay Better.")
    assert error.value.response.headers["retry-after"] == "3"
    assert _ask(client, "fail 429 times 1 retry after 3\nsay Better.").output_text == "Better."
    cut = _ask(client, "say Once upon\ncut")
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
