"""Addresses that a caller has us fetch: none leads inside, whoever names it and however it is spelled."""

import json
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.runtime.clock import now_ms
from tests.support.driver import Driver
from tests.support.listener import Listener

INSIDE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "169.254.169.254",
    "2852039166",
    "[fd00:ec2::254]",
    "[64:ff9b::a9fe:a9fe]",
    "10.0.0.1",
    "192.168.0.1",
    "100.64.0.1",
]
NAMES = ["localhost", "LOCALHOST.", "nobody.invalid"]
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def showing(url: str) -> Json:
    return {
        "role": "user",
        "content": [{"type": "text", "text": "say Seen."}, {"type": "image_url", "image_url": {"url": url}}],
    }


def run_that_shows(driver: Driver, url: str) -> Any:
    """The run of a thread that holds such a message, however it came there."""
    request = {"assistant_id": driver.assistant(), "additional_messages": [{"role": "user", "content": "say Made."}]}
    first = driver.run(driver.start(request))
    message = new_message(showing(url), seconds_of(now_ms()))
    driver.store.messages.add(driver.store.threads.get(first["thread_id"]), message, now_ms())
    execution = driver.start({"assistant_id": request["assistant_id"], "thread_id": first["thread_id"]})
    described = driver.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "invalid_prompt")
    ids = json.loads(described["cause"])
    assert driver.store.threads.get(ids["thread_id"]).active_run is None
    return driver.store.runs.get(ids["thread_id"], ids["run_id"])


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused_when_it_is_said(api: httpx2.Client, listener: Listener, host: str) -> None:
    thread = api.post("/threads", json={}).json()["id"]
    for url in (f"http://{host}/a.png", f"https://{host}/", f"http://{host}:{listener.port}/", f"http://u:p@{host}/"):
        answer = api.post(f"/threads/{thread}/messages", json=showing(url))
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["param"] == "content[1].image_url.url"
    assert api.get(f"/threads/{thread}/messages").json()["data"] == []


def test_a_run_request_with_an_address_inside_writes_nothing(driver: Driver, listener: Listener) -> None:
    for url in ("http://169.254.169.254/latest/meta-data/", f"http://127.0.0.1:{listener.port}/"):
        execution = driver.start({"assistant_id": driver.assistant(), "additional_messages": [showing(url)]})
        described = driver.wait(execution)
        assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
        assert "additional_messages[0].content[1].image_url.url" in described["cause"]
        assert "in_progress" not in driver.states(execution)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_inside_or_nowhere_fails_the_run_in_the_same_words(driver: Driver, name: str) -> None:
    run = run_that_shows(driver, f"http://{name}/secret.png?token=secret")
    host = name.lower().removesuffix(".")
    assert run.last_error == {
        "code": "invalid_prompt",
        "message": f"Can't fetch the URL at '{host}': its host has no public address.",
    }
    assert run.usage.api()["total_tokens"] == 0, "the model was called"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
def test_an_address_that_is_stored_already_is_checked_again(driver: Driver, listener: Listener, host: str) -> None:
    """The rule of today may be stricter than the one that a message was written under."""
    run = run_that_shows(driver, f"http://{host}:{listener.port}/a.png")
    assert run.last_error["code"] == "invalid_prompt"
    assert str(listener.port) not in run.last_error["message"]


@pytest.mark.offline_model
def test_an_image_that_is_all_in_its_url_needs_no_fetching(driver: Driver) -> None:
    request = {"assistant_id": driver.assistant(), "additional_messages": [showing(GIF)]}
    assert driver.run(driver.start(request))["messages"][0]["text"] == "Seen."
