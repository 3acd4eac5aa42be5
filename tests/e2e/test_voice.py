"""Speech that comes in, with a speech server that a test can make fail."""

import base64
import io
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from local import up as local
from local.speech import TRANSCRIPTION_MODEL
from tests.support.background import in_background
from tests.support.clients import NewKey, StrictOpenAI
from tests.support.driver import Driver
from tests.support.projects import spare_project
from tests.support.speech_server import Behaviour, SpeechServer, said_in, sound
from tests.support.voice import (
    assistant_of,
    made,
    messages_of,
    of_file,
    part,
    refused,
    run_of,
    spoken,
    text_of,
    thread_of,
    upload,
    words,
)

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@dataclass(frozen=True)
class Late:
    """A request that hears for longer than it may.

    Attributes:
        http: a client of a project where nothing else is done.
        send: sends the request, again and again the same one.
        first: the answer to the first time.
    """

    said: str
    thread: str
    http: httpx2.Client
    send: Callable[[], httpx2.Response]
    first: Future[httpx2.Response]


@pytest.fixture(scope="module", autouse=True)
def late(stack: local.Local, base_url: str, speech_server: SpeechServer) -> Iterator[Late]:
    """Begin a request that takes as long as one may: the tests before the one that asks for it go on meanwhile."""
    said = words()
    speech_server.behave(said, [Behaviour(delay=22)])
    with (
        spare_project(stack) as (_, key),
        httpx2.Client(base_url=base_url, auth=NewKey(key), timeout=120) as http,
        ThreadPoolExecutor(1) as pool,
    ):
        thread = thread_of(http)
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        send = partial(http.post, f"threads/{thread}/messages", json=spoken(sound(said)), headers=headers)
        yield Late(said, thread, http, send, pool.submit(send))


