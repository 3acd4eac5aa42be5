"""Logs carry ids: no text that somebody said, no key and no token, whatever goes wrong and wherever."""

import itertools
import json
import time

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from local import up as local
from tests.support.aws_proxy import FORBIDDEN, AwsProxy
from tests.support.bad_input import MODEL, function, made, post, refused, until
from tests.support.canaries import canary, found_in_history, found_in_log, remember
from tests.support.driver import ASK, LABORATORY, Driver
from tests.support.model_server import Behaviour, ModelServer

pytestmark = pytest.mark.offline_model

FINANCE = [
    {"module_name": "finance", "class_name": "Finance", "function_name": name, "configuration": {"sender": "x"}}
    for name in ("get_stock_price", "send_email")
]
DENIED: list[tuple[str, str, str]] = [
    ("queued", "TransactWriteItems", "say %s"),
    ("in_progress", "Query", "say %s"),
    ("in_progress", "TransactWriteItems", "say %s"),
    ("requires_action", "UpdateItem", 'call ask {"a": "%s"}'),
    ("tool-finance", "GetItem", 'call get_stock_price {"symbol": "%s"}'),
    ("tool-laboratory", "GetItem", 'call take {"seconds": "%s"}'),
]

MODEL_FAILS = [400, 401, 500]


@pytest.fixture
def begun(stack: local.Local, driver: Driver) -> float:
    """Return when the test began; the scan knows all secrets by then."""
    remember(stack.settings["ASSISTANTS_API_KEY"])
    remember(driver.model_key())
    return time.time()


@pytest.fixture(scope="module", autouse=True)
def failing(stack: local.Local, driver: Driver, model_server: ModelServer) -> dict[int, tuple[float, str]]:
    """Begin runs that the model's server refuses, again and again where that may pass, while the tests go on.

    Return when each began and its execution, by the status of the refusal.
    """
    remember(stack.settings["ASSISTANTS_API_KEY"])
    remember(driver.model_key())
    made = {}
    for status in MODEL_FAILS:
        text = canary("question", called=True)
        error = {"error": {"message": f"{text} and {driver.model_key()}", "type": "error", "code": text}}
        model_server.when(text, itertools.repeat(Behaviour(status, body=error)))
        assistant = driver.assistant(instructions=canary("instructions"))
        made[status] = time.time(), driver.ask(assistant, text, expires_after=10)
    return made


def scan(driver: Driver, begun: float) -> None:
    """Nothing that was planted stands in what was logged since then."""
    assert found_in_log(driver.log_lines(begun)) == []


def test_what_was_said_stands_in_no_log_and_in_no_history(api: httpx2.Client, driver: Driver, begun: float) -> None:
    content = {"file": (f"{canary('filename')}.txt", canary("content").encode())}
    file = made(api.post("/files", data={"purpose": "assistants"}, files=content))
    schema = {"type": "object", "description": canary("schema"), "properties": {canary("property"): {}}}
    assistant = made(
        post(
            api,
            "/assistants",
            {
                "model": MODEL,
                **{name: canary(name) for name in ("name", "description", "instructions")},
                "metadata": {canary("key"): canary("value")},
                "tools": [function(schema, description=canary("tool"))],
                "functions": [{**FINANCE[0], "configuration": {"a": canary("configuration")}}, *FINANCE[1:]],
            },
            **{"Idempotency-Key": canary("idempotencykey")},
        )
    )
    user = canary("user")
    parts = [{"type": "text", "text": canary("earlier")}]
    attached = [{"file_id": file["id"], "tools": [{"type": "file_search"}]}]
    earlier = {"role": "user", "content": parts, "attachments": attached, "metadata": {canary("k"): canary("v")}}
    thread = made(post(api, "/threads", {"messages": [earlier], "metadata": {"user_id": user}}))
    assert made(api.get(f"/threads?user_id={user}"))["data"]
    arguments = json.dumps({canary("name", called=True): canary("argument", called=True)})
    lines = (f"call ask {arguments}", f"call get_stock_price {arguments}", f"say {canary('answer')}")
    made(post(api, f"/threads/{thread['id']}/messages", {"role": "user", "content": "\n".join(lines)}))
    request = {"assistant_id": assistant["id"], "additional_instructions": canary("more"), "metadata": {"a": user}}
    run = made(post(api, f"/threads/{thread['id']}/runs", request))
    path = f"/threads/{thread['id']}/runs/{run['id']}"
    waiting = until(api, path, "requires_action")
    record = driver.store.runs.get(thread["id"], run["id"])
    [call] = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": call["id"], "output": canary("output", called=True)}]
    made(post(api, f"{path}/submit_tool_outputs", {"tool_outputs": outputs}))
    until(api, path, "completed")
    driver.wait(driver.execution(record))
    assert found_in_history(json.dumps(driver.history(driver.execution(record)), default=str)) == []
    # The machine hands its task's token to the step, so that is where its history has it; a log does not.
    remember(str(record.task_token), called=True)
    scan(driver, begun)


