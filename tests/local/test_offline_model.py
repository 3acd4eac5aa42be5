"""The offline model: what it says is scripted, says so, and states nothing but the outputs that it was given."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from local import offline_model

TOOLS: Any = [{"type": "function", "name": "get_stock_price", "parameters": {"type": "object"}, "strict": False}]


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


def _ask(client: openai.OpenAI, conversation: Any) -> Any:
    return client.responses.create(model="offline-script", input=conversation, tools=TOOLS, store=False)


def test_it_says_what_it_is_when_it_has_no_script(client: openai.OpenAI) -> None:
    assert "This is the offline model" in _ask(client, "How high is Mount Everest?").output_text


def test_its_answer_is_filled_from_the_outputs(client: openai.OpenAI) -> None:
    conversation: list[Any] = [{"role": "user", "content": "What is the latest price of ACME and BRIO?"}]
    calls = [item for item in _ask(client, conversation).output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"symbol": "ACME"}, {"symbol": "BRIO"}]
    conversation += [call.model_dump() for call in calls]
    for call, output in zip(calls, ('{"price": 12.5}', "Error: unknown symbol"), strict=True):
        conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": output})
    response = _ask(client, conversation)
    assert "- price: 12.5\n- BRIO: Error: unknown symbol" in response.output_text
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 50


def test_it_fails_as_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as error:
        _ask(client, "fail 429 times 1 retry after 3\nsay Better.")
    assert error.value.response.headers["retry-after"] == "3"
    assert _ask(client, "fail 429 times 1 retry after 3\nsay Better.").output_text == "Better."
    cut = _ask(client, "say Once upon\ncut")
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
