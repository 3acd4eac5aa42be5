"""Streams over HTTP with the `openai` package: each kind of run, event by event, and the texts that they make."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.beta import AssistantStreamEvent

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from tests.support import responses
from tests.support.driver import ASK, GET_STOCK_PRICE, LABORATORY, Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.streamed import BEGUN, CALLS, MESSAGE, SAID, Streamed, lines

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PLAIN = ["created", "run.created", *BEGUN, *MESSAGE, "message.delta", *SAID, "run.completed"]
ANSWERED = [*BEGUN, *MESSAGE, "message.delta", *SAID, "run.completed"]


@pytest.fixture
def marker() -> str:
    return f"marker-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def assistant(client: openai.OpenAI, model: str) -> str:
    """The id of an assistant with functions of both sides."""
    tools: Any = [ASK]
    return client.beta.assistants.create(model=model, tools=tools, extra_body={"functions": [GET_STOCK_PRICE]}).id


@pytest.fixture
def opened(base_url: str, api_key: str) -> Iterator[Callable[..., httpx2.Response]]:
    """Open an answer to be read as it comes: `opened(method, path, json=..., headers=...)`."""
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60) as plain:
        made: list[httpx2.Response] = []

        def open_(method: str, path: str, **more: Any) -> httpx2.Response:
            made.append(plain.send(plain.build_request(method, path, **more), stream=True))
            return made[-1]

        yield open_
        for answer in made:
            answer.close()


def heard(stream: Iterator[AssistantStreamEvent] | Any) -> Streamed:
    streamed = Streamed()
    for event in stream:
        streamed.add(event.event, json.loads(event.data.model_dump_json(exclude_unset=True)))
    return streamed


def read(answer: httpx2.Response) -> Streamed:
    """All events of an answer, held against the API's promises."""
    assert answer.status_code == 200, answer.read()
    assert answer.headers["content-type"].startswith("text/event-stream")
    streamed = Streamed()
    for name, data, cursor in lines(answer.iter_bytes()):
        streamed.add(name, data, cursor)
    return streamed


def asked(text: str, **more: Any) -> Any:
    return {"thread": {"messages": [{"role": "user", "content": text}]}, **more}


def test_a_plain_answer_streams(client: openai.OpenAI, assistant: str) -> None:
    stream = client.beta.threads.create_and_run(
        assistant_id=assistant, stream=True, **asked("say Good morning to all.")
    )
    streamed = heard(stream)
    assert streamed.names == PLAIN
    [data] = streamed.data("run.completed")
    [message] = client.beta.threads.messages.list(data["thread_id"], run_id=data["id"]).data
    assert streamed.texts == {message.id: message.content[0].text.value}  # type: ignore[union-attr]
    usage = client.beta.threads.runs.retrieve(data["id"], thread_id=data["thread_id"]).usage
    assert usage and usage.model_dump() == data["usage"]


def test_the_package_s_own_handler_follows_a_run(client: openai.OpenAI, assistant: str) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "call ask {}"}])
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant) as stream:
        stream.until_done()
        run = stream.current_run
    assert run and run.required_action
    outputs: Any = [
        {"tool_call_id": call.id, "output": "x"} for call in run.required_action.submit_tool_outputs.tool_calls
    ]
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs
    ) as stream:
        text = "".join(stream.text_deltas)
        [message] = stream.get_final_messages()
    assert message.content[0].text.value == text  # type: ignore[union-attr]
    assert stream.current_run and stream.current_run.status == "completed"


def answered(client: openai.OpenAI, streamed: Streamed, output: str) -> Streamed:
    """Submit the output of the one call that a run waits for, and return what is streamed then."""
    [action] = streamed.data("run.requires_action")
    [call] = action["required_action"]["submit_tool_outputs"]["tool_calls"]
    return heard(
        client.beta.threads.runs.submit_tool_outputs(
            action["id"],
            thread_id=action["thread_id"],
            tool_outputs=[{"tool_call_id": call["id"], "output": output}],
            stream=True,
        )
    )


