"""`client.audio` of the oldest and the newest `openai` package, in every format, with the local engines."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local import audio_formats, recogniser
from local.paths import SCRIPTS
from tests.support.releases import CLIENTS, packages, program
from tests.support.speech_server import SpeechServer
from tests.support.voice import engines

pytestmark = pytest.mark.offline_model

QUESTION = "Who is our best seller by the worth of the orders?"
"""A sentence of a sample, which the local recogniser knows."""

TEXT = f"{QUESTION} What is our most sold product, by quantity?"
"""Two sentences: they are spoken apart, and are one sound."""


@pytest.fixture(scope="module")
def aloud(speech_server: SpeechServer) -> Iterator[str]:
    with engines(speech_server) as url:
        yield url


@pytest.fixture
def question(aloud: str, tmp_path: Path) -> Path:
    """The question as a WAV file."""
    body = {"model": "any", "voice": "alloy", "input": QUESTION, "response_format": "wav"}
    file = tmp_path / "question.wav"
    file.write_bytes(httpx2.post(f"{aloud}/audio/speech", json=body, timeout=60).content)
    return file


@pytest.mark.parametrize("release", ["newest", "openai_1_21"])
def test_python_s_audio_in_every_format(base_url: str, api_key: str, question: Path, release: str) -> None:
    variables = {} if release == "newest" else {"PYTHONPATH": str(packages(release))}
    run = program(base_url, api_key)
    printed = run(SCRIPTS / "python", "-W", "ignore", CLIENTS / "audio.py", question, TEXT, **variables)
    answers = [json.loads(line) for line in printed.splitlines()]
    written = {each["written"]: each["answer"] for each in answers if "written" in each}
    assert written["json"]["text"] == QUESTION
    assert written["text"] == f"{QUESTION}\n"
    verbose: Any = written["verbose_json"]
    assert (verbose["text"], verbose["language"]) == (QUESTION, "english") and float(verbose["duration"]) > 1
    assert written["srt"].startswith("1\n00:00:00,000 --> ") and QUESTION in written["srt"]
    assert written["vtt"].startswith("WEBVTT\n") and QUESTION in written["vtt"]
    spoken = [(each["spoken"], base64.b64decode(each["answer"])) for each in answers if "spoken" in each]
    assert len(spoken) == 13  # each format twice, and once more by the client for waiting code
    for kind, sound in spoken:
        assert heard(kind, sound) == TEXT, kind


@cache  # The clients get the same bytes in each of their ways to ask.
def heard(kind: str, sound: bytes) -> str:
    if kind == "pcm":
        sound = audio_formats.write(sound, audio_formats.SPOKEN_RATE, "wav")
    return recogniser.hear(audio_formats.read(sound), [QUESTION, TEXT.removeprefix(QUESTION).strip()]).text
