"""Speech is counted, priced, and held against the budgets of its project."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from assistant_engine.domain import speech_models
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from local import up as local
from tests.support.clients import NewKey
from tests.support.driver import Driver
from tests.support.projects import spare_project
from tests.support.speech_server import SpeechServer, sound
from tests.support.voice import assistant_of, made, of_file, refused, run_of, spoken, thread_of, words

pytestmark = pytest.mark.offline_model

CENT = 10_000_000
"""Billionths of a dollar."""


@pytest.fixture
def project(stack: local.Local, driver: Driver, base_url: str) -> Iterator[tuple[Store, httpx2.Client]]:
    """A project of the test's own: its store, and a client with its key."""
    with (
        spare_project(stack) as (name, key),
        httpx2.Client(base_url=base_url, auth=NewKey(key), timeout=120) as http,
    ):
        yield driver.store.of(name), http


def speak(http: httpx2.Client, text: str) -> httpx2.Response:
    return http.post("audio/speech", json={"model": "m", "voice": "alloy", "input": text})


def transcribe(http: httpx2.Client, data: bytes) -> httpx2.Response:
    return http.post("audio/transcriptions", files={"file": ("a.wav", data)})


def usage(http: httpx2.Client) -> Json:
    return dict(made(http.get("usage"))["total"])


def test_each_second_and_each_character_counts_once(project: Any) -> None:
    _, http = project
    said = words()
    made(transcribe(http, sound(said, seconds=2.5)))
    assert usage(http)["audio_seconds"] == 3
    assert speak(http, "Ten signs.").status_code == 200
    assert usage(http)["speech_characters"] == 10
    thread = thread_of(http)
    made(http.post(f"threads/{thread}/messages", json=spoken(sound(said, seconds=4))))
    assert usage(http)["audio_seconds"] == 7
    answer = made(
        http.post(f"threads/{thread}/messages", json={"role": "assistant", "content": "Twenty signs, spoken"})
    )
    for _ in range(2):
        assert http.get(f"threads/{thread}/messages/{answer['id']}/speech").status_code == 200
    assert usage(http)["speech_characters"] == 30
    of_thread = made(http.get("usage", params={"thread_id": thread}))["total"]
    assert (of_thread["audio_seconds"], of_thread["speech_characters"]) == (4, 20)


def used(store: Store, thread_id: str) -> None:
    """Count what two cents buy of OpenAI's models, as the functions do: 100 s of sound, and 667 characters."""
    for priced in (speech_models.heard("whisper-1", 100), speech_models.spoken("tts-1", 667)):
        store.sounds.count(store.usage.count_speech(priced, "msg_1", now_ms()))


def set_budget(store: Store, cost: int) -> None:
    """Set the project's budget, and wait until it is read: one that was set in the last second may be missing."""
    budget = Budget(None, None, cost)
    store.usage.set_budget(budget)
    deadline = time.monotonic() + 10
    while list(store.usage.budgets()) != [budget]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_project_whose_budget_is_used_up_neither_hears_nor_speaks(project: Any, speech_server: SpeechServer) -> None:
    store, http = project
    said = words()
    thread = thread_of(http)
    message = made(http.post(f"threads/{thread}/messages", json={"role": "assistant", "content": f"Not {said}"}))
    kept = made(http.post(f"threads/{thread}/messages", json={"role": "assistant", "content": "Heard before."}))
    assert http.get(f"threads/{thread}/messages/{kept['id']}/speech").status_code == 200
    data = {"purpose": "user_data"}
    file_id = made(http.post("files", data=data, files={"file": ("a.wav", sound(said))}))["id"]
    assistant = assistant_of(http)
    used(store, thread)
    assert usage(http)["cost"] == pytest.approx(0.020005)
    set_budget(store, 2 * CENT)
    for answer in (
        transcribe(http, sound(said)),
        speak(http, said),
        http.get(f"threads/{thread}/messages/{message['id']}/speech"),
        http.post(f"threads/{thread}/messages", json=spoken(sound(said))),
        http.post("threads", json={"messages": [spoken(sound(said))]}),
        http.post(
            f"threads/{thread}/runs", json={"assistant_id": assistant, "additional_messages": [of_file(file_id)]}
        ),
    ):
        refused(answer, 429, "insufficient_quota", None)
    assert speech_server.of(said) == []
    # What was paid for is heard, and a text is taken.
    assert http.get(f"threads/{thread}/messages/{kept['id']}/speech").status_code == 200
    made(http.post(f"threads/{thread}/messages", json={"role": "user", "content": "A text."}))
    set_budget(store, 100 * CENT)
    assert made(transcribe(http, sound(said)))["text"] == said
    assert speak(http, said).status_code == 200
    assert run_of(http, thread, assistant)["status"] == "completed"
