"""Bad run requests to the state machine: they fail with a word about the parameter, and write nothing."""

import json
import uuid

import pytest

from assistant_engine.domain.json_data import Json
from tests.support.bad_input import REFUSED, function, nested
from tests.support.driver import Driver

WRONG: list[tuple[str, Json]] = [
    *(("additional_messages[0].content", {"additional_messages": [{"role": "user", "content": t}]}) for t in REFUSED),
    ("additional_messages[0].content", {"additional_messages": [{"role": "user", "content": "t" * 256_001}]}),
    ("metadata", {"metadata": {str(n): "" for n in range(17)}}),
    ("metadata", {"metadata": {"k" * 65: ""}}),
    ("metadata.key", {"metadata": {"key": "v" * 513}}),
    ("metadata.key", {"metadata": {"key": "\ud800"}}),
    ("instructions", {"instructions": "i" * 256_001}),
    ("tools", {"tools": [{"type": "file_search"}] * 21}),
    ("tools[0].function.parameters", {"tools": [function({"$ref": "http://127.0.0.1/"})]}),
    ("tools[0].function.parameters.a", {"tools": [function({"a": json.loads(nested(61))})]}),
    ("temperature", {"temperature": 3}),
    ("thread_id", {"thread_id": ""}),
    ("No thread found", {"thread_id": "../../x"}),
    ("run_id", {"thread_id": "thread_x", "run_id": "\0"}),
    ("run_id", {"run_id": "run_mine"}),
    ("idempotency_key", {"idempotency_key": "k" * 257}),
    ("__proto__", {"__proto__": 1}),
]


@pytest.fixture(scope="module")
def ids(driver: Driver) -> Json:
    """Of an assistant, and of a thread on which it ran once."""
    assistant = driver.assistant()
    return {"assistant_id": assistant, "thread_id": driver.run(driver.ask(assistant, "say Before."))["thread_id"]}


@pytest.mark.parametrize(("param", "request_"), WRONG)
def test_a_bad_run_request_names_the_parameter_and_writes_nothing(
    driver: Driver, ids: Json, param: str, request_: Json
) -> None:
    thread = ids["thread_id"]
    before = driver.messages(thread)
    execution = driver.start({**ids, **request_})
    described = driver.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
    assert param in described["cause"] and len(described["cause"]) < 1_000
    assert driver.states(execution) == ["queued", "failed"]
    assert driver.messages(thread) == before
    head = driver.store.threads.get(thread)
    assert (head.active_run, head.runs) == (None, 1)


@pytest.mark.offline_model
def test_a_run_request_of_any_size_is_answered_or_refused_in_words(driver: Driver) -> None:
    assistant = driver.assistant()

    def request(size: int) -> str:
        content: Json = {"assistant_id": assistant, "metadata": {}, "instructions": "i" * 200_000}
        content["additional_messages"] = [{"role": "user", "content": "say Whole."}]
        left = size - len(json.dumps(content))
        content["additional_messages"] = [{"role": "user", "content": "say Whole.\n" + "x" * (left - 2)}]
        assert len(json.dumps(content)) == size
        return json.dumps(content)

    def described(size: int) -> Json:
        started = driver.step_functions.start_execution(
            stateMachineArn=driver.state_machine_arn, name=str(uuid.uuid4()), input=request(size)
        )
        return driver.wait(started["executionArn"])

    assert json.loads(described(261_000)["output"])["messages"][0]["text"] == "Whole."
    refused_one = described(262_144)
    assert (refused_one["status"], refused_one["error"]) == ("FAILED", "invalid_request_error")
    assert "too large" in refused_one["cause"]
