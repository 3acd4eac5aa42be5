"""GraphQL as SilvaEngine's clients speak it, over HTTP: a conversation, lists, files, and what is refused."""

import base64
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from local import up as local

Ask = Callable[..., Any]
ASSISTANT = """mutation insertUpdateAssistant($name: String!, $functions: [JSON]!) {
  insertUpdateAssistant(assistantType: "conversation", assistantName: $name, functions: $functions, updatedBy: "ada",
    instructions: "You are a maths tutor.") { assistant { assistantId assistantType functions updatedBy } }
}"""
QUESTION = """query askOpenAi($assistant: String!, $thread: String, $question: String!) {
  askOpenAi(assistantType: "conversation", assistantId: $assistant, threadId: $thread, userQuery: $question,
    updatedBy: "ada", responseFormat: {type: "auto"}) {
    assistantId threadId userQuery functionName taskUuid currentRunId
  }
}"""
RUN = """query getCurrentRun($assistantId: String!, $threadId: String!, $currentRunId: String!) {
  currentRun(assistantId: $assistantId, threadId: $threadId, runId: $currentRunId, updatedBy: "ada") { status usage }
}"""


@pytest.fixture(scope="module")
def post(stack: local.Local, api_key: str) -> Ask:
    """Post a query to one of the two addresses."""

    def ask(query: str, address: str = "SILVAENGINE_URL", key: str = api_key, **more: Any) -> httpx2.Response:
        headers = {"x-api-key": key, **more.pop("headers", {})}
        return httpx2.post(stack.settings[address], json={"query": query, **more}, headers=headers, timeout=60)

    return ask


@pytest.fixture(scope="module")
def data(post: Ask) -> Ask:
    """Ask, and return the data of an answer without errors."""

    def ask(query: str, variables: dict[str, Any] | None = None, **more: Any) -> Any:
        answer = post(query, variables=variables or {}, **more).json()
        assert answer.keys() == {"data", "status_code"}, answer
        return answer["data"]

    return ask


@pytest.fixture(scope="module")
def assistant(data: Ask) -> str:
    made = data(ASSISTANT, {"name": "Tutor", "functions": {}})["insertUpdateAssistant"]["assistant"]
    assert made["functions"] == []  # GraphQL makes `[{}]` of `{}`.
    assert (made["assistantType"], made["updatedBy"]) == ("conversation", "ada")
    return str(made["assistantId"])


def asked(data: Ask, question: str, assistant: str, thread: str | None = None, **more: Any) -> Any:
    return data(QUESTION, {"assistant": assistant, "thread": thread, "question": question}, **more)["askOpenAi"]


def ended(data: Ask, answer: Any) -> Any:
    """Poll as SilvaEngine's clients do, until the run has ended."""
    named = {name: answer[name] for name in ("assistantId", "threadId", "currentRunId")}
    for _ in range(200):
        run = data(RUN, named)["currentRun"]
        if run["status"] not in ("queued", "in_progress"):
            return run
        assert run["usage"] == {}
        time.sleep(0.2)
    raise AssertionError(run)


def test_a_conversation(data: Ask, assistant: str) -> None:
    first = asked(data, "say Hello", assistant)
    assert first["assistantId"] == assistant and first["userQuery"] == "say Hello"
    assert (first["functionName"], first["taskUuid"]) == ("async_openai_assistant_stream", first["currentRunId"])
    run = ended(data, first)
    assert run["status"] == "completed" and run["usage"].keys() == {
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
    }
    thread = first["threadId"]
    last = data(
        'query($t: String!) {lastMessage(threadId: $t, role: "assistant") {message runId createdAt}}', {"t": thread}
    )
    assert last["lastMessage"]["message"] == "Hello"
    assert last["lastMessage"]["runId"] == first["currentRunId"]
    assert last["lastMessage"]["createdAt"].endswith("+00:00") and len(last["lastMessage"]["createdAt"]) == 25
    second = asked(data, "say Bye", assistant, thread)
    assert ended(data, second)["status"] == "completed" and second["threadId"] == thread
    live = data("query($t: String!) {liveMessages(threadId: $t) {role message}}", {"t": thread})["liveMessages"]
    assert [(message["role"], message["message"]) for message in live] == [
        ("user", "say Hello"),
        ("assistant", "Hello"),
        ("user", "say Bye"),
        ("assistant", "Bye"),
    ]


def test_the_same_key_asks_once(data: Ask, assistant: str) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    first, second = (asked(data, "say Once", assistant, headers=headers) for _ in range(2))
    assert first == second


def test_both_addresses_take_a_key_in_either_header(post: Ask, api_key: str) -> None:
    for address in ("SILVAENGINE_URL", "GRAPHQL_URL"):
        for headers in ({"x-api-key": api_key}, {"x-api-key": "", "authorization": f"Bearer {api_key}"}):
            assert "errors" not in post("{ping}", address, headers=headers).json()
        refused = post("{ping}", address, key="sk-oae-wrong")
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "invalid_api_key")


def test_errors_are_answered_as_each_address_has_them(post: Ask) -> None:
    before, plain = (
        post("{ping message(threadId: 1) {role}}", each).json() for each in ("SILVAENGINE_URL", "GRAPHQL_URL")
    )
    assert before.keys() == plain.keys() == {"errors"}
    missing = '{assistantList {total} thread(threadId: "thread_1") {threadId}}'
    before, plain = (post(missing, each).json() for each in ("SILVAENGINE_URL", "GRAPHQL_URL"))
    assert before.keys() == {"errors"} and plain.keys() == {"data", "errors"}
    assert before["errors"] == plain["errors"]
    assert before["errors"][0].keys() >= {"message", "locations", "path"}
    assert post("").json() == {"errors": "Invalid operations.", "status_code": 400}
    assert post("", "GRAPHQL_URL").status_code == 400


def test_a_file_comes_back_with_its_content(data: Ask) -> None:
    encoded = base64.b64encode(b"a\x00b").decode()
    insert = (
        'mutation($c: String!) {insertFile(filename: "a.bin", encodedContent: $c, purpose: "assistants") {file {id}}}'
    )
    name = {"f": data(insert, {"c": encoded})["insertFile"]["file"]["id"]}
    file = data("query($f: String!) {file(fileId: $f) {encodedContent filename bytes}}", name)["file"]
    assert file == {"encodedContent": encoded, "filename": "a.bin", "bytes": 3}
    assert data("mutation($f: String!) {deleteFile(fileId: $f) {ok}}", name) == {"deleteFile": {"ok": True}}
