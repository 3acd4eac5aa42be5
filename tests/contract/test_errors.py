"""Errors: the API's shape, its status codes, and the package's matching exceptions."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest

from assistants import keys
from local import up as local
from tests.support.clients import connect

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NOBODY = "thread_0mwr6zhyrsklfwcieiq2l1m0"
TOO_LONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "n" * 257}, "name", "string_above_max_length"),
    ({"description": "d" * 513}, "description", "string_above_max_length"),
    ({"instructions": "i" * 256_001}, "instructions", "string_above_max_length"),
    ({"tools": [{"type": "code_interpreter"}] * 129}, "tools", "array_above_max_length"),
    ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k" * 65: ""}}, "metadata", "invalid_value"),
    ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
    ({"foo": 1}, "foo", "unknown_parameter"),
    ({"name": 1}, "name", "invalid_type"),
    ({"tools": [{"type": "none"}]}, "tools[0].type", "invalid_value"),
]


def is_known_within_seconds(stack: local.Local) -> None:
    """A key is issued and known within seconds."""
    secrets, secret, name = stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"], f"test-{uuid.uuid4()}"
    key = keys.issue(secrets, secret, name)
    try:
        client = connect(stack, key).with_options(max_retries=0)
        for attempt in range(8):
            try:
                assert client.models.list().data
                return
            except openai.AuthenticationError:
                assert attempt < 7
                time.sleep(1)
    finally:
        keys.revoke(secrets, secret, name)


@pytest.fixture(scope="module", autouse=True)
def issued_now(stack: local.Local) -> Iterator[Future[None]]:
    """Issue a key with the first test, and go on with the others until it is known."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(is_known_within_seconds, stack)


@pytest.mark.parametrize(("given", "param", "code"), TOO_LONG)
def test_a_wrong_parameter_is_named(
    client: openai.OpenAI, model: str, given: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.beta.assistants.create(model=model, extra_body=given)
    assert (raised.value.param, raised.value.code, raised.value.type) == (param, code, "invalid_request_error")
    assert raised.value.request_id


@pytest.mark.parametrize(
    "path",
    [
        "/assistants/asst_none",
        f"/threads/{NOBODY}",
        f"/threads/{NOBODY}/messages",
        f"/threads/{NOBODY}/messages/msg_none",
        f"/threads/{NOBODY}/runs",
        f"/threads/{NOBODY}/runs/run_none",
        f"/threads/{NOBODY}/runs/run_none/steps",
        f"/threads/{NOBODY}/runs/run_none/steps/step_none",
        "/models/none",
        "/threads/thread%20%00é",
    ],
)
def test_what_is_not_there_is_not_found(client: openai.OpenAI, path: str) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.get(path, cast_to=object)
    assert raised.value.type == "invalid_request_error"


def test_an_unknown_assistant_starts_no_run(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    with pytest.raises(openai.NotFoundError, match="No assistant found with id 'asst_none'"):
        client.beta.threads.runs.create(thread.id, assistant_id="asst_none")
    assert client.beta.threads.runs.list(thread.id).data == []


def test_unknown_urls_and_methods(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(GET /v1/nothing\)"):
        client.get("/nothing", cast_to=object)
    with pytest.raises(openai.APIStatusError) as raised:
        client.put("/assistants", cast_to=object)
    assert raised.value.status_code == 405 and raised.value.response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"order": "up"}, {"after": "x"}, {"foo": "1"}]
)
def test_a_wrong_query_is_refused(client: openai.OpenAI, query: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.get("/assistants", cast_to=object, options={"params": query})
    assert raised.value.param == next(iter(query))


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"model": NaN}', '{"model": "\\ud800"}', "\u00e9"])
def test_what_is_no_json_object_is_refused(client: openai.OpenAI, body: str) -> None:
    with pytest.raises(openai.BadRequestError):
        json_type: Any = {"headers": {"Content-Type": "application/json"}}
        client.post("/assistants", cast_to=object, content=body.encode(), options=json_type)


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "sk-123"])
def test_without_a_key_the_answer_is_401(stack: local.Local, client: openai.OpenAI, header: str) -> None:
    answer = httpx2.get(f"{client.base_url}models", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert "You didn't provide an API key" in answer.json()["error"]["message"]


def test_a_wrong_key_is_not_repeated(stack: local.Local) -> None:
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided") as raised:
        connect(stack, "sk-wrong").models.list()
    assert "sk-wrong" not in str(raised.value) and raised.value.code == "invalid_api_key"


def test_a_key_issued_now_is_known_within_seconds(issued_now: Future[None]) -> None:
    issued_now.result()


def test_another_objects_id_is_not_found(client: openai.OpenAI, model: str) -> None:
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    for identifier in (file.id, "asst_none", "a#b"):
        with pytest.raises(openai.NotFoundError):
            client.beta.assistants.retrieve(identifier)
        with pytest.raises(openai.NotFoundError):
            client.beta.assistants.update(identifier, name="x")
        with pytest.raises(openai.NotFoundError):
            client.beta.assistants.delete(identifier)
    thread = client.beta.threads.create()
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.runs.create(thread.id, assistant_id=file.id)


def test_configurations_have_a_size(client: openai.OpenAI, model: str) -> None:
    function = {"module_name": "finance", "class_name": "Finance", "function_name": "send_email"}
    large = {**function, "configuration": {"sender": "x" * 100_000}}
    with pytest.raises(openai.BadRequestError, match="functions"):
        client.beta.assistants.create(model=model, extra_body={"functions": [large]})


def test_a_tool_choice_must_be_among_the_tools(client: openai.OpenAI, model: str) -> None:
    assistant = client.beta.assistants.create(model=model)
    thread = client.beta.threads.create()
    with pytest.raises(openai.BadRequestError, match="tool_choice"):
        client.beta.threads.runs.create(
            thread.id, assistant_id=assistant.id, tool_choice={"type": "function", "function": {"name": "nobody"}}
        )
