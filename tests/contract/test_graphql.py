"""GraphQL as SilvaEngine's clients speak it, over HTTP: a conversation, lists, files, records, and what is refused."""

import base64
import json
import uuid
from typing import Any

import pytest

from assistant_engine.store import Store
from local import up as local
from tests.support.graphql import Door

ASSISTANT = """mutation insertUpdateAssistant($id: String, $name: String!, $functions: [JSON]!) {
  insertUpdateAssistant(assistantType: "conversation", assistantId: $id, assistantName: $name, functions: $functions,
    instructions: "You are a maths tutor.", updatedBy: "ada", configuration: {unit: "m"}) {
    assistant { assistantId assistantType assistantName functions configuration updatedBy }
  }
}"""
QUESTION = """query askOpenAi($assistant: String!, $thread: String, $question: String!, $tools: [JSON]) {
  askOpenAi(assistantType: "conversation", assistantId: $assistant, threadId: $thread, userQuery: $question,
    updatedBy: "ada", responseFormat: {type: "auto"}, tools: $tools) {
    assistantId threadId userQuery functionName taskUuid currentRunId
  }
}"""
THREAD = """mutation insertUpdateThread($assistant: String!, $thread: String!, $run: JSON) {
  insertUpdateThread(assistantId: $assistant, assistantType: "conversation", threadId: $thread, run: $run,
    updatedBy: "ada") { thread { threadId runs updatedBy } }
}"""
MESSAGE = """mutation insertUpdateMessage(
  $thread: String!, $id: String!, $run: String!, $role: String!, $text: String!
) {
  insertUpdateMessage(threadId: $thread, messageId: $id, runId: $run, role: $role, message: $text,
    createdAt: "2024-07-17T08:30:00+0000") { message { messageId message createdAt } }
}"""
CALL = """mutation insertUpdateToolCall($run: String!, $id: String!, $content: String) {
  insertUpdateToolCall(runId: $run, toolCallId: $id, toolType: "file_search", name: "file_search",
    arguments: {query: "a"}, content: $content, createdAt: "2024-07-17T08:30:00+0000") { toolCall { content } }
}"""
CALLS = (
    "query($run: String!) {toolCallList(runId: $run) {total toolCallList {toolCallId toolType name content arguments}}}"
)
LIVE = "query($thread: String!) {liveMessages(threadId: $thread) {role message runId}}"


@pytest.fixture(scope="module")
def door(stack: local.Local, api_key: str) -> Door:
    return Door(stack, api_key)


@pytest.fixture(scope="module")
def assistant(door: Door) -> str:
    made = door.data(ASSISTANT, name="Tutor", functions={})["insertUpdateAssistant"]["assistant"]
    assert made["functions"] == []  # GraphQL makes `[{}]` of `{}`.
    assert (made["assistantType"], made["updatedBy"]) == ("conversation", "ada")
    return str(made["assistantId"])


def asked(door: Door, question: str, assistant: str, thread: str | None = None, **more: Any) -> Any:
    return door.data(QUESTION, assistant=assistant, thread=thread, question=question, **more)["askOpenAi"]


