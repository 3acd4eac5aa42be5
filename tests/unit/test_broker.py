"""The broker of the code interpreter: what it asks of the sandbox, and what the model is told when there is none."""

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from assistant_engine.domain.json_data import Json
from assistant_engine.store import objects, shared
from cdk.configuration import SandboxLimits
from tests.support.interpreter import new_call
from verify.probes.sandbox import event_of, file_at

os.environ["LIBRARIES"] = "{}"
os.environ["LIMITS"] = json.dumps(asdict(SandboxLimits()))

import code_interpreter as broker

DONE: Json = {"output": "1", "reason": "", "notes": [], "files": [], "session": True, "refused": []}


class Sandbox:
    """Answers with these results one after another, the last one again and again; text is an error of Lambda."""

    def __init__(self, *answers: Json | str) -> None:
        self.answers = list(answers)
        self.requests: list[Json] = []

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> Json:
        self.requests.append(json.loads(Payload))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer}}, "Invoke")
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, a_run_that_waits: Json) -> Iterator[Any]:
    a_run_that_waits["turn"] = new_call("", "")["turn"] + 1
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("ASSISTANTS_TABLE", "THREADS_TABLE", "MESSAGES_TABLE"):
        monkeypatch.setenv(name, name)
    monkeypatch.setenv("BUCKET", "data")
    monkeypatch.setenv("SANDBOX", "arn")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    shared._store.cache_clear()
    objects.signer.cache_clear()
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client
    shared._store.cache_clear()
    objects.signer.cache_clear()


def ask(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, **event: Any) -> str:
    monkeypatch.setattr(broker, "_lambda", lambda: sandbox)
    output: str = broker.handler({**new_call("thread_1", "print(1)"), **event}, None)["output"]
    return output


def test_the_probes_send_the_sandbox_what_the_tool_sends(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(DONE)
    monkeypatch.setattr(broker, "_given", lambda event: ({"file-1": "a.csv"}, []))
    ask(monkeypatch, sandbox)
    [request] = sandbox.requests
    probe = event_of("print(1)", [file_at("https://example.com/")])
    assert probe.keys() == request.keys()
    assert probe["files"][0].keys() == request["files"][0].keys()
    assert probe["session"].keys() == request["session"].keys()


def test_a_throttled_sandbox_is_asked_again(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox("TooManyRequestsException", "ResourceNotReadyException", DONE)
    assert json.loads(ask(monkeypatch, sandbox)) == {"logs": "1", "files": []}
    assert len(sandbox.requests) == 3


def test_a_sandbox_that_stays_throttled_is_named_to_the_model(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    told = ask(monkeypatch, Sandbox("TooManyRequestsException"))
    assert told == "Error: too many conversations run code at the moment. Run this again in a minute."


@pytest.mark.parametrize(("left", "given"), [(7, 7), (1, 1), (600, 60), (None, 60)])
def test_code_gets_the_time_that_its_run_has_left(
    s3: Any, monkeypatch: pytest.MonkeyPatch, left: int | None, given: int
) -> None:
    sandbox = Sandbox(DONE)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    ask(monkeypatch, sandbox, seconds=left)
    assert sandbox.requests[0]["seconds"] == given


def test_what_the_kernel_refused_is_a_metric_and_no_output(
    s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = ["the filter of system calls: Operation not permitted"]
    told = ask(monkeypatch, Sandbox({**DONE, "refused": refused}))
    assert json.loads(told)["logs"] == "1"
    line = json.loads(capsys.readouterr().out)
    assert (line["SandboxUnconfined"], line["refused"]) == (1, refused[0])


def test_a_state_that_is_gone_is_begun_anew_and_one_that_is_refused_is_kept(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox gets a 403 for both; the broker's own role may list, and knows."""
    first = Sandbox(DONE)
    ask(monkeypatch, first)
    state = first.requests[0]["session"]["put"].split("?")[0].split(".amazonaws.com/")[1]
    s3.put_object(Bucket="data", Key=state, Body=b"state")
    with pytest.raises(PermissionError):
        ask(monkeypatch, Sandbox({**DONE, "session": None}))
    s3.head_object(Bucket="data", Key=state)

    s3.delete_object(Bucket="data", Key=state)
    gone = Sandbox({**DONE, "session": None}, DONE)
    assert "files of the calls before are gone" in ask(monkeypatch, gone)
    assert [bool(request["session"]["get"]) for request in gone.requests] == [True, False]


def stops_of(s3: Any) -> list[str]:
    listed = s3.list_objects_v2(Bucket="data", Prefix="sandbox/thread_1/")
    return [item["Key"] for item in listed.get("Contents", [])]


def test_a_call_that_nobody_waits_for_is_not_begun(
    s3: Any, monkeypatch: pytest.MonkeyPatch, a_run_that_waits: Json
) -> None:
    a_run_that_waits["run_status"] = "cancelling"
    sandbox = Sandbox(DONE)
    assert ask(monkeypatch, sandbox) == "Error: the run does not wait for this call any more."
    assert sandbox.requests == []


@pytest.mark.parametrize("change", [{"run_status": "cancelling"}, {"run_status": "failed"}, {"expires_at": 1}])
def test_a_call_whose_run_has_ended_is_stopped_where_the_sandbox_looks(
    s3: Any, monkeypatch: pytest.MonkeyPatch, a_run_that_waits: Json, change: Json
) -> None:
    monkeypatch.setattr("assistant_engine.tools.call.CHECK_SECONDS", 0.05)

    class Busy(Sandbox):
        def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> Json:
            answer = super().invoke(FunctionName, InvocationType, Payload)
            assert stops_of(s3) == []
            a_run_that_waits.update(change)
            threading.Event().wait(30)
            return answer

    busy = Busy(DONE)
    call = new_call("thread_1", "print(1)")
    for _ in range(2):  # Delivered twice, the second time after its end.
        assert ask(monkeypatch, busy, **call) == "Error: the run does not wait for this call any more."
    [request] = busy.requests
    [stop] = stops_of(s3)
    assert stop.startswith("sandbox/thread_1/stops/")
    assert stop in request["stop"]
    assert not shared.store().sessions.head("thread_1").call