def test_calls_of_both_sides_and_their_outputs(client: openai.OpenAI, assistant: str) -> None:
    text = 'then get_stock_price {"symbol": "ACME"}\nthen ask {"a": 1}\nsay Done.'
    streamed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked(text)))
    assert streamed.names == [
        *("created", "run.created", *BEGUN),
        *(*CALLS, "run.step.delta", "run.step.completed"),
        *(*CALLS, "run.step.delta", "run.requires_action"),
    ]
    rest = answered(client, streamed, "x")
    assert rest.names == ["run.step.completed", *ANSWERED]


def test_parallel_calls_share_a_step(client: openai.OpenAI, assistant: str) -> None:
    text = 'call ask {"a": 1}\ncall ask {"b": 2}'
    streamed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked(text)))
    [step] = streamed.data("run.step.created")
    assert [json.loads(call["function"]["arguments"]) for call in streamed.calls(step["id"])] == [{"a": 1}, {"b": 2}]


def test_an_approval_streams(client: openai.OpenAI, driver: Driver) -> None:
    text = 'then publish {"text": "it"}\nsay Published.'
    careful = driver.assistant(functions=LABORATORY)
    streamed = heard(client.beta.threads.create_and_run(assistant_id=careful, stream=True, **asked(text)))
    rest = answered(client, streamed, "yes")
    assert rest.names == [*BEGUN, "run.step.completed", *MESSAGE, "message.delta", *SAID, "run.completed"]


def test_a_run_without_a_stream_may_stream_from_its_outputs_on(client: openai.OpenAI, assistant: str) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "then ask {}\nsay Done."}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert run.required_action
    [call] = run.required_action.submit_tool_outputs.tool_calls
    rest = heard(
        client.beta.threads.runs.submit_tool_outputs(
            run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "x"}], stream=True
        )
    )
    assert rest.names == ["run.step.completed", *ANSWERED]


def test_code_and_a_search_stream(client: openai.OpenAI, model: str, model_server: ModelServer, marker: str) -> None:
    both = client.beta.assistants.create(model=model, tools=[{"type": "code_interpreter"}, {"type": "file_search"}])
    code = "import matplotlib.pyplot as p\np.plot([1, 2])\np.show()\nprint('seen')"
    calls = responses.response(
        responses.calls("code_interpreter", json.dumps({"code": code}), "call_c"),
        responses.calls("file_search", '{"query": "loans"}', "call_s"),
    )
    behaviours = [
        Behaviour(events=responses.events(calls)),
        Behaviour(events=responses.events(responses.response(responses.text("See the chart.")))),
    ]
    model_server.when(marker, behaviours)
    file = client.files.create(file=("a.txt", b"The library lends books for four weeks."), purpose="assistants")
    message: Any = {
        "role": "user",
        "content": marker,
        "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]}],
    }
    streamed = heard(
        client.beta.threads.create_and_run(assistant_id=both.id, stream=True, thread={"messages": [message]})
    )
    assert streamed.names == [
        *("created", "run.created", *BEGUN, *CALLS, "run.step.delta", "run.step.completed"),
        *(*MESSAGE, "message.delta", *SAID, "run.completed"),
    ]
    [step, _] = streamed.data("run.step.completed")
    told_code, told_search = streamed.calls(step["id"])
    whole_code, whole_search = step["step_details"]["tool_calls"]
    assert told_code == whole_code
    assert [each["type"] for each in told_code["code_interpreter"]["outputs"]] == ["logs", "image"]
    assert told_code["code_interpreter"]["input"] == code
    assert told_search["file_search"] == {} and whole_search["file_search"]["results"]
    [message] = streamed.data("message.completed")
    assert [part["type"] for part in message["content"]] == ["image_file", "text"]