def test_a_conversation(door: Door, assistant: str) -> None:
    first = asked(door, "say Hello", assistant)
    assert first["assistantId"] == assistant and first["userQuery"] == "say Hello"
    assert (first["functionName"], first["taskUuid"]) == ("async_openai_assistant_stream", first["currentRunId"])
    run, thread = door.ended(first), first["threadId"]
    assert run["status"] == "completed"
    assert run["usage"].keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}
    newest = 'query($t: String!) {lastMessage(threadId: $t, role: "assistant") {message runId createdAt}}'
    last = door.data(newest, t=thread)["lastMessage"]
    assert (last["message"], last["runId"]) == ("Hello", first["currentRunId"])
    assert last["createdAt"].endswith("+00:00") and len(last["createdAt"]) == 25
    second = asked(door, "say Bye", assistant, thread)
    assert door.ended(second)["status"] == "completed" and second["threadId"] == thread
    live = door.data(LIVE, thread=thread)["liveMessages"]
    said = [(message["role"], message["message"]) for message in live]
    assert said == [("user", "say Hello"), ("assistant", "Hello"), ("user", "say Bye"), ("assistant", "Bye")]
    task = "query($id: String!, $name: String!) {asyncTask(functionName: $name, taskUuid: $id) {status result log}}"
    found = door.data(task, id=second["taskUuid"], name=second["functionName"])["asyncTask"]
    assert (found["status"], found["log"]) == ("completed", None)
    assert json.loads(found["result"]) == {"current_run_id": second["currentRunId"]}
    listed = "query($a: String!, $t: String!) {threadList(assistantId: $a) {total threadList {threadId}}"
    listed += " thread(assistantId: $a, threadId: $t) {runs isVoice updatedBy assistant createdAt updatedAt}}"
    both = door.data(listed, a=assistant, t=thread)
    assert thread in [each["threadId"] for each in both["threadList"]["threadList"]]
    assert [each["run_id"] for each in both["thread"]["runs"]] == [first["currentRunId"], second["currentRunId"]]
    assert both["thread"]["assistant"]["assistant_id"] == assistant and both["thread"]["updatedBy"] == "ada"


def test_a_run_of_the_client_s_tools_goes_on_with_their_outputs(door: Door, assistant: str) -> None:
    tool = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}
    answer = asked(door, "use the tool lookup.", assistant, tools=[tool])
    assert door.ended(answer)["status"] == "requires_action"
    [call] = door.data(CALLS, run=answer["currentRunId"])["toolCallList"]["toolCallList"]
    assert (call["name"], call["toolType"], call["content"]) == ("lookup", "function", None)
    submit = """mutation($t: String!, $r: String!, $o: [JSON]!) {
      submitToolOutputs(threadId: $t, runId: $r, toolOutputs: $o) {run {status}}
    }"""
    named = {"t": answer["threadId"], "r": answer["currentRunId"]}
    assert "Expected tool outputs" in door.error(submit, **named, o=[])["message"]
    outputs = [{"tool_call_id": call["toolCallId"], "output": "42"}]
    assert door.data(submit, **named, o=outputs)["submitToolOutputs"]["run"]["status"] == "queued"
    assert door.ended(answer)["status"] == "completed"
    [call] = door.data(CALLS, run=answer["currentRunId"])["toolCallList"]["toolCallList"]
    assert call["content"] == "42"
    cancel = "mutation($t: String!, $r: String!) {cancelRun(threadId: $t, runId: $r) {run {status}}}"
    assert "Cannot cancel" in door.error(cancel, **named)["message"]


def test_a_busy_thread_is_an_error(door: Door, assistant: str) -> None:
    tool = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}
    answer = asked(door, "use the tool lookup.", assistant, tools=[tool])
    refused = door.error(QUESTION, assistant=assistant, thread=answer["threadId"], question="say Hello")
    assert "already has an active run" in refused["message"] and refused["path"] == ["askOpenAi"]


def test_the_same_key_asks_once(door: Door, assistant: str) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    first, second = (asked(door, "say Once", assistant, headers=headers) for _ in range(2))
    assert first == second
    refused = door.post(QUESTION, variables={"assistant": assistant, "question": "say Twice"}, headers=headers).json()[
        "errors"
    ]
    assert refused[0]["extensions"]["code"] == "idempotency_key_in_use"


def test_errors_name_the_argument(door: Door, assistant: str) -> None:
    for more, param in (
        ({"question": ""}, "userQuery"),
        ({"question": "a", "tools": [{"type": "none"}]}, "tools[0].type"),
    ):
        assert door.error(QUESTION, assistant=assistant, **more)["extensions"]["param"] == param


def test_both_addresses_take_a_key_in_either_header(door: Door) -> None:
    for address in ("SILVAENGINE_URL", "GRAPHQL_URL"):
        assert "errors" not in door.post("{ping}", address).json()
        bearer = {"authorization": f"Bearer {door.key}"}
        assert "errors" not in door.post("{ping}", address, key="", headers=bearer).json()
        refused = door.post("{ping}", address, key="sk-oae-wrong")
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "invalid_api_key")


