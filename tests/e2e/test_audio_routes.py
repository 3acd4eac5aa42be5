"""OpenAI's routes of audio, by the `openai` package and without it."""

import base64
import json
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from local.speech import TRANSCRIPTION_MODEL
from tests.support.clients import StrictOpenAI
from tests.support.driver import Driver
from tests.support.speech_server import SpeechServer, said_in, sound
from tests.support.voice import (
    refused,
    words,
)

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_the_package_transcribes(client: StrictOpenAI) -> None:
    said = words()
    data = sound(said)
    plain = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", data))
    assert (plain.text, plain.usage.to_dict() if plain.usage else {}) == (said, {"type": "duration", "seconds": 1})
    text: Any = client.audio.transcriptions.create(model="any", file=("a.bin", data), response_format="text")
    assert text.strip() == said
    verbose = client.audio.transcriptions.create(
        model="any", file=("a.wav", data), response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert (verbose.text, verbose.duration, verbose.language) == (said, 1.0, "english")
    assert verbose.segments
    assert verbose.segments[0].text == said
    for kind in ("srt", "vtt"):
        shown: Any = client.audio.transcriptions.create(model="any", file=("a.wav", data), response_format=kind)
        assert said in shown
    events = list(client.audio.transcriptions.create(model="any", file=("a.wav", data), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]


def test_hints_reach_the_provider(client: StrictOpenAI, speech_server: SpeechServer) -> None:
    said = words()
    client.audio.transcriptions.create(
        model="any",
        file=("a.wav", sound(said)),
        language="de",
        prompt="Names: Ada.",
        temperature=0.2,
        keywords=["Ada", "Grace"],
    )
    [heard] = speech_server.of(said)
    assert {name: heard.fields[name] for name in ("language", "prompt", "temperature", "model")} == {
        "language": "de",
        "prompt": "Names: Ada.",
        "temperature": "0.2",
        "model": TRANSCRIPTION_MODEL,
    }


def test_the_package_speaks(client: StrictOpenAI, driver: Driver, speech_server: SpeechServer) -> None:
    said = words()
    answer = client.audio.speech.create(
        model="tts-1", voice="alloy", input=said, response_format="wav", speed=1.5, instructions="Softly."
    )
    assert said_in(answer.read()) == said
    assert answer.response.headers["content-type"] == "audio/wav"
    [heard] = speech_server.of(said, "speech")
    assert (heard.fields["speed"], heard.fields["instructions"], heard.fields["voice"]) == (1.5, "Softly.", "alloy")
    assert driver.store.blobs.folders("speech/requests/") == []


def test_speech_is_streamed_as_events_where_that_is_asked_for(http: httpx2.Client) -> None:
    said = words()
    answer = http.post(
        "audio/speech",
        json={"model": "m", "voice": "alloy", "input": said, "response_format": "wav", "stream_format": "sse"},
    )
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data:")]
    assert events[-1] == {"type": "speech.audio.done"}
    assert said_in(b"".join(base64.b64decode(event["audio"]) for event in events[:-1])) == said


@pytest.mark.parametrize(
    ("fields", "file", "code", "param"),
    [
        ({}, b"no sound", "unsupported_format", "file"),
        ({}, sound(""), "audio_silent", "file"),
        ({"response_format": "xml"}, sound("x"), "invalid_value", "response_format"),
        ({"language": "not a language"}, sound("x"), "invalid_value", "language"),
        ({"temperature": "hot"}, sound("x"), "invalid_value", "temperature"),
        ({"unknown": "1"}, sound("x"), "unknown_parameter", "unknown"),
    ],
)
def test_a_wrong_transcription_is_a_400_that_names_it(
    http: httpx2.Client, fields: Json, file: bytes, code: str, param: str
) -> None:
    refused(http.post("audio/transcriptions", data=fields, files={"file": ("a.wav", file)}), 400, code, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 4_097}, "input"),
        ({"input": "Hi", "response_format": "midi"}, "response_format"),
        ({"input": "Hi", "speed": 9}, "speed"),
        ({"input": "Hi", "voice": 3}, "voice"),
        ({}, "input"),
    ],
)
def test_wrong_speech_is_a_400_that_names_it(http: httpx2.Client, body: Json, param: str) -> None:
    answer = http.post("audio/speech", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
