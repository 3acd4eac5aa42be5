"""Speech that goes out, and what is promised of all speech."""

import io
import json
import time
import uuid
import wave
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from local import up as local
from tests.support.canaries import canary, found_in_history, found_in_log
from tests.support.clients import NewKey, StrictOpenAI
from tests.support.driver import Driver
from tests.support.projects import spare_project
from tests.support.speech_server import SpeechServer, said_in, sound
from tests.support.voice import (
    answered,
    assistant_of,
    made,
    messages_of,
    of_file,
    refused,
    run_of,
    spoken,
    text_of,
    thread_of,
    upload,
    words,
)

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_a_message_is_spoken_once(http: httpx2.Client, speech_server: SpeechServer) -> None:
    said = words()
    thread, message = answered(http, said)
    url = f"threads/{thread}/messages/{message['id']}/speech"
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: http.get(url, params={"format": "wav"}), range(3)))
    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert {answer.headers["content-type"] for answer in answers} == {"audio/wav"}
    assert {said_in(answer.content) for answer in answers} == {said.removeprefix("say ")}
    assert len(speech_server.of(text_of(message), "speech")) == 1
    usage = made(http.get("usage", params={"thread_id": thread}))["total"]
    assert usage["speech_characters"] == len(text_of(message))
    other = http.get(url, params={"format": "mp3"})
    assert other.headers["content-type"] == "audio/mpeg"
    assert len(speech_server.of(text_of(message), "speech")) == 2


def test_the_assistant_s_voice_speaks_and_a_request_s_goes_first(
    http: httpx2.Client, speech_server: SpeechServer
) -> None:
    voice = {"name": "nova", "language": "en", "instructions": "Whisper."}
    thread, message = answered(http, words(), voice=voice)
    url = f"threads/{thread}/messages/{message['id']}/speech"
    assert http.get(url).status_code == 200
    assert http.get(url, params={"voice": "echo"}).status_code == 200
    asked = [heard.fields for heard in speech_server.of(text_of(message), "speech")]
    assert [(fields["voice"], fields.get("instructions")) for fields in asked] == [
        ("nova", "Whisper."),
        ("echo", "Whisper."),
    ]


def test_a_long_message_is_spoken_in_parts_that_are_one_sound(http: httpx2.Client, speech_server: SpeechServer) -> None:
    mark = uuid.uuid4().hex
    text = f"The sentence {mark} has some length. " * 180
    thread = thread_of(http)
    message = made(http.post(f"threads/{thread}/messages", json={"role": "assistant", "content": text}))
    url = f"threads/{thread}/messages/{message['id']}/speech"
    answers = [http.get(url, params={"format": "wav"}) for _ in range(2)]
    parts = speech_server.of(mark, "speech")
    assert len(parts) > 1
    assert all(len(each.text) <= 4_096 for each in parts)
    for answer in answers:
        assert said_in(answer.content).split() == text.split()
    # While it was made, nobody knew how long it would be.
    with wave.open(io.BytesIO(answers[1].content)) as whole:
        assert whole.getnframes() * 2 + 44 == len(answers[1].content)


@pytest.mark.parametrize(("kind", "asks", "speaks"), [
    ("chat", "spoken", False),
    ("agent", "spoken", False),
    ("voice", "text", True),
    ("voice", "spoken", True),
    ("hybrid", "text", False),
    ("hybrid", "spoken", True),
])  # fmt: skip
def test_assistants_speak_by_their_type(http: httpx2.Client, kind: str, asks: str, speaks: bool) -> None:
    said = words()
    message = spoken(sound(said)) if asks == "spoken" else {"role": "user", "content": said}
    thread = made(http.post("threads", json={"messages": [spoken(sound("Before")), message]}))["id"]
    run_of(http, thread, assistant_of(http, assistant_type=kind))
    answer = messages_of(http, thread)[-1]
    if not speaks:
        assert "audio" not in answer
        return
    url = answer["audio"]["speech_url"]
    assert url == f"/threads/{thread}/messages/{answer['id']}/speech"
    assert said_in(http.get(url.lstrip("/"), params={"format": "wav"}).content) == said.removeprefix("say ")


