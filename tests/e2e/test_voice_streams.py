"""Speech leaves as its sentences are spoken: early, once, and whole, whoever stays to hear it."""

import io
import time
import uuid
import wave
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from tests.support.driver import Driver
from tests.support.speech_server import Behaviour, SpeechServer, said_in
from tests.support.voice import made, thread_of

pytestmark = pytest.mark.offline_model

COUNT = 4


@pytest.fixture
def sentences() -> list[str]:
    """Sentences of a test's own, each spoken alone: the second is too long to take in the third."""
    mark = uuid.uuid4().hex
    return [f"Sentence {number} of {mark}{' goes on' * 20 * number}." for number in range(COUNT)]


@pytest.fixture
def go_on(speech_server: SpeechServer, sentences: list[str]) -> Event:
    """Hold the speech of the last sentence until this event is set, which needs the first bytes of the answer."""
    awaited = Event()
    speech_server.behave(sentences[-1], [Behaviour(until=awaited)])
    return awaited


def message_of(http: httpx2.Client, sentences: list[str]) -> tuple[str, str]:
    """A message that says the sentences: its thread, and where it is heard."""
    thread = thread_of(http)
    body = {"role": "assistant", "content": " ".join(sentences)}
    message: Json = made(http.post(f"threads/{thread}/messages", json=body))
    return thread, f"threads/{thread}/messages/{message['id']}/speech?format=wav"


def asked_for(speech_server: SpeechServer, sentences: list[str]) -> list[int]:
    """How often each sentence was spoken."""
    return [len(speech_server.of(sentence, "speech")) for sentence in sentences]


def counted(driver: Driver, thread: Any) -> int:
    return sum(total.speech.speech_characters for total in driver.store.usage.of_thread(thread, "2000", "3000"))


@pytest.mark.parametrize("route", ["message", "text"])
def test_the_first_bytes_do_not_wait_for_the_last_sentence(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str], go_on: Event, route: str
) -> None:
    text = " ".join(sentences)
    if route == "message":
        _, url = message_of(http, sentences)
        opened = http.stream("GET", url)
    else:
        body = {"model": "m", "voice": "alloy", "input": text, "response_format": "wav"}
        opened = http.stream("POST", "audio/speech", json=body)
    with opened as answer:
        assert answer.status_code == 200
        chunks = answer.iter_bytes()
        first = next(chunks)
        assert said_in(first)
        go_on.set()
        sound = first + b"".join(chunks)
    assert said_in(sound) == text
    assert asked_for(speech_server, sentences) == [1] * COUNT
    assert driver.store.blobs.folders("speech/requests/") == []


def test_a_client_that_goes_away_loses_and_doubles_nothing(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str], go_on: Event
) -> None:
    thread, url = message_of(http, sentences)
    with http.stream("GET", url) as answer:
        assert next(answer.iter_bytes())
    with http.stream("GET", url) as answer:
        chunks = answer.iter_bytes()
        first = next(chunks)
        go_on.set()
        whole = first + b"".join(chunks)
    again = http.get(url).content
    assert said_in(whole) == said_in(again) == " ".join(sentences)
    assert asked_for(speech_server, sentences) == [1] * COUNT
    deadline = time.monotonic() + 60
    while not counted(driver, thread):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert counted(driver, thread) == len(" ".join(sentences))
    # Once it is whole, it is one object, and states how long it is.
    with wave.open(io.BytesIO(again)) as known:
        assert known.getnframes() * 2 + 44 == len(again)
    prefix = f"speech/{thread}/"
    listed = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix=prefix)
    assert listed["KeyCount"] == 1


def test_callers_at_once_hear_the_same_sound_and_it_is_made_once(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str], go_on: Event
) -> None:
    all_hear = Barrier(3, action=go_on.set)

    def hear(_: int) -> bytes:
        with http.stream("GET", url) as answer:
            chunks = answer.iter_bytes()
            first = next(chunks)
            all_hear.wait(60)
            return first + b"".join(chunks)

    thread, url = message_of(http, sentences)
    with ThreadPoolExecutor(3) as pool:
        heard = list(pool.map(hear, range(3)))
    assert {said_in(sound) for sound in heard} == {" ".join(sentences)}
    assert len({sound[44:] for sound in heard}) == 1
    assert asked_for(speech_server, sentences) == [1] * COUNT
    assert counted(driver, thread) == len(" ".join(sentences))


def test_speech_that_fails_half_way_is_cut_off_and_whole_the_next_time(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str]
) -> None:
    go_on = Event()
    speech_server.behave(sentences[-1], [Behaviour(status=400, until=go_on)])
    thread, url = message_of(http, sentences)
    with http.stream("GET", url) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks)
        go_on.set()
        with pytest.raises(httpx2.HTTPError):
            list(chunks)
    assert counted(driver, thread) == 0
    assert said_in(http.get(url).content) == " ".join(sentences)
    assert counted(driver, thread) == len(" ".join(sentences))


def test_a_message_that_is_deleted_while_it_is_spoken_leaves_no_sound(
    http: httpx2.Client, driver: Driver, sentences: list[str], go_on: Event
) -> None:
    thread, url = message_of(http, sentences)
    with http.stream("GET", url) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks)
        made(http.delete(url.partition("/speech")[0]))
        go_on.set()
        for _ in chunks:
            pass
    listed = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix=f"speech/{thread}/")
    assert listed["KeyCount"] == 0
    assert http.get(url).status_code == 404