def test_annotations_come_with_the_text(
    client: openai.OpenAI, model: str, model_server: ModelServer, marker: str
) -> None:
    searcher = client.beta.assistants.create(model=model, tools=[{"type": "file_search"}])
    file = client.files.create(file=("a.txt", b"The library lends books for four weeks."), purpose="assistants")
    behaviours = [
        Behaviour(events=responses.events(responses.response(responses.calls("file_search", '{"query": "loans"}')))),
        Behaviour(events=responses.events(responses.response(responses.text("Four weeks 【0:0†a.txt】. Enjoy.")))),
    ]
    model_server.when(marker, behaviours)
    message: Any = {
        "role": "user",
        "content": marker,
        "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]}],
    }
    streamed = heard(
        client.beta.threads.create_and_run(assistant_id=searcher.id, stream=True, thread={"messages": [message]})
    )
    [whole] = streamed.data("message.completed")
    [annotation] = whole["content"][0]["text"]["annotations"]
    deltas = [part["text"] for delta in streamed.data("message.delta") for part in delta["delta"]["content"]]
    told = [each for text in deltas for each in text.get("annotations", [])]
    assert told == [{"index": 0, **annotation}]
    assert annotation["file_citation"]["file_id"] == file.id


ENDS: dict[str, tuple[Json, list[str]]] = {
    "refusal": (
        responses.response(
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I can't help."}]}
        ),
        [*MESSAGE, "message.delta", *SAID, "run.completed"],
    ),
    "incomplete": (
        responses.response(
            responses.text("One two"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
        ),
        [*MESSAGE, "message.delta", "message.incomplete", "run.step.completed", "run.incomplete"],
    ),
}


@pytest.mark.parametrize("kind", ENDS)
def test_other_ends_stream(
    client: openai.OpenAI, assistant: str, model_server: ModelServer, marker: str, kind: str
) -> None:
    whole, expected = ENDS[kind]
    model_server.when(marker, [Behaviour(events=responses.events(whole))])
    streamed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked(marker)))
    assert streamed.names == ["created", "run.created", *BEGUN, *expected]


def test_a_run_that_fails_and_one_that_is_cancelled(
    client: openai.OpenAI, assistant: str, model_server: ModelServer, marker: str
) -> None:
    model_server.when(f"{marker}-f", [Behaviour(400, body={"error": {"message": "No.", "code": "bad"}})])
    failed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked(f"{marker}-f")))
    assert failed.names == ["created", "run.created", *BEGUN, "run.failed"]
    words = responses.response(responses.text("One two three four five six seven eight nine ten. " * 5))
    model_server.when(f"{marker}-c", [Behaviour(events=responses.events(words), gap=0.3)])
    streamed = Streamed()
    for event in client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked(f"{marker}-c")):
        streamed.add(event.event, json.loads(event.data.model_dump_json(exclude_unset=True)))
        if event.event == "thread.message.delta" and "run.cancelling" not in streamed.names:
            [data] = streamed.data("run.in_progress")
            if len(streamed.data("message.delta")) == 1:
                client.beta.threads.runs.cancel(data["id"], thread_id=data["thread_id"])
    assert streamed.names[-4:] == ["run.cancelling", "message.incomplete", "run.step.cancelled", "run.cancelled"]


# The wire


def test_the_answer_begins_at_once_and_each_event_has_a_cursor(
    assistant: str, opened: Callable[..., httpx2.Response], model_server: ModelServer, marker: str
) -> None:
    words = responses.response(responses.text("One two three four."))
    begun = threading.Event()
    model_server.when(marker, [Behaviour(events=responses.events(words), hold=begun)])
    answer = opened("POST", "/threads/runs", json={"assistant_id": assistant, "stream": True, **asked(marker)})
    chunks = answer.iter_bytes()
    first = next(chunks)
    assert not any(request.status for request in model_server.requests(marker))
    begun.set()
    rest = b"".join(chunks)
    streamed = Streamed()
    for name, data, cursor in lines([first + rest]):
        streamed.add(name, data, cursor)
    assert streamed.names == PLAIN and streamed.done
    assert sorted(set(streamed.cursors)) == streamed.cursors and "" not in streamed.cursors