def test_errors_are_answered_as_each_address_has_them(door: Door) -> None:
    addresses = ("SILVAENGINE_URL", "GRAPHQL_URL")
    before, plain = (door.post("{ping message(threadId: 1) {role}}", each).json() for each in addresses)
    assert before.keys() == plain.keys() == {"errors"}
    missing = '{assistantList {total} thread(threadId: "thread_1") {threadId}}'
    before, plain = (door.post(missing, each).json() for each in addresses)
    assert before.keys() == {"errors"} and plain.keys() == {"data", "errors"}
    assert before["errors"] == plain["errors"]
    assert before["errors"][0].keys() >= {"message", "locations", "path"}
    assert door.post("").json() == {"errors": "Invalid operations.", "status_code": 400}
    assert door.post("", "GRAPHQL_URL").status_code == 400


def test_a_file_comes_back_with_its_content(door: Door) -> None:
    encoded = base64.b64encode(b"a\x00b").decode()
    insert = (
        'mutation($c: String!) {insertFile(filename: "a.bin", encodedContent: $c, purpose: "assistants") {file {id}}}'
    )
    name = door.data(insert, c=encoded)["insertFile"]["file"]["id"]
    file = door.data("query($f: String!) {file(fileId: $f) {encodedContent filename bytes}}", f=name)["file"]
    assert file == {"encodedContent": encoded, "filename": "a.bin", "bytes": 3}
    assert door.data("mutation($f: String!) {deleteFile(fileId: $f) {ok}}", f=name)["deleteFile"]["ok"]
    assert door.error(insert, c="?")["extensions"]["param"] == "encodedContent"


def test_lists_have_pages_and_totals(door: Door) -> None:
    word = f"Listed {uuid.uuid4()}"
    for number in range(3):
        door.data(ASSISTANT, name=f"{word} {number}", functions=[])
    page = """query($n: Int, $l: Int, $name: String) {
      assistantList(pageNumber: $n, limit: $l, assistantName: $name, assistantType: "conversation") {
        pageSize pageNumber total assistantList {assistantName}
      }
    }"""
    first, second = (door.data(page, n=number, l=2, name=word)["assistantList"] for number in (1, 2))
    assert [len(each["assistantList"]) for each in (first, second)] == [2, 1]
    assert (first["total"], first["pageSize"], second["pageNumber"]) == (3, 2, 2)
    assert door.data(page, n=9, l=2, name=word)["assistantList"]["assistantList"] == []
    assert door.error(page, n=0, l=2, name=word)["extensions"]["param"] == "pageNumber"
    assert door.error(page, n=1, l=1_001, name=word)["extensions"]["param"] == "limit"


def test_an_assistant_is_changed_under_an_id_of_its_own(door: Door) -> None:
    own = f"asst_own_{uuid.uuid4().hex}"
    first = door.data(ASSISTANT, id=own, name="First", functions=[])["insertUpdateAssistant"]["assistant"]
    second = door.data(ASSISTANT, id=own, name="Second", functions=[])["insertUpdateAssistant"]["assistant"]
    assert (first["assistantId"], second["assistantId"], second["assistantName"]) == (own, own, "Second")
    assert second["configuration"] == {"unit": "m"}
    times = 'query($id: String!) {assistant(assistantType: "conversation", assistantId: $id) {createdAt updatedAt}}'
    moments = door.data(times, id=own)["assistant"]
    assert moments["updatedAt"] >= moments["createdAt"]
    other = 'query($id: String!) {assistant(assistantType: "other", assistantId: $id) {assistantName}}'
    assert "No assistant found" in door.error(other, id=own)["message"]


