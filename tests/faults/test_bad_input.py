"""Bad input to the HTTP API: refused with a 4xx that names the parameter, or kept letter by letter. Never a 500."""

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from tests.support.bad_input import EMOJI, KEPT, MODEL, REFUSED, function, made, nested, post, refused, until
from tests.support.driver import Driver
from tests.support.listener import Listener

# Sizes, at each limit and one past it


def of_json_size(size: int) -> Json:
    """A function that takes so many bytes of JSON."""
    shown = {"name": "ask", "description": "", "parameters": {"type": "object", "description": ""}, "strict": False}
    return function({"type": "object", "description": "x" * (size - len(json.dumps([shown])))})


ASSISTANT_LIMITS: list[tuple[str, Any, Any]] = [
    ("name", EMOJI * 256, EMOJI * 257),
    ("description", EMOJI * 512, EMOJI * 513),
    ("instructions", "i" * 256_000, "i" * 256_001),
    ("model", "m" * 256, "m" * 257),
    ("metadata", {str(n): "" for n in range(16)}, {str(n): "" for n in range(17)}),
    ("metadata", {EMOJI * 64: "x"}, {EMOJI * 65: "x"}),
    ("metadata.key", {"key": EMOJI * 512}, {"key": EMOJI * 513}),
    ("tools", [{"type": "file_search"}] * 128, [{"type": "file_search"}] * 129),
    ("tools[0].function.name", [function({}, name="n" * 64)], [function({}, name="n" * 65)]),
    ("tools", [of_json_size(1_000_000)], [of_json_size(1_000_001)]),
    ("temperature", 2, 2.0000001),
    ("temperature", 0, -0.0000001),
    ("top_p", 1, 1.0000001),
    ("tool_resources.code_interpreter.file_ids", ["file-x"] * 20, ["file-x"] * 21),
]


@pytest.mark.parametrize(("param", "most", "more"), ASSISTANT_LIMITS)
def test_an_assistant_takes_what_is_at_a_limit_and_no_more(
    api: httpx2.Client, param: str, most: Any, more: Any
) -> None:
    name, *inner = param.partition("[")[0].split(".")

    def request(value: Any) -> Json:
        for part in reversed(inner[:-1] if name == "metadata" else inner):
            value = {part: value}
        return {"model": MODEL, name: value}

    answer = post(api, "/assistants", request(more))
    assert refused(answer)["param"].startswith(name)
    if name != "metadata" or inner:
        refused(answer, param)
    if name != "tool_resources":  # Whether its files are there is another question.
        assistant = made(post(api, "/assistants", request(most)))
        shown = made(api.get(f"/assistants/{assistant['id']}"))
        assert shown[name] == request(most)[name]


def test_a_message_takes_what_is_at_a_limit_and_no_more(api: httpx2.Client) -> None:
    thread = made(post(api, "/threads", {}))["id"]
    path = f"/threads/{thread}/messages"
    for text in ("t" * 256_000, EMOJI * 256_000):
        message = made(post(api, path, {"role": "user", "content": text}))
        assert made(api.get(f"{path}/{message['id']}"))["content"][0]["text"]["value"] == text
        refused(post(api, path, {"role": "user", "content": text + "x"}), "content")
    parts = [{"type": "text", "text": "t" * 128_000}] * 2
    assert len(made(post(api, path, {"role": "user", "content": parts}))["content"]) == 2
    refused(post(api, path, {"role": "user", "content": [*parts, {"type": "text", "text": "x"}]}), "content")
    attached = {"file_id": "file-x", "tools": [{"type": "file_search"}]}
    refused(post(api, path, {"role": "user", "content": "x", "attachments": [attached] * 11}), "attachments")
    refused(post(api, path, {"role": "user", "content": ""}), "content")
    refused(post(api, path, {"role": "user", "content": []}), "content")
    assert len(made(api.get(path))["data"]) == 3