def test_a_spoken_question_gets_a_spoken_answer_in_a_stream(http: httpx2.Client) -> None:
    """One request makes the thread and streams the run; its last message says where it can be heard."""
    said = words()
    body = {
        "assistant_id": assistant_of(http, assistant_type="voice"),
        "thread": {"messages": [spoken(sound(said))]},
        "stream": True,
    }
    with http.stream("POST", "threads/runs", json=body) as answer:
        lines = list(answer.iter_lines())
    event = lines.index("event: thread.message.completed")
    message = json.loads(lines[event + 1].removeprefix("data: "))
    heard = http.get(message["audio"]["speech_url"].lstrip("/"), params={"format": "wav"})
    assert said_in(heard.content) == said.removeprefix("say ")


def test_speech_and_sound_go_with_their_thread(http: httpx2.Client, driver: Driver) -> None:
    said = words()
    thread = made(http.post("threads", json={"messages": [spoken(sound(said))]}))["id"]
    run_of(http, thread, assistant_of(http, assistant_type="voice"))
    question, answer = messages_of(http, thread)
    made(http.post(f"threads/{thread}/messages", json=spoken(sound(words()))))
    assert http.get(answer["audio"]["speech_url"].lstrip("/")).status_code == 200
    file_id = question["audio"]["file_id"]
    bucket = driver.outputs["Bucket"]

    def objects() -> list[str]:
        listed = driver.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Key"] for page in listed for item in page.get("Contents", []) if _is_of(item["Key"])]

    def _is_of(key: str) -> bool:
        return thread in key or file_id in key

    assert any(key.startswith(f"speech/{thread}/") for key in objects())
    made(http.delete(f"threads/{thread}"))
    driver.invoke("sweeper", {})
    assert objects() == []
    assert http.get(f"files/{file_id}").status_code == 404
    assert driver.store.sounds.transcript(file_id) is None


def test_a_deleted_message_takes_its_sound_along(http: httpx2.Client, driver: Driver) -> None:
    thread = made(http.post("threads", json={"messages": [spoken(sound(words()))]}))["id"]
    [message] = messages_of(http, thread)
    url = f"threads/{thread}/messages/{message['id']}"
    assert http.get(f"{url}/speech").status_code == 200
    made(http.delete(url))
    assert http.get(f"files/{message['audio']['file_id']}").status_code == 404
    assert http.get(f"{url}/speech").status_code == 404
    assert driver.store.blobs.folders(f"speech/{thread}/") == []


def test_usage_and_budgets_count_speech(http: httpx2.Client, driver: Driver) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    before = driver.store.usage.of_project(today, today)
    made(http.post(f"threads/{thread_of(http)}/messages", json=spoken(sound(words(), seconds=2.5))))
    after = driver.store.usage.of_project(today, today)
    heard = after[-1].speech.audio_seconds - (before[-1].speech.audio_seconds if before else 0)
    assert heard >= 3


def test_nothing_spoken_is_in_a_log_or_an_execution(http: httpx2.Client, driver: Driver, client: StrictOpenAI) -> None:
    began = time.time()
    asked, answered_with = canary("asked"), canary("answered")
    file_id = upload(client, sound(f"say {answered_with} {asked}"))
    thread = made(http.post("threads", json={"messages": [spoken(sound(asked)), of_file(file_id)]}))["id"]
    run = run_of(http, thread, assistant_of(http, assistant_type="voice"))
    answer = messages_of(http, thread)[-1]
    assert answered_with in text_of(answer)
    assert http.get(answer["audio"]["speech_url"].lstrip("/")).status_code == 200
    client.audio.transcriptions.create(model="m", file=("a.wav", sound(asked)))
    client.audio.speech.create(model="m", voice="alloy", input=answered_with)
    http.post("audio/transcriptions", files={"file": (asked, sound(asked)[:60])})
    record = driver.store.runs.get(ThreadId(thread), run["id"])
    history = json.dumps(driver.history(driver.execution(record)), default=str)
    assert found_in_history(history) == []
    assert found_in_log(driver.log_lines(began)) == []


def test_sounds_belong_to_their_project(stack: local.Local, http: httpx2.Client) -> None:
    said = words()
    thread, message = answered(http, said)
    of_a_file: Json = {"data": {"purpose": "user_data"}, "files": {"file": ("a.wav", sound("Mine"))}}
    with (
        spare_project(stack) as (_, key),
        httpx2.Client(base_url=http.base_url, auth=NewKey(key), timeout=60) as theirs,
    ):
        assert theirs.get(f"threads/{thread}/messages/{message['id']}/speech").status_code == 404
        file_id = made(theirs.post("files", **of_a_file))["id"]
    answer = http.post(f"threads/{thread}/messages", json=of_file(file_id))
    refused(answer, 400, "invalid_value", "content[0].input_audio.file_id")
