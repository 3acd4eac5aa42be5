"""The offline model streams as the Responses API does: the same events in the same order, a word at a time."""

import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import openai
import pytest

from local import offline_model

TOOLS: Any = [
    {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False}
    for name in ("first", "second")
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    directory = tmp_path_factory.mktemp("model")
    port = offline_model.start(directory, preferred_port=4120)
    yield openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    offline_model.stop(directory)


def _events(client: openai.OpenAI, text: str, **more: Any) -> list[Any]:
    stream = client.responses.create(model="offline-script", input=text, tools=TOOLS, stream=True, **more)
    return list(stream)


def _kinds(events: list[Any]) -> list[str]:
    """Return the types of the events, one for each stretch of equal ones."""
    return [kind.removeprefix("response.") for kind, _ in groupby(event.type for event in events)]


def test_a_text_comes_in_words(client: openai.OpenAI) -> None:
    events = _events(client, "say One word after the other.")
    assert _kinds(events) == [
        *("created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["One ", "word ", "after ", "the ", "other."]
    ended = events[-1].response
    assert (ended.status, ended.output_text) == ("completed", "One word after the other.")
    assert ended.usage.total_tokens == ended.usage.input_tokens + ended.usage.output_tokens > 0
    assert events[0].response.status == "in_progress" and events[0].response.id == ended.id


def test_calls_come_one_after_the_other(client: openai.OpenAI) -> None:
    events = _events(client, 'call first {"a": "b c"}\ncall second {}')
    arguments = ("function_call_arguments.delta", "function_call_arguments.done")
    of_a_call = ["output_item.added", *arguments, "output_item.done"]
    assert _kinds(events) == ["created", "in_progress", *of_a_call, *of_a_call, "completed"]
    deltas = [event for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(event.delta for event in deltas if event.output_index == 0) == '{"a": "b c"}'
    assert [item.name for item in events[-1].response.output] == ["first", "second"]


def test_a_stream_that_is_cut_ends_incomplete(client: openai.OpenAI) -> None:
    events = _events(client, "say Once upon\ncut")
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    [item] = _events(client, "say " + "word " * 100, max_output_tokens=16)[-1].response.output
    assert item.status == "incomplete" and len(item.content[0].text) < 80


def test_a_refused_stream_is_an_error_before_the_first_event(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError):
        _events(client, "fail 503")


def test_words_take_their_time(client: openai.OpenAI) -> None:
    times = []
    for event in client.responses.create(model="offline-script", input="say " + "word " * 20, stream=True):
        if event.type == "response.output_text.delta":
            times.append(time.monotonic())
    assert times[-1] - times[0] > 0.1
    assert client.responses.create(model="offline-script", input="say whole").output_text == "whole"