def test_a_thread_takes_as_many_messages_as_fit_and_says_how_many(api: httpx2.Client) -> None:
    message = {"role": "user", "content": "x"}
    thread = made(post(api, "/threads", {"messages": [message] * 94}))
    assert len(made(api.get(f"/threads/{thread['id']}/messages?limit=100"))["data"]) == 94
    assert "94" in refused(post(api, "/threads", {"messages": [message] * 95}), "messages")["message"]


RUN_LIMITS: list[tuple[str, Any, Any]] = [
    ("tools", [{"type": "file_search"}] * 20, [{"type": "file_search"}] * 21),
    ("max_prompt_tokens", 256, 255),
    ("max_completion_tokens", 256, 255),
    ("expires_after", 86_400, 86_401),
    ("expires_after", 1, 0),
    ("truncation_strategy.last_messages", 1, 0),
    ("max_prompt_tokens", 10**37, 10**38),
    ("instructions", "i" * 256_000, "i" * 256_001),
    ("additional_instructions", "i" * 256_000, "i" * 256_001),
]


@pytest.mark.offline_model
@pytest.mark.parametrize(("param", "most", "more"), RUN_LIMITS)
def test_a_run_takes_what_is_at_a_limit_and_no_more(api: httpx2.Client, param: str, most: Any, more: Any) -> None:
    assistant = made(post(api, "/assistants", {"model": MODEL}))["id"]
    thread = made(post(api, "/threads", {}))["id"]
    name, _, inner = param.partition(".")

    def request(value: Any) -> Json:
        value = {"type": "last_messages", inner: value} if inner else value
        return {"assistant_id": assistant, name: value}

    refused(post(api, f"/threads/{thread}/runs", request(more)), param)
    run = made(post(api, f"/threads/{thread}/runs", request(most)))
    shown = made(api.get(f"/threads/{thread}/runs/{run['id']}"))
    if name in shown:
        assert shown[name] == request(most)[name]
    until(api, f"/threads/{thread}/runs/{run['id']}", "completed", "expired")


def test_a_body_is_taken_up_to_its_limit(api: httpx2.Client) -> None:
    body = b'{"model": "m"}'
    made(post(api, "/assistants", body + b" " * (4_400_000 - len(body))))
    refused(post(api, "/assistants", body + b" " * (4_400_001 - len(body))), status=413)


@pytest.mark.offline_model
def test_outputs_are_taken_whole_or_refused_and_change_nothing_then(api: httpx2.Client) -> None:
    assistant = made(post(api, "/assistants", {"model": MODEL, "tools": [function({})]}))["id"]
    thread = {"messages": [{"role": "user", "content": "call ask {}"}]}
    run = made(post(api, "/threads/runs", {"assistant_id": assistant, "thread": thread}))
    path = f"/threads/{run['thread_id']}/runs/{run['id']}"
    waiting = until(api, path, "requires_action")
    [call] = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]

    def submit(outputs: object) -> httpx2.Response:
        return post(api, f"{path}/submit_tool_outputs", {"tool_outputs": outputs})

    for text in REFUSED:
        refused(submit([{"tool_call_id": call["id"], "output": text}]), "tool_outputs[0].output")
    wrong: object
    for wrong in ("x", {"a": 1}, [1], ["x"], [None], [{}], [{"tool_call_id": "\0", "output": ""}], []):
        refused(submit(wrong))
    refused(submit([{"tool_call_id": call["id"], "output": {"not": "text"}}]), "tool_outputs[0].output")
    deep = b'{"tool_outputs": [{"tool_call_id": "x", "output": %s}]}' % nested(100_000)
    refused(post(api, f"{path}/submit_tool_outputs", deep))
    assert made(api.get(path))["status"] == "requires_action"
    output = "".join(KEPT) + "x" * 1_000_000
    made(submit([{"tool_call_id": call["id"], "output": output}]))
    until(api, path, "completed")
    steps = made(api.get(f"{path}/steps?order=asc"))["data"]
    assert steps[0]["step_details"]["tool_calls"][0]["function"]["output"] == output


# Texts


