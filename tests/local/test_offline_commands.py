"""The commands that script the offline model do what docs/offline-model.md says of each."""

import json
import re
import time
from collections.abc import Iterator

import openai
import pytest

from local import offline_model
from local.paths import ROOT
from tests.support.offline_model import OFFICE, Conversation

PAGE = (ROOT / "docs" / "offline-model.md").read_text()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    directory = tmp_path_factory.mktemp("model")
    port = offline_model.start(directory, preferred_port=4160)
    yield openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    offline_model.stop(directory)


def test_every_command_of_the_page_has_a_test() -> None:
    documented = re.findall(r"^\| `(\w+)[^`]*` \|", PAGE.partition("## A script")[2], flags=re.MULTILINE)
    assert [name for name in documented if f"test_{name}" not in globals()] == []
    assert len(documented) >= 6


def test_say(client: openai.OpenAI) -> None:
    assert Conversation(client, "say One line.\nsay And one more.").answer == "One line.\nAnd one more."


def test_call(client: openai.OpenAI) -> None:
    asked = Conversation(client, 'call first {"a": 1}\ncall second {}\nsay Done.')
    assert asked.calls == [("first", {"a": 1}), ("second", {})]
    answer = asked.to_the_end(lambda name, arguments: f'{{"of": "{name}"}}')
    assert answer == 'Done.\nfirst: {"of":"first"}\nsecond: {"of":"second"}'
    [call] = Conversation.raw(client, "call get_order not json")
    assert (call.name, call.arguments) == ("get_order", "not json")


def test_then(client: openai.OpenAI) -> None:
    [script] = re.findall(r"<!-- commands -->\n```\n(.*?)\n```", PAGE, flags=re.DOTALL)
    asked = Conversation(client, script)
    made = []
    while asked.calls:
        made += asked.calls
        asked.go_on(lambda name, arguments: json.dumps({"status": "shipped"}))
    assert made == [("get_order", {"id": "A-1"}), ("send_mail", {"to": "ann@example.com", "text": "shipped"})]
    assert asked.answer == 'Done.\nget_order: {"status":"shipped"}\nsend_mail: {"status":"shipped"}'


def test_wait(client: openai.OpenAI) -> None:
    began = time.monotonic()
    assert Conversation(client, "wait 0.5\nsay Late.").answer == "Late."
    assert time.monotonic() - began >= 0.5


def test_fail(client: openai.OpenAI) -> None:
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            Conversation(client, "fail 500\nsay never")
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as refused:
            Conversation(client, "fail 429 times 2 retry after 1\nsay Hello.")
        assert refused.value.response.headers["retry-after"] == "1"
    assert Conversation(client, "fail 429 times 2 retry after 1\nsay Hello.").answer == "Hello."
    with pytest.raises(openai.BadRequestError) as error:
        Conversation(client, "fail 400")
    assert error.value.type == "invalid_request_error"


def test_cut(client: openai.OpenAI) -> None:
    asked = Conversation(client, "say Once upon a time\ncut")
    assert (asked.response.status, asked.answer) == ("incomplete", "Once upon a time")


def test_the_output_limit_of_a_request_cuts_any_answer(client: openai.OpenAI) -> None:
    asked = Conversation(client, "say " + "word " * 200, max_output_tokens=20)
    assert asked.response.incomplete_details.reason == "max_output_tokens"
    assert asked.response.usage.output_tokens <= 20 and len(asked.answer) <= 80


def test_one_call_at_a_time_where_the_request_says_so(client: openai.OpenAI) -> None:
    tools = [
        {
            "type": "function",
            "name": "get_weather",
            "description": "Get the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ]
    asked = Conversation(client, "The weather in Paris and Rome?", tools, parallel_tool_calls=False)
    assert asked.calls == [("get_weather", {"city": "Paris"})]
    asked.go_on(lambda name, arguments: "rain")
    assert asked.calls == [("get_weather", {"city": "Rome"})]
    asked.go_on(lambda name, arguments: "Error: no such city")
    assert "says: rain" in asked.answer and "failed: Error: no such city" in asked.answer


def test_outputs_are_used_by_the_calls_that_follow(client: openai.OpenAI) -> None:
    asked = Conversation(client, "Get the weather in Oslo and email it to bob@example.com", OFFICE)
    assert asked.calls == [("get_weather", {"city": "Oslo"})]
    asked.go_on(lambda name, arguments: '{"temperature": -3}')
    [(name, arguments)] = asked.calls
    assert (name, arguments["to"]) == ("send_email", "bob@example.com") and "-3" in arguments["body"]


def test_an_image_is_noticed_and_not_seen(client: openai.OpenAI) -> None:
    image = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"}
    asked = {"role": "user", "content": [{"type": "input_text", "text": "What is in this picture?"}, image]}
    response = client.responses.create(model="offline-script", input=[asked])  # type: ignore[list-item]
    assert "It can't look into images." in response.output_text


def test_what_the_user_said_is_remembered(client: openai.OpenAI) -> None:
    earlier = [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hello!"}]
    asked = [*earlier, {"role": "user", "content": "What is my name?"}]
    answer = client.responses.create(model="offline-script", input=asked).output_text  # type: ignore[arg-type]
    assert answer.startswith("Your name is Ada.")


def test_a_question_that_goes_on_is_of_the_function_before(client: openai.OpenAI) -> None:
    earlier = [{"role": "user", "content": "What is the weather in Paris?"}, {"role": "assistant", "content": "Rain."}]
    asked = [*earlier, {"role": "user", "content": "And in Rome?"}]
    response = client.responses.create(model="offline-script", input=asked, tools=OFFICE)  # type: ignore[arg-type]
    [call] = response.output
    assert call.type == "function_call" and json.loads(call.arguments) == {"city": "Rome"}