def test_a_stream_that_was_left_goes_on_where_it_was(
    assistant: str, opened: Callable[..., httpx2.Response], model_server: ModelServer, marker: str
) -> None:
    words = responses.response(responses.text("One two three four five six seven eight nine ten."))
    model_server.when(marker, [Behaviour(events=responses.events(words), gap=0.1)])
    answer = opened("POST", "/threads/runs", json={"assistant_id": assistant, "stream": True, **asked(marker)})
    parts: list[bytes] = []
    for part in answer.iter_bytes():
        parts.append(part)
        if b"thread.message.delta" in part:
            break
    answer.close()
    text = b"".join(parts).rpartition(b"\n\n")[0] + b"\n\n"
    before = list(lines([text]))
    data = before[1][1]
    path = f"/threads/{data['thread_id']}/runs/{data['id']}/stream"
    rest = list(lines(opened("GET", path, headers={"Last-Event-ID": before[-1][2]}).iter_bytes()))
    whole = list(lines(opened("GET", path).iter_bytes()))
    assert [*before, *rest] == whole
    again = list(lines(opened("GET", f"{path}?starting_after={before[-1][2]}").iter_bytes()))
    assert again == rest


def test_a_place_that_is_none_is_named(
    client: openai.OpenAI, assistant: str, opened: Callable[..., httpx2.Response]
) -> None:
    streamed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked("say Hi.")))
    [run] = streamed.data("run.created")
    path = f"/threads/{run['thread_id']}/runs/{run['id']}/stream"
    for place in ("x", "999999-001", "000001-900", "000000-000"):
        answer = opened("GET", f"{path}?starting_after={place}")
        told = json.loads(answer.read())["error"]
        assert (answer.status_code, told["param"], told["code"]) == (400, "starting_after", "invalid_cursor"), place
    answer = opened("GET", path, headers={"Last-Event-ID": "x"})
    assert json.loads(answer.read())["error"]["param"] == "Last-Event-ID"
    polled = client.beta.threads.create_and_run(assistant_id=assistant, **asked("say Hi."))
    answer = opened("GET", f"/threads/{polled.thread_id}/runs/{polled.id}/stream")
    assert (answer.status_code, json.loads(answer.read())["error"]["code"]) == (400, "run_does_not_stream")


def test_the_same_key_joins_the_same_run(assistant: str, opened: Callable[..., httpx2.Response], marker: str) -> None:
    request = {"json": {"assistant_id": assistant, "stream": True, **asked("say Once.")}}
    first, second = (
        read(opened("POST", "/threads/runs", headers={"Idempotency-Key": marker}, **request)) for _ in range(2)
    )
    assert first.events == second.events and first.names == PLAIN


def test_streams_are_limited_and_plain_runs_are_not(
    client: openai.OpenAI, assistant: str, opened: Callable[..., httpx2.Response], driver: Driver
) -> None:
    held = driver.store.open_streams
    leases = []
    while lease := held.open(100, seconds_of(now_ms())):
        leases.append(lease)
    try:
        answer = opened("POST", "/threads/runs", json={"assistant_id": assistant, "stream": True, **asked("say Hi.")})
        error = json.loads(answer.read())["error"]
        assert (answer.status_code, error["code"], answer.headers["retry-after"]) == (429, "too_many_streams", "5")
        run = client.beta.threads.create_and_run_poll(assistant_id=assistant, **asked("say Hi."))
        assert run.status == "completed"
    finally:
        for lease in leases:
            held.close(lease)
    streamed = heard(client.beta.threads.create_and_run(assistant_id=assistant, stream=True, **asked("say Hi.")))
    assert streamed.names == PLAIN


def test_thirty_streams_at_once_end_whole(base_url: str, api_key: str, assistant: str) -> None:
    ended: list[Streamed] = []

    def follow(number: int) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        body = {"assistant_id": assistant, "stream": True, **asked(f"say I am number {number} of thirty.")}
        with (
            httpx2.Client(base_url=base_url, headers=headers, timeout=300) as plain,
            plain.stream("POST", "/threads/runs", json=body) as answer,
        ):
            ended.append(read(answer))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(ended) == 30
    assert all(streamed.names == PLAIN and streamed.done for streamed in ended)
    assert sorted(text for streamed in ended for text in streamed.texts.values()) == sorted(
        f"I am number {number} of thirty." for number in range(30)
    )