@pytest.mark.offline_model
@pytest.mark.parametrize("text", KEPT)
def test_text_comes_back_as_it_was_said(api: httpx2.Client, driver: Driver, text: str) -> None:
    request = {"model": text, "name": text, "description": text, "instructions": text, "metadata": {text: text}}
    assistant = made(post(api, "/assistants", request))
    shown = made(api.get(f"/assistants/{assistant['id']}"))
    assert {name: shown[name] for name in request} == request
    message = {"role": "user", "content": [{"type": "text", "text": text}], "metadata": {"user_id": text}}
    thread = made(post(api, "/threads", {"messages": [message], "metadata": {"user_id": text}}))
    [listed] = made(api.get(f"/threads/{thread['id']}/messages"))["data"]
    assert (listed["content"][0]["text"]["value"], listed["metadata"]) == (text, {"user_id": text})
    found = made(api.get("/threads", params={"user_id": text}))["data"]
    assert thread["id"] in [one["id"] for one in found]
    key = {"Idempotency-Key": f"{uuid.uuid4()} {text.encode('ascii', 'ignore').decode()}".replace("\n", "").strip()}
    if key["Idempotency-Key"].isprintable():
        assert made(post(api, "/threads", {}, **key)) == made(post(api, "/threads", {}, **key))
    # By the state machine, where the answer repeats what was asked for.
    line = "<" + re.split("[\r\n\u2028\u2029]", text)[0]
    asked = {"assistant_id": driver.assistant(), "additional_messages": [{"role": "user", "content": f"say {line}"}]}
    run = driver.run(driver.start({**asked, "metadata": {"key": text}, "instructions": text}))
    [question, answer] = driver.messages(run["thread_id"])
    assert question["content"][0]["text"]["value"] == f"say {line}"
    assert answer["content"][0]["text"]["value"] == line == run["messages"][0]["text"]
    record = driver.store.runs.get(run["thread_id"], run["run_id"])
    assert (record.metadata, record.settings["instructions"]) == ({"key": text}, text)


@pytest.mark.parametrize("text", REFUSED)
def test_text_that_cannot_be_kept_is_refused_wherever_it_stands(api: httpx2.Client, text: str) -> None:
    for name in ("model", "name", "description", "instructions"):
        refused(post(api, "/assistants", {"model": MODEL, name: text}), name)
    refused(post(api, "/assistants", {"model": MODEL, "metadata": {"key": text}}), "metadata.key")
    refused(post(api, "/assistants", {"model": MODEL, "metadata": {text: "x"}}), "metadata")
    refused(post(api, "/assistants", {"model": MODEL, "tools": [function({"enum": [text]})]}))
    refused(post(api, "/assistants", {"model": MODEL, text: 1}))
    thread = made(post(api, "/threads", {}))["id"]
    refused(post(api, f"/threads/{thread}/messages", {"role": "user", "content": text}), "content")
    refused(post(api, f"/threads/{thread}/runs", {"assistant_id": text}), "assistant_id")
    refused(post(api, "/uploads", {"bytes": 1, "filename": text, "mime_type": "a/b", "purpose": "vision"}), "filename")
    assert made(api.get(f"/threads/{thread}/messages"))["data"] == []


# JSON


@pytest.mark.parametrize(
    "body",
    [
        b"%s",
        b'{"model": "m", "metadata": %s}',
        b'{"model": "m", "metadata": {"a": %s}}',
        b'{"model": "m", "instructions": %s}',
        b'{"model": "m", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": %s}}}]}',
        b'{"model": "m", "response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": %s}}}',
        b'{"model": "m", "functions": [{"module_name": "finance", "configuration": {"a": %s}}]}',
    ],
)
def test_json_that_is_nested_too_deeply_is_refused(api: httpx2.Client, body: bytes) -> None:
    for levels in (65, 900, 100_000):
        refused(post(api, "/assistants", body % nested(levels)))
        refused(post(api, "/assistants", body % (b'{"a":' * levels + b"1" + b"}" * levels)))


