"""A spoken question becomes a spoken answer, with the engines of the local speech server."""

import base64
import re
from collections.abc import Iterator

import httpx2
import pytest

from assistant_engine.domain.audio_types import audio_type
from local import audio_formats, recogniser
from local import up as local
from local.speech_process import known_sentences
from tests.support.graphql import Door
from tests.support.sounds import FORMATS, encoded
from tests.support.speech_server import SpeechServer
from tests.support.voice import assistant_of, engines, made, messages_of, run_of, spoken, text_of

pytestmark = pytest.mark.offline_model

QUESTION = "What do I own?"
EQUATION = "Solve 7x - 12 = 3x + 20 for x."
"""Sentences of samples, which the local recogniser knows."""

SOLUTION = 8


@pytest.fixture(scope="module")
def aloud(speech_server: SpeechServer) -> Iterator[str]:
    """The address of the local speech server, which the stack uses meanwhile."""
    with engines(speech_server) as url:
        yield url


@pytest.fixture(scope="module")
def question(aloud: str) -> bytes:
    """The question as a WAV file."""
    return _said(aloud, QUESTION)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def test_a_spoken_question_becomes_a_spoken_answer(http: httpx2.Client, aloud: str) -> None:
    """Nothing but sound is sent, and the recogniser tells the right answer from the wrong ones."""
    thread = made(http.post("threads", json={"messages": [spoken(_said(aloud, EQUATION))]}))["id"]
    solver = assistant_of(http, assistant_type="voice", tools=[{"type": "code_interpreter"}])
    run = run_of(http, thread, solver)
    assert run["status"] == "completed", run["last_error"]
    asked, answer = messages_of(http, thread)
    assert text_of(asked) == EQUATION
    assert f"x = {SOLUTION}." in text_of(answer)
    sound = http.get(answer["audio"]["speech_url"].lstrip("/"), params={"format": "wav"})
    assert sound.headers["content-type"] == "audio/wav"
    said = " ".join(text_of(answer).split())
    # It tells the answer from the questions, and from wrong answers that sound as different as 7 and 8.
    wrong = [said.replace(f"x = {SOLUTION}.", f"x = {number}.") for number in (2, 4, 5, 7)]
    heard = recogniser.hear(audio_formats.read(sound.content), [*known_sentences(), *wrong, said])
    assert heard.text == said


def _said(aloud: str, text: str) -> bytes:
    """Return a text as a WAV file."""
    body = {"model": "any", "voice": "alloy", "input": text, "response_format": "wav"}
    return httpx2.post(f"{aloud}/audio/speech", json=body, timeout=60).content


def test_graphql_takes_sound_for_a_question_and_gives_sound_back(
    http: httpx2.Client, stack: local.Local, api_key: str, question: bytes
) -> None:
    door, assistant = Door(stack, api_key), assistant_of(http, assistant_type="voice")
    ask = """query askOpenAi($a: String!, $q: String!) {
      askOpenAi(assistantType: "voice", assistantId: $a, userQuery: $q, updatedBy: "ada") {
        assistantId threadId currentRunId userQuery
      }
    }"""
    last = """query getLastMessage($a: String, $t: String!) {
      lastMessage(assistantId: $a, threadId: $t, role: "assistant") {message}
      thread(threadId: $t) {isVoice}
      text: lastMessage(threadId: $t, role: "assistant") {message}
    }"""
    sent = base64.b64encode(question).decode()
    asked = door.data(ask, a=assistant, q=sent)["askOpenAi"]
    assert asked["userQuery"] == sent
    assert door.ended(asked)["status"] == "completed"
    heard = door.data(last, a=assistant, t=asked["threadId"])
    assert heard["thread"]["isVoice"] and audio_type(base64.b64decode(heard["lastMessage"]["message"])) == "mp3"
    assert words(heard["text"]["message"])
    for word in ("help", "test", "what"):  # They are base64, too.
        asked = door.data(ask, a=assistant, q=word)["askOpenAi"]
        door.ended(asked)
        assert text_of(messages_of(http, asked["threadId"])[0]) == word


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_heard(http: httpx2.Client, question: bytes, name: str) -> None:
    data = encoded(name, question[44:])
    answer = made(http.post("audio/transcriptions", files={"file": (f"question.{name}", data)}))
    assert words(answer["text"]) == words(QUESTION)


def test_a_broken_file_is_a_400(http: httpx2.Client, question: bytes) -> None:
    for broken in (encoded("flac", question[44:])[:200], encoded("mp3", question[44:])[:30]):
        answer = http.post("audio/transcriptions", files={"file": ("broken", broken)})
        assert answer.status_code == 400, answer.text
