"""Speech leaves as its sentences are spoken: early, once, and whole, whoever stays to hear it."""

import io
import time
import uuid
import wave
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from tests.support.driver import Driver
from tests.support.speech_server import Behaviour, SpeechServer, said_in
from tests.support.voice import made, thread_of

pytestmark = pytest.mark.offline_model

COUNT = 4
DELAY = 6


@pytest.fixture
def sentences() -> list[str]:
    """Sentences of a test's own, each spoken alone: the second is too long to take in the third."""
    mark = uuid.uuid4().hex
    return [f"Sentence {number} of {mark}{' goes on' * 20 * number}." for number in range(COUNT)]


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
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str], route: str
) -> None:
    speech_server.behave(sentences[-1], [Behaviour(delay=DELAY)])
    text = " ".join(sentences)
    if route == "message":
        _, url = message_of(http, sentences)
        opened = http.stream("GET", url)
    else:
        body = {"model": "m", "voice": "alloy", "input": text, "response_format": "wav"}
        opened = http.stream("POST", "audio/speech", json=body)
    times = []
    sound = b""
    with opened as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_bytes():
            times.append(time.monotonic())
            sound += chunk
    assert said_in(sound) == text
    assert times[-1] - times[0] > DELAY / 2
    assert asked_for(speech_server, sentences) == [1] * COUNT
    assert driver.store.blobs.folders("speech/requests/") == []


def test_a_client_that_goes_away_loses_and_doubles_nothing(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str]
) -> None:
    speech_server.behave(sentences[-1], [Behaviour(delay=DELAY)])
    thread, url = message_of(http, sentences)
    with http.stream("GET", url) as answer:
        assert next(answer.iter_bytes())
    whole = http.get(url).content
    again = http.get(url).content
    assert said_in(whole) == said_in(again) == " ".join(sentences)
    assert asked_for(speech_server, sentences) == [1] * COUNT
    deadline = time.monotonic() + 60
    while not counted(driver, thread):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert counted(driver, thread) == len(" ".join(sentences))
    # Once it is whole, it is one object, and states how long it is.
    with wave.open(io.BytesIO(again)) as known:
        assert known.getnframes() * 2 + 44 == len(again)
    prefix = f"speech/{thread}/"
    listed = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix=prefix)
    assert listed["KeyCount"] == 1


def test_callers_at_once_hear_the_same_sound_and_it_is_made_once(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str]
) -> None:
    speech_server.behave(sentences[-1], [Behaviour(delay=DELAY / 2)])
    thread, url = message_of(http, sentences)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: http.get(url), range(3)))
    assert {said_in(answer.content) for answer in answers} == {" ".join(sentences)}
    assert len({answer.content[44:] for answer in answers}) == 1
    assert asked_for(speech_server, sentences) == [1] * COUNT
    assert counted(driver, thread) == len(" ".join(sentences))


def test_speech_that_fails_half_way_is_cut_off_and_whole_the_next_time(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str]
) -> None:
    speech_server.behave(sentences[-1], [Behaviour(status=400, delay=2)])
    thread, url = message_of(http, sentences)
    with pytest.raises(httpx2.HTTPError):
        http.get(url)
    assert counted(driver, thread) == 0
    assert said_in(http.get(url).content) == " ".join(sentences)
    assert counted(driver, thread) == len(" ".join(sentences))


def test_a_message_that_is_deleted_while_it_is_spoken_leaves_no_sound(
    http: httpx2.Client, driver: Driver, speech_server: SpeechServer, sentences: list[str]
) -> None:
    speech_server.behave(sentences[-1], [Behaviour(delay=DELAY)])
    thread, url = message_of(http, sentences)
    with http.stream("GET", url) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks)
        made(http.delete(url.partition("/speech")[0]))
        for _ in chunks:
            pass
    listed = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix=f"speech/{thread}/")
    assert listed["KeyCount"] == 0
    assert http.get(url).status_code == 404