def test_json_of_very_many_values_is_refused(api: httpx2.Client) -> None:
    for values in (b"1," * 100_001, b"{}," * 100_001, b'[[[], "x"]],' * 30_000, b'{"a": {"b": null}},' * 40_000):
        refused(post(api, "/assistants", b'{"model": "m", "tools": [%s1]}' % values))
    names = b",".join(b'"%d": 1' % number for number in range(200_000))
    for body in (
        b"{%s}",
        b'{"model": "m", "metadata": {%s}}',
        b'{"model": "m", "tools": [{"type": "file_search", %s}]}',
    ):
        refused(post(api, "/assistants", body % names))


def test_json_of_64_levels_is_kept(api: httpx2.Client) -> None:
    def request(levels: int) -> Json:
        return {"model": MODEL, "tools": [function({"a": json.loads(nested(levels))})]}

    # The body, the list, the tool, the function and its parameters are five of them.
    assistant = made(post(api, "/assistants", request(59)))
    assert made(api.get(f"/assistants/{assistant['id']}"))["tools"] == request(59)["tools"]
    refused(post(api, "/assistants", request(60)))


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity", b"9" * 100_000])
def test_numbers_that_nothing_can_hold_are_refused(api: httpx2.Client, number: bytes) -> None:
    refused(post(api, "/assistants", b'{"model": "m", "temperature": %s}' % number))
    inner = b'{"model": "m", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": %s}}}]}'
    refused(post(api, "/assistants", inner % number))


def test_numbers_are_kept_to_their_last_digit(api: httpx2.Client) -> None:
    numbers = [10**38 - 1, 1 - 10**38, 10**39 + 1, -(10**4_000), 2**53 + 1, 1e308, 5e-324, 0.1, 1.0, 0, True, None]
    assistant = made(post(api, "/assistants", {"model": MODEL, "tools": [function({"enum": numbers})]}))
    shown = made(api.get(f"/assistants/{assistant['id']}"))["tools"][0]["function"]["parameters"]["enum"]
    assert [(type(number), number) for number in shown] == [(type(number), number) for number in numbers]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b'{"model": "m"} {}', {}),
        (b"{'model': 'm'}", {}),
        (b'{"model": "m",}', {}),
        (b'{"model": "m\x00"}', {}),
        (b'{"model": "m\n"}', {}),
        (b"null", {}),
        (b"[]", {}),
        (b"1", {}),
        ('{"model": "m"}'.encode("utf-16"), {}),
        ('{"model": "m"}'.encode("utf-16-be"), {}),
        ('{"model": "m"}'.encode("utf-32"), {}),
        (gzip.compress(b'{"model": "m"}', mtime=0), {"Content-Encoding": "gzip"}),
        (b"model=m", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b'{"__proto__": {"a": 1}, "model": "m"}', {}),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api: httpx2.Client, body: bytes, headers: dict[str, str]) -> None:
    refused(post(api, "/assistants", body, **headers))


def test_a_body_is_json_whatever_it_says_it_is_and_however_it_comes(api: httpx2.Client) -> None:
    def slowly() -> Iterator[bytes]:
        yield from (bytes([byte]) for byte in b'{"model": "m"}')

    made(post(api, "/assistants", b'\xef\xbb\xbf{"model": "m"}'))
    made(post(api, "/assistants", b'{"model": "m"}', **{"Content-Type": "text/plain; charset=utf-16"}))
    made(api.post("/assistants", content=slowly()))
    assert made(post(api, "/assistants", b'{"model": "first", "model": "last"}'))["model"] == "last"


# URLs and headers

QUERIES = (
    *("limit=%00", "limit=%ff", "limit=1%", "limit=%zz", "limit=+5", "limit=5&limit=6", "limit[]=5", "limit[a]=5"),
    *("limit=1e2", "limit=0x10", "limit=%D9%A3", "limit=-1", "limit=5;order=asc", f"limit={'9' * 500}", "order=ASC"),
    *("order=asc%00", "after=", "after=%ED%A0%80", f"after=asst_{'a' * 300}", "after=asst_%0a", "after=..%2fx", "a"),
    *("=1", "%00=1", "%ff=1", "&".join(f"a{n}=1" for n in range(1_000)), "&".join(["limit=1"] * 1_000), "[a]=1"),
)


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_query_string_that_says_nothing_known_is_refused(api: httpx2.Client, query: str) -> None:
    refused(api.get(f"/assistants?{query}"))