def test_what_is_refused_stands_in_no_log(api: httpx2.Client, driver: Driver, begun: float) -> None:
    key = remember(canary("key"))
    refused(httpx2.get(f"{api.base_url}models", headers={"Authorization": f"Bearer {key}"}), status=401)
    said = f"{canary('text', called=True)} is what was said"
    wrong: list[Json] = [
        {"additional_messages": [{"role": said, "content": "user"}]},
        {"additional_messages": [{"role": "user", "content": f"{said}\0"}]},
        {"additional_messages": [{"role": "user", "content": [{"type": said}]}]},
        {"additional_messages": [{"role": "user", "content": said + "x" * 256_000}]},
        {"additional_messages": said},
        {"metadata": {"key": said * 20}},
        {"thread_id": said},
        {"assistant_id": said},
        {"tool_choice": said},
        {"idempotency_key": said * 20},
    ]
    for request in wrong:
        described = driver.wait(driver.start({"assistant_id": driver.assistant(), **request}))
        assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
        assert not found_in_log(described["cause"])
        post(api, "/threads/runs", {"assistant_id": driver.assistant(), **request})
    scan(driver, begun)


@pytest.mark.parametrize(("name", "operation", "text"), DENIED)
def test_a_function_that_dies_says_where_and_not_of_what(
    driver: Driver, aws_proxy: AwsProxy, begun: float, name: str, operation: str, text: str
) -> None:
    assistant = driver.assistant(instructions=canary("instructions"), functions=[*FINANCE, *LABORATORY], tools=[ASK])
    thread = driver.run(driver.ask(assistant, f"say {canary('earlier', called=True)}"))["thread_id"]
    with aws_proxy.fault(FORBIDDEN, operation, function=name, about=thread):
        execution = driver.ask(assistant, text % canary("argument", called=True), thread_id=thread)
        driver.wait(execution)
    assert "AccessDenied" in driver.log_lines(begun)
    assert found_in_history(json.dumps(driver.history(execution), default=str)) == []
    scan(driver, begun)


def test_a_request_that_fails_says_where_and_not_of_what(
    api: httpx2.Client, driver: Driver, aws_proxy: AwsProxy, begun: float
) -> None:
    thread = made(post(api, "/threads", {}))["id"]
    message = {"role": "user", "content": canary("text"), "metadata": {"user_id": canary("user")}}
    with aws_proxy.fault(FORBIDDEN, "TransactWriteItems", function="api", about=thread):
        answer = post(api, f"/threads/{thread}/messages", message)
    assert answer.status_code == 500 and not found_in_log(answer.text)
    assert answer.headers["x-request-id"] in driver.log_lines(begun)
    scan(driver, begun)


@pytest.mark.parametrize("status", MODEL_FAILS)
def test_what_the_model_s_server_says_is_shown_and_not_logged(
    driver: Driver, failing: dict[int, tuple[float, str]], status: int
) -> None:
    begun, execution = failing[status]
    described = driver.wait(execution)
    assert described["status"] == "FAILED"
    assert found_in_history(json.dumps(driver.history(execution), default=str)) == []
    scan(driver, begun)