def dies_while_it_listens(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> None:
    """A step that died while it listened is done again."""
    said = words()
    file_id = upload(client, sound(said))
    now = int(time.time())
    assert driver.store.sounds.claim_transcript(file_id, now, now + 3)  # type: ignore[arg-type]
    run = driver.begin("Listen.", additional_messages=[of_file(file_id)])
    driver.ended(run, "completed")
    assert len(speech_server.of(said)) == 1


def is_cancelled_while_it_listens(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> None:
    """A run that is cancelled while it listens stops."""
    said = words()
    speech_server.behave(said, [Behaviour(delay=25)])
    run = driver.begin("Listen.", additional_messages=[of_file(upload(client, sound(said)))])
    deadline = time.monotonic() + 60
    while not speech_server.of(said):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    began = time.monotonic()
    driver.cancel(run)
    driver.ended(run, "cancelled", seconds=60)
    assert time.monotonic() - began < 20


def expires_while_it_listens(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> None:
    """A run expires while it listens."""
    said = words()
    speech_server.behave(said, [Behaviour(delay=40)])
    run = driver.begin("Listen.", additional_messages=[of_file(upload(client, sound(said)))], expires_after=8)
    driver.ended(run, "expired", seconds=60)


def asks_a_busy_provider_again(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> None:
    """A busy provider is asked again."""
    said = words()
    speech_server.behave(said, [Behaviour(status=500)] * 4)  # The package asks three times by itself.
    run = driver.begin("Listen.", additional_messages=[of_file(upload(client, sound(said)))])
    driver.ended(run, "completed")


@pytest.fixture(scope="module", autouse=True)
def meanwhile(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> Iterator[dict[str, Future[None]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    cases = (dies_while_it_listens, is_cancelled_while_it_listens, expires_while_it_listens, asks_a_busy_provider_again)
    with in_background(*cases, given=(driver, client, speech_server)) as futures:
        yield futures


def test_sound_in_a_message_becomes_its_text_and_an_attachment(
    client: StrictOpenAI, http: httpx2.Client, speech_server: SpeechServer
) -> None:
    said = words()
    thread = thread_of(http)
    message = made(http.post(f"threads/{thread}/messages", json=spoken(sound(said))))
    [content] = message["content"]
    assert content == {"type": "text", "text": {"value": said, "annotations": []}}
    [attachment] = message["attachments"]
    assert attachment["tools"] == []
    audio = message["audio"]
    assert audio == {"file_id": attachment["file_id"], "seconds": 1.0, "transcribed_by": TRANSCRIPTION_MODEL}
    assert said_in(client.files.content(audio["file_id"]).read()) == said
    assert made(http.get(f"threads/{thread}/messages/{message['id']}")) == message
    assert len(speech_server.of(said)) == 1


def test_a_client_of_text_sees_an_ordinary_thread(client: StrictOpenAI) -> None:
    """The package sends a part that its types don't know, and gets back what they do."""
    said = words()
    message: Any = {"role": "user", "content": [{"type": "text", "text": "Listen:"}, part(sound(said))]}
    thread = client.beta.threads.create(messages=[message])
    [shown] = client.beta.threads.messages.list(thread.id).data
    texts = [content.text.value for content in shown.content if content.type == "text"]
    assert texts == ["Listen:", said]


def test_a_format_that_is_no_such_thing_changes_nothing(http: httpx2.Client) -> None:
    said = words()
    message = {"role": "user", "content": [part(sound(said), format="mp3")]}
    assert text_of(made(http.post(f"threads/{thread_of(http)}/messages", json=message))) == said


def test_long_sound_is_heard_within_the_run(http: httpx2.Client, speech_server: SpeechServer) -> None:
    said = words("at", "length")
    thread = thread_of(http)
    waiting = made(http.post(f"threads/{thread}/messages", json=spoken(sound(said, seconds=61))))
    assert (text_of(waiting), waiting["audio"]["seconds"], waiting["audio"]["transcribed_by"]) == ("", None, None)
    assert speech_server.of(said) == []
    run = run_of(http, thread, assistant_of(http))
    assert run["status"] == "completed", run["last_error"]
    question, answer = messages_of(http, thread)
    assert (text_of(question), question["audio"]["seconds"]) == (said, 61.0)
    assert text_of(answer) == said.removeprefix("say ")
    assert len(speech_server.of(said)) == 1


def test_a_file_is_heard_within_the_run_and_once(
    client: StrictOpenAI, http: httpx2.Client, speech_server: SpeechServer
) -> None:
    said = words()
    file_id = upload(client, sound(said))
    thread = made(http.post("threads", json={"messages": [of_file(file_id), of_file(file_id)]}))["id"]
    assert run_of(http, thread, assistant_of(http))["status"] == "completed"
    assert [text_of(message) for message in messages_of(http, thread)[:2]] == [said, said]
    assert len(speech_server.of(said)) == 1


def test_a_run_request_of_another_service_takes_files_alone(driver: Driver, client: StrictOpenAI) -> None:
    said = words()
    assistant = driver.assistant()
    request = {"assistant_id": assistant, "additional_messages": [of_file(upload(client, sound(said)))]}
    answered = driver.run(driver.start(request))
    assert answered["messages"][0]["text"] == said.removeprefix("say ")
    inline = {**request, "additional_messages": [spoken(sound(said))]}
    assert driver.wait(driver.start(inline))["error"] == "invalid_request_error"


def test_a_run_delivered_twice_hears_once(driver: Driver, client: StrictOpenAI, speech_server: SpeechServer) -> None:
    said = words()
    go_on = Event()
    speech_server.behave(said, [Behaviour(until=go_on)])
    file_id = upload(client, sound(said))
    run = driver.created("Listen.", additional_messages=[of_file(file_id)])
    event = {"thread_id": run.thread_id, "run_id": run.id, "turn": 0, "execution": run.execution, "outputs": []}
    with ThreadPoolExecutor(2) as pool:
        deliveries = [pool.submit(driver.invoke, "in_progress", event) for _ in range(2)]
        wait(deliveries, 60, FIRST_COMPLETED)  # The one that finds the other one listening.
        go_on.set()
        results = [delivery.result() for delivery in deliveries]
    assert {result["status"] for result in results} <= {"in_progress", "backoff", "completed"}
    while driver.invoke("in_progress", event)["status"] in ("in_progress", "backoff"):
        time.sleep(0.1)
    driver.ended(run, "completed")
    assert len(speech_server.of(said, "transcriptions")) == 1
    [counted] = driver.store.usage.of_thread(run.thread_id, "2000-01-01", "2999-12-31")
    assert counted.speech.audio_seconds == 1


def test_a_step_that_died_while_it_listened_is_done_again(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["dies_while_it_listens"].result()


def test_a_run_that_is_cancelled_while_it_listens_stops(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["is_cancelled_while_it_listens"].result()


def test_a_run_expires_while_it_listens(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["expires_while_it_listens"].result()


def test_a_busy_provider_is_asked_again(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["asks_a_busy_provider_again"].result()


def test_a_provider_that_fails_ends_the_run_with_the_reason(
    driver: Driver, client: StrictOpenAI, speech_server: SpeechServer
) -> None:
    said = words()
    speech_server.behave(said, [Behaviour(status=400)])
    run = driver.begin("Listen.", additional_messages=[of_file(upload(client, sound(said)))])
    ended = driver.ended(run, "failed")
    assert ended.last_error
    assert ended.last_error["code"] == "invalid_prompt"
    assert "The speech server fails." in ended.last_error["message"]
    # The next run goes on without it.
    again = driver.wait(driver.ask(run.assistant_id, "say Next.", thread_id=run.thread_id))
    assert again["status"] == "SUCCEEDED"


def test_a_silent_file_ends_the_run_with_the_reason(driver: Driver, client: StrictOpenAI) -> None:
    run = driver.begin("Listen.", additional_messages=[of_file(upload(client, sound("")))])
    ended = driver.ended(run, "failed")
    assert ended.last_error
    assert (ended.last_error["code"], "no speech" in ended.last_error["message"]) == ("invalid_prompt", True)


@pytest.mark.parametrize(
    ("audio", "code", "param"),
    [
        ({"data": base64.b64encode(b"This is text, and no sound at all.").decode()}, "unsupported_format", "data"),
        ({"data": "not base64!"}, "invalid_base64", "data"),
        ({"data": ""}, "empty_string", "data"),
        ({}, "invalid_value", ""),
        ({"data": base64.b64encode(sound("")).decode()}, "audio_silent", "data"),
        ({"file_id": "file-000000000missing"}, "invalid_value", "file_id"),
    ],
    ids=["garbage", "no base64", "empty", "nothing", "silence", "no such file"],
)
def test_sound_that_is_none_is_a_400_that_names_it(http: httpx2.Client, audio: Json, code: str, param: str) -> None:
    thread = thread_of(http)
    answer = http.post(
        f"threads/{thread}/messages", json={"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]}
    )
    refused(answer, 400, code, ".".join(filter(None, ["content[0].input_audio", param])))
    assert messages_of(http, thread) == []


def test_a_file_that_is_no_sound_or_too_large_is_a_400(http: httpx2.Client, client: StrictOpenAI) -> None:
    thread = thread_of(http)
    text = client.files.create(file=("a.wav", b"a text called WAV"), purpose="user_data").id
    refused(
        http.post(f"threads/{thread}/messages", json=of_file(text)),
        400,
        "unsupported_format",
        "content[0].input_audio.file_id",
    )
    large = client.uploads.upload_file_chunked(
        file=sound("Large").ljust(26_500_000, b"\0"),
        filename="large.wav",
        bytes=26_500_000,
        mime_type="audio/wav",
        purpose="user_data",
        part_size=4_000_000,
    )
    assert large.file
    answer = http.post(f"threads/{thread}/messages", json=of_file(large.file.id))
    refused(answer, 400, "audio_too_large", "content[0].input_audio.file_id")


def test_a_body_of_26_mb_is_a_413(http: httpx2.Client) -> None:
    answer = http.post("audio/transcriptions", files={"file": ("a.wav", bytes(26_000_000))})
    assert answer.status_code == 413


def test_an_hour_is_heard_and_more_is_not(driver: Driver, client: StrictOpenAI) -> None:
    for seconds, status in ((3_590, "completed"), (3_700, "failed")):
        data = _slow(words(), seconds)
        run = driver.begin("Listen.", additional_messages=[of_file(upload(client, data))])
        ended = driver.ended(run, status)
        if status == "failed":
            assert ended.last_error
            assert "longer than 60 minutes" in ended.last_error["message"]


def test_a_request_that_hears_too_long_is_told_to_come_again_and_then_answered(
    late: Late, speech_server: SpeechServer
) -> None:
    answer = late.first.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "speech_timeout")
    assert int(answer.headers["retry-after"]) > 0
    assert made(late.http.get("files"))["data"] == []
    first, second = (made(late.send()) for _ in range(2))
    assert first["id"] == second["id"]
    assert len(messages_of(late.http, late.thread)) == 1
    assert len(speech_server.of(late.said)) == 2


def _slow(said: str, seconds: int) -> bytes:
    """Return a WAV file of so many seconds that is small: 500 samples a second of 8 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 1, 500, 0, "NONE", ""))
        written.writeframes((b"says:" + said.encode() + b"\0").ljust(seconds * 500, b"\0"))
    return file.getvalue()