@pytest.mark.parametrize(
    "path",
    [
        *("%00", "%ff", "%zz", "%2e%2e", "%2e%2e%2fthreads", "..%2f..%2fetc%2fpasswd", "a%2Fb", "%E2%80%AE"),
        *("%ED%A0%80", "asst_%23", "asst_'%20OR%201=1", "{x}", "$(id)", ";a=b", "a" * 5_000, "asst_" + "0" * 24),
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(api: httpx2.Client, path: str) -> None:
    for method, url in (
        ("GET", f"/assistants/{path}"),
        ("DELETE", f"/threads/{path}"),
        ("GET", f"/files/{path}/content"),
        ("GET", f"/threads/{path}/messages/{path}"),
        ("POST", f"/threads/{path}/runs/{path}/cancel"),
    ):
        answer = api.request(method, url)
        assert answer.status_code in (404, 405), (answer.status_code, answer.text[:300])
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("value", [b"\xff\xfe", b"k" * 6_000, EMOJI.encode(), b"a#b/../c", b"\xed\xa0\x80"])
def test_an_odd_header_is_one_like_any_other(api: httpx2.Client, value: bytes) -> None:
    headers = [(b"Idempotency-Key", value), (b"Content-Type", b"application/json")]
    made(api.post("/assistants", content=b'{"model": "m"}', headers=headers))
    keyless = httpx2.get(f"{api.base_url}assistants", headers=[(b"Authorization", b"Bearer " + value)])
    refused(keyless, status=401)


# Tool schemas

CATASTROPHIC = {
    "type": "object",
    "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}, "b": {"type": "string", "pattern": "((((("}},
    "patternProperties": {"^(([a-z])+.)+[A-Z]([a-z])+$": {"type": "string", "pattern": "(x+x+)+y"}},
}
CYCLIC = {
    "type": "object",
    "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#"}]}},
    "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/nowhere"}},
}


@pytest.mark.parametrize("key", ["$ref", "$dynamicRef", "$recursiveRef"])
@pytest.mark.parametrize("place", ["{}", "a/b", "//{}/a", "http://{}/a#/b", "file:///etc/passwd", "urn:x:y", ""])
def test_a_schema_elsewhere_is_refused_and_never_asked_for(
    api: httpx2.Client, driver: Driver, listener: Listener, key: str, place: str
) -> None:
    schema = {"type": "object", "properties": {"x": {"anyOf": [{key: place.format(listener.address)}]}}}
    refused(post(api, "/assistants", {"model": MODEL, "tools": [function(schema)]}), "tools[0].function.parameters")
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    request = {"model": MODEL, "response_format": shape}
    refused(post(api, "/assistants", request), "response_format.json_schema.schema")


@pytest.mark.parametrize("schema", [CATASTROPHIC, CYCLIC])
def test_a_schema_goes_to_the_model_as_it_is_and_nobody_works_through_it(
    api: httpx2.Client, listener: Listener, schema: Json
) -> None:
    home = {"$schema": f"http://{listener.address}/s", "$id": f"http://{listener.address}/i", **schema}
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": home}}
    request = {"model": MODEL, "tools": [function(home)], "response_format": shape}
    assistant = made(post(api, "/assistants", request))
    assert assistant["tools"][0]["function"]["parameters"] == home
    # Backtracking would take longer than the world has been there.
    long = "a" * 5_000
    said = f'call ask {{"a": "{long}!", "{long}": "x", "x": {{"x": 1}}}}'
    thread = {"messages": [{"role": "user", "content": said}]}
    run = made(post(api, "/threads/runs", {"assistant_id": assistant["id"], "thread": thread}))
    path = f"/threads/{run['thread_id']}/runs/{run['id']}"
    waiting = until(api, path, "requires_action")
    [call] = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert call["function"]["arguments"] == said.removeprefix("call ask ")
    made(post(api, f"{path}/submit_tool_outputs", {"tool_outputs": [{"tool_call_id": call["id"], "output": "x"}]}))
    until(api, path, "completed")
