"""Every operation of the schema, asked as the earlier engine's callers do: the whole document, and the name of one."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from local import up as local
from tests.support.driver import ASK, GET_STOCK_PRICE
from tests.support.graphql_doors import DOCUMENT

pytestmark = pytest.mark.offline_model

Ask = Callable[..., Any]
TYPE = "conversation"


@pytest.fixture(scope="module")
def ask(stack: local.Local, api_key: str) -> Ask:
    """Send an operation with its variables; return what its field answers."""

    def ask(operation: str, **variables: Any) -> Any:
        body = {"query": DOCUMENT, "variables": variables, "operation_name": operation}
        answer = httpx2.post(
            stack.settings["SILVAENGINE_URL"], json=body, headers={"x-api-key": api_key}, timeout=60
        ).json()
        assert answer.keys() == {"data", "status_code"} and answer["status_code"] == 200, answer
        [told] = answer["data"].values()
        return told

    return ask


@pytest.fixture(scope="module")
def assistant(ask: Ask) -> str:
    """An assistant with a function of the stack, and one of its client."""
    made = ask(
        "insertUpdateAssistant",
        assistantType=TYPE,
        assistantName="Analyst",
        instructions="You are an analyst.",
        tools=[ASK],
        configuration={"region": "eu"},
        functions=[{**GET_STOCK_PRICE, "configuration": {"unit": "USD"}}],
        metadata={"team": "red"},
        temperature=0.5,
        responseFormat="auto",
        updatedBy="ada",
    )["assistant"]
    assert (made["assistantName"], made["assistantType"], made["updatedBy"]) == ("Analyst", TYPE, "ada")
    assert made["configuration"] == {"region": "eu"} and made["temperature"] == 0.5
    assert made["metadata"]["team"] == "red"
    [function] = made["functions"]
    assert function["function_name"] == "get_stock_price" and function["configuration"] == {"unit": "USD"}
    return str(made["assistantId"])


def run(ask: Ask, assistant: str, question: str, status: str = "completed", **more: Any) -> Json:
    """Ask, and wait until the run has a status; return what askOpenAi answered."""
    asked: Json = ask("ask", assistantType=TYPE, assistantId=assistant, userQuery=question, updatedBy="ada", **more)
    deadline = time.monotonic() + 120
    while True:
        current = ask("run", **of(asked), assistantId=assistant, updatedBy="ada")
        if current["status"] == status:
            return asked
        assert current["status"] in ("queued", "in_progress", "cancelling") and time.monotonic() < deadline, current
        time.sleep(0.2)


def of(asked: Json) -> Json:
    """Return the variables that name a run."""
    return {"threadId": asked["threadId"], "runId": asked["currentRunId"]}


@pytest.fixture(scope="module")
def ended(ask: Ask, assistant: str) -> Json:
    """A run that called a function of the stack."""
    return run(ask, assistant, 'call get_stock_price {"symbol": "ACME"}\nsay Done.', threadMetadata={"place": "here"})


def test_ping(ask: Ask) -> None:
    assert ask("ping")


def test_a_conversation_is_read(ask: Ask, assistant: str, ended: Json) -> None:
    thread = {"threadId": ended["threadId"]}
    last = ask("last", **thread, assistantId=assistant, role="assistant")
    assert last["message"].startswith("Done.") and last["runId"] == ended["currentRunId"]
    live = ask("live", **thread, roles=["user", "assistant"], order="asc")
    assert [each["role"] for each in live] == ["user", "assistant"] and live[1] == last
    assert ask("live", **thread, roles=["assistant"]) == [last]
    shown = ask("message", **thread, messageId=last["messageId"])
    assert shown == last
    listed = ask("messageList", **thread, roles=["assistant"], message="Done", pageNumber=1, limit=10)
    assert listed == {"messageList": [shown], "pageSize": 10, "pageNumber": 1, "total": 1}
    assert datetime.fromisoformat(last["createdAt"]).tzinfo
    assert "." not in last["createdAt"] and last["createdAt"].endswith("+00:00")


def test_threads_are_an_assistants(ask: Ask, assistant: str, ended: Json) -> None:
    shown = ask("thread", assistantId=assistant, threadId=ended["threadId"])
    assert shown["assistant"]["assistant_id"] == assistant and shown["updatedBy"] == "ada"
    [of_run] = shown["runs"]
    assert of_run["run_id"] == ended["currentRunId"] and of_run["usage"]["total_tokens"] > 0
    assert shown["isVoice"] is False
    listed = ask("threadList", assistantId=assistant, assistantTypes=[TYPE], limit=100)
    assert shown["threadId"] in [each["threadId"] for each in listed["threadList"]]
    assert ask("threadList", assistantId=assistant, assistantTypes=["voice"])["total"] == 0


def test_assistants_are_listed_and_changed(ask: Ask, assistant: str) -> None:
    shown = ask("assistant", assistantType=TYPE, assistantId=assistant)
    listed = ask("assistantList", assistantType=TYPE, assistantName="nalys", limit=1000)["assistantList"]
    assert shown in listed
    assert all(each["assistantType"] == TYPE and "nalys" in each["assistantName"] for each in listed)
    changed = ask(
        "insertUpdateAssistant",
        assistantType=TYPE,
        assistantId=assistant,
        assistantName="Analyst",
        functions=shown["functions"],
        description="Of stocks.",
        updatedBy="bob",
    )["assistant"]
    assert (changed["description"], changed["updatedBy"]) == ("Of stocks.", "bob")
    assert changed["instructions"] == shown["instructions"] and changed["functions"] == shown["functions"]
    free = f"asst_{time.time_ns()}"
    made = ask(
        "insertUpdateAssistant",
        assistantType="agent",
        assistantId=free,
        assistantName="Free",
        functions=[],
        updatedBy="ada",
    )
    assert made["assistant"]["assistantId"] == free
    assert ask("deleteAssistant", assistantType="agent", assistantId=free) == {"ok": True}


def test_calls_of_tools_are_found_by_their_run(ask: Ask, ended: Json) -> None:
    listed = ask("toolCallList", runId=ended["currentRunId"], toolTypes=["function"], name="get_stock_price")
    [call] = listed["toolCallList"]
    assert listed["total"] == 1 and call["arguments"] == {"symbol": "ACME"} and "ACME" in call["content"]
    assert ask("toolCall", runId=call["runId"], toolCallId=call["toolCallId"]) == call


def test_a_question_is_a_task(ask: Ask, ended: Json) -> None:
    named = {"functionName": ended["functionName"], "taskUuid": ended["taskUuid"]}
    task = ask("asyncTask", **named)
    assert task["status"] == "completed"
    assert json.loads(task["result"]) == {"current_run_id": ended["currentRunId"]}
    listed = ask("asyncTaskList", functionName=named["functionName"], statuses=["completed"], limit=1000)
    assert task in listed["asyncTaskList"]


def test_functions_of_the_client_are_answered_and_cancelled(ask: Ask, assistant: str) -> None:
    waiting = run(ask, assistant, "call ask {}", "requires_action")
    [call] = ask("toolCallList", runId=waiting["currentRunId"])["toolCallList"]
    assert call["content"] is None
    outputs = [{"tool_call_id": call["toolCallId"], "output": "Friday"}]
    assert ask("submitToolOutputs", **of(waiting), toolOutputs=outputs)["run"]["status"] == "queued"
    deadline = time.monotonic() + 120
    while ask("run", **of(waiting), assistantId=assistant, updatedBy="ada")["status"] != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert ask("toolCall", runId=waiting["currentRunId"], toolCallId=call["toolCallId"])["content"] == "Friday"
    waiting = run(ask, assistant, "call ask {}", "requires_action")
    assert ask("cancelRun", **of(waiting))["run"]["status"] in ("cancelling", "cancelled")


def test_files_come_and_go(ask: Ask) -> None:
    encoded = base64.b64encode(b"What a file holds.").decode()
    made = ask("insertFile", filename="a.txt", encodedContent=encoded, purpose="assistants")["file"]
    assert (made["filename"], made["bytes"], made["object"]) == ("a.txt", 18, "file")
    assert ask("file", fileId=made["id"]) == made
    assert ask("fileContent", fileId=made["id"]) == {**made, "encodedContent": encoded}
    assert made in ask("files", purpose="assistants")
    assert ask("deleteFile", fileId=made["id"]) == {"ok": True}


def test_what_is_deleted_is_gone(ask: Ask, assistant: str, stack: local.Local, api_key: str) -> None:
    made = run(ask, assistant, "say Hello")
    last = ask("last", threadId=made["threadId"], role="assistant")
    assert ask("deleteMessage", threadId=made["threadId"], messageId=last["messageId"]) == {"ok": True}
    assert ask("last", threadId=made["threadId"], role="assistant") == {
        "threadId": made["threadId"],
        "role": "assistant",
        **dict.fromkeys(("runId", "messageId", "message", "createdAt")),
    }
    assert ask("deleteThread", threadId=made["threadId"], assistantId=assistant) == {"ok": True}
    with pytest.raises(AssertionError, match="No thread found"):
        ask("thread", assistantId=assistant, threadId=made["threadId"])


def test_what_happened_elsewhere_is_recorded(ask: Ask, assistant: str) -> None:
    own = f"{time.time_ns():x}"
    thread, run_id, message, call = (f"{prefix}_{own}" for prefix in ("thread", "run", "msg", "call"))
    usage = {"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}
    row = {"assistantType": TYPE, "assistantId": assistant, "threadId": thread, "updatedBy": "ada"}
    for _ in range(2):  # The second time changes nothing.
        made = ask("insertUpdateThread", **row, run={"run_id": run_id, "usage": usage})["thread"]
        assert made["threadId"] == thread and [each["usage"] for each in made["runs"]] == [usage]
    assert ask("run", threadId=thread, runId=run_id, assistantId=assistant, updatedBy="ada")["status"] == "completed"
    said = {"threadId": thread, "messageId": message, "runId": run_id, "role": "assistant"}
    for text in ("42 EUR.", "42 USD."):
        told = ask("insertUpdateMessage", **said, message=text, createdAt="2024-07-17T08:30:08+0000")["message"]
        assert (told["message"], told["createdAt"]) == (text, "2024-07-17T08:30:08+00:00")
    assert ask("last", threadId=thread, role="assistant")["message"] == "42 USD."
    assert ask("messageList", threadId=thread)["total"] == 1
    asked = {"runId": run_id, "toolCallId": call}
    for content in ("41", "42"):
        told = ask(
            "insertUpdateToolCall",
            **asked,
            toolType="function",
            name="get_stock_price",
            arguments={"symbol": "ACME", "share": 0.5},
            content=content,
            createdAt="2024-07-17T08:30:05+0000",
        )["toolCall"]
        assert (told["content"], told["arguments"]) == (content, {"symbol": "ACME", "share": 0.5})
    [shown] = ask("toolCallList", runId=run_id)["toolCallList"]
    assert shown["content"] == "42" and shown["toolCallId"] == call
    assert ask("deleteToolCall", **asked) == {"ok": True}
    assert ask("toolCallList", runId=run_id)["total"] == 0


def test_what_happened_here_stays_as_it_was(ask: Ask, assistant: str, ended: Json) -> None:
    before = ask("last", threadId=ended["threadId"], role="assistant")
    with pytest.raises(AssertionError, match="said here"):
        ask("insertUpdateMessage", **{**before, "message": "I never said so."})
    [call] = ask("toolCallList", runId=ended["currentRunId"])["toolCallList"]
    with pytest.raises(AssertionError, match="carried out here"):
        ask("insertUpdateToolCall", **{**call, "content": "1"})
    with pytest.raises(AssertionError, match="are runs"):
        ask("insertUpdateAsyncTask", functionName=ended["functionName"], taskUuid=ended["taskUuid"], status="fail")
    row = {"assistantType": TYPE, "assistantId": assistant, "threadId": ended["threadId"], "updatedBy": "ada"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    shown = ask("insertUpdateThread", **row, run={"run_id": ended["currentRunId"], "usage": usage})["thread"]
    assert [each["usage"]["total_tokens"] > 0 for each in shown["runs"]] == [True]
    assert ask("last", threadId=ended["threadId"], role="assistant") == before
    assert ask("toolCallList", runId=ended["currentRunId"])["toolCallList"] == [call]


def test_tasks_of_others_are_recorded(ask: Ask) -> None:
    named = {"functionName": "async_other", "taskUuid": f"task-{time.time_ns()}"}
    made = ask("insertUpdateAsyncTask", **named, arguments={"share": 0.5}, status="in_progress")["asyncTask"]
    assert (made["status"], made["arguments"]) == ("in_progress", {"share": 0.5})
    changed = ask("insertUpdateAsyncTask", **named, status="completed", result="done")["asyncTask"]
    assert (changed["status"], changed["arguments"]) == ("completed", {"share": 0.5})
    assert ask("asyncTask", **named) == changed
    assert changed in ask("asyncTaskList", functionName="async_other", statuses=["completed"])["asyncTaskList"]
    assert ask("deleteAsyncTask", **named) == {"ok": True}
    with pytest.raises(AssertionError, match="No task found"):
        ask("asyncTask", **named)


def test_what_was_said_is_data_for_fine_tuning(ask: Ask, assistant: str, ended: Json) -> None:
    named = {"assistantId": assistant, "threadId": ended["threadId"]}
    listed = ask("fineTuningMessageList", **named, limit=100)
    rows = listed["fineTuningMessageList"]
    assert [row["role"] for row in rows] == ["system", "user", "assistant", "tool", "assistant"]
    assert listed["total"] == 5 and not any(row["trained"] for row in rows)
    assert rows[2]["toolCalls"][0]["function"]["name"] == "get_stock_price" and rows[3]["toolCallId"]
    assert rows[4]["thread"]["thread_id"] == ended["threadId"] and rows[4]["weight"] == 1
    answer = {"assistantId": assistant, "messageUuid": rows[4]["messageUuid"]}
    assert ask("fineTuningMessage", **answer) == rows[4]
    row = {**named, **answer, "timestamp": rows[4]["timestamp"], "role": "assistant"}
    assert ask("insertUpdateFineTuningMessage", **row, weight=0.5)["fineTuningMessage"]["weight"] == 0.5
    done = ask("insertUpdateFineTuningMessages", assistantId=assistant, weightupMessageUuids=[answer["messageUuid"]])
    assert ask("asyncTask", **done["asyncTask"])["status"] == "completed"
    assert ask("fineTuningMessage", **answer)["weight"] == 1
    made = ask(
        "uploadFineTuneFile",
        assistantType=TYPE,
        assistantId=assistant,
        trainingPercentage=100.0,
        fromDate=datetime.fromtimestamp(time.time() - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
    )["fineTuneFiles"]
    assert [each["purpose"] for each in made] == ["fine-tune"] and made[0]["filename"].startswith("training_")
    assert ask("fineTuningMessage", **answer)["trained"] is True
    assert ask("deleteFineTuningMessage", **answer) == {"ok": True}
    assert ask("fineTuningMessage", **answer)["weight"] == 0