def test_the_past_is_recorded_under_its_own_ids_once(door: Door, store: Store, assistant: str) -> None:
    mark = uuid.uuid4().hex
    thread, run = f"thread_{mark}", f"run_{mark}"
    told = {"run_id": run, "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    for _ in range(2):
        made = door.data(THREAD, assistant=assistant, thread=thread, run=told)["insertUpdateThread"]["thread"]
    assert [each["usage"] for each in made["runs"]] == [told["usage"]]
    assert store.threads.get(thread).usage.total_tokens == 5
    for number, role in enumerate(("user", "assistant", "user", "assistant")):
        door.data(MESSAGE, thread=thread, id=f"msg_{number}", run=run, role=role, text=f"text {number}")
    door.data(MESSAGE, thread=thread, id="msg_1", run=run, role="assistant", text="changed")
    live = door.data(LIVE, thread=thread)["liveMessages"]
    assert [each["message"] for each in live] == ["text 0", "changed", "text 2", "text 3"]
    assert live[1]["runId"] == made["runs"][0]["run_id"] and live[0]["runId"] is None
    one = 'query($t: String!) {message(threadId: $t, messageId: "msg_1") {message}}'
    assert door.data(one, t=thread)["message"]["message"] == "changed"
    for content in ("a", "b"):
        door.data(CALL, run=run, id="call_1", content=content)
    [call] = door.data(CALLS, run=run)["toolCallList"]["toolCallList"]
    assert (call["toolType"], call["content"], call["arguments"]) == ("file_search", "b", {"query": "a"})
    delete = 'mutation($r: String!) {deleteToolCall(runId: $r, toolCallId: "call_1") {ok}}'
    assert door.data(delete, r=run)["deleteToolCall"]["ok"]
    assert "No tool call found" in door.error(delete, r=run)["message"]
    answer = asked(door, "say Hello", assistant, thread)
    assert door.ended(answer)["status"] == "completed"


def test_what_was_said_and_done_here_stays_as_it_was(door: Door, assistant: str) -> None:
    answer = asked(door, "say Hello", assistant)
    door.ended(answer)
    thread, run = answer["threadId"], answer["currentRunId"]
    newest = door.data('query($t: String!) {lastMessage(threadId: $t, role: "user") {messageId}}', t=thread)
    name = newest["lastMessage"]["messageId"]
    refused = door.error(MESSAGE, thread=thread, id=name, run=run, role="user", text="other")
    assert "said here" in refused["message"]
    assert "carried out here" in door.error(CALL, run=run, id="call_1", content="a")["message"]
    before = door.data(LIVE, thread=thread)
    door.data(THREAD, assistant=assistant, thread=thread, run={"run_id": run, "usage": {}})
    assert door.data(LIVE, thread=thread) == before
    elsewhere = f"thread-{uuid.uuid4().hex}"
    refused = door.error(THREAD, assistant=assistant, thread=elsewhere, run={"run_id": run, "usage": {}})
    assert "a run of another thread" in refused["message"]


def test_a_task_of_another_function_is_recorded(door: Door) -> None:
    name = str(uuid.uuid4())
    write = """mutation($f: String!, $s: String, $r: String, $a: JSON) {
      insertUpdateAsyncTask(functionName: $f, taskUuid: "1", status: $s, result: $r, arguments: $a) {
        asyncTask {status result arguments createdAt}
      }
    }"""
    door.data(write, f=name, s="in_progress", a={"a": 1})
    task = door.data(write, f=name, s="completed", r="done")["insertUpdateAsyncTask"]["asyncTask"]
    assert (task["status"], task["result"], task["arguments"]) == ("completed", "done", {"a": 1})
    listed = 'query($f: String!) {asyncTaskList(functionName: $f, statuses: ["completed"]) {total}}'
    assert door.data(listed, f=name)["asyncTaskList"]["total"] == 1
    delete = 'mutation($f: String!) {deleteAsyncTask(functionName: $f, taskUuid: "1") {ok}}'
    assert door.data(delete, f=name)["deleteAsyncTask"]["ok"]
    assert "No task found" in door.error(delete, f=name)["message"]
    assert "are runs" in door.error(write, f="async_openai_assistant_stream")["message"]
