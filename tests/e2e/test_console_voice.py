"""Voice in the console: Chromium's microphone is a file, and the local speech server hears and speaks."""

import io
import re
import wave
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from local import speech
from local import up as local
from tests.support.clients import connect
from tests.support.console import SECONDS, Console, chromium, signed_in
from tests.support.driver import Driver
from tests.support.local_stack import DIRECTORY
from tests.support.speech_server import SpeechServer

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)

QUESTION = "What do I own?"
"""A sentence of a sample, which the local recogniser knows."""

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

REFUSED = """() => {
    const refusal = new DOMException("Permission denied", "NotAllowedError");
    navigator.mediaDevices.getUserMedia = () => Promise.reject(refusal);
}"""


@pytest.fixture(scope="module")
def aloud(speech_server: SpeechServer) -> Iterator[str]:
    """The address of the local speech server, which the stack uses meanwhile."""
    url = f"http://127.0.0.1:{speech.start(DIRECTORY)}/v1"
    with speech_server.forwarding(url):
        yield url
    speech.stop(DIRECTORY)


@pytest.fixture(scope="module")
def question(aloud: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The question as a WAV file with silence around it, and its seconds."""
    body = {"model": "any", "voice": "alloy", "input": QUESTION, "response_format": "wav"}
    spoken = httpx2.post(f"{aloud}/audio/speech", json=body, timeout=60).content
    path = tmp_path_factory.mktemp("sounds") / "question.wav"
    with wave.open(io.BytesIO(spoken)) as heard, wave.open(str(path), "wb") as padded:
        padded.setparams(heard.getparams())
        silence = bytes(heard.getframerate() * heard.getsampwidth() * heard.getnchannels())
        padded.writeframes(silence + heard.readframes(heard.getnframes()) + silence)
        seconds = 2 + heard.getnframes() / heard.getframerate()
    return path, seconds


@pytest.fixture
def assistants(stack: local.Local, api_key: str, driver: Driver) -> dict[str, str]:
    """An assistant of each kind."""
    client = connect(stack, api_key)

    def made(kind: str) -> str:
        fields = {"assistant_type": kind}
        return client.beta.assistants.create(model=driver.model, extra_body=fields).id

    return {kind: made(kind) for kind in ("chat", "voice", "hybrid")}


@pytest.fixture
def console(browser: Browser, base_url: str, api_key: str) -> Iterator[Console]:
    with signed_in(browser, base_url, api_key) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(question: tuple[Path, float]) -> Iterator[Browser]:
    """A browser that hears the question whenever its microphone is opened."""
    path, _ = question
    with chromium(*MICROPHONE, f"--use-file-for-fake-audio-capture={path}%noloop") as running:
        yield running


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def test_a_question_is_spoken_and_its_answer_is_heard(
    console: Console, assistants: dict[str, str], question: tuple[Path, float]
) -> None:
    page = console.page
    console.open(f"playground?assistant={assistants['voice']}")
    page.get_by_role("button", name="Speak", exact=True).click()
    stop = page.get_by_role("button", name="Stop and send")
    stop.wait_for()
    page.wait_for_timeout(1000 * question[1])
    stop.click()
    console.status("completed")
    # What was heard is put in the place of the sound.
    asked = page.locator("article.message.user .message-body")
    expect(asked).not_to_contain_text("(spoken)")
    heard = asked.inner_text()
    assert SequenceMatcher(None, words(heard), words(QUESTION)).ratio() > 0.6, heard
    answer = page.locator("article.message.assistant").last
    answer.get_by_role("button", name="Listen").click()
    sound = answer.get_by_label("The message as speech")
    sound.wait_for()
    page.wait_for_function("sound => sound.error || sound.duration > 0.3", arg=sound.element_handle(), timeout=SECONDS)
    assert sound.evaluate("sound => [sound.error, sound.duration > 0.3, sound.src.startsWith('blob:')]") == [
        *(None, True, True)
    ]


def test_assistants_that_only_write_are_offered_no_microphone(console: Console, assistants: dict[str, str]) -> None:
    for kind, offered in (("hybrid", 1), ("chat", 0)):
        console.open(f"playground?assistant={assistants[kind]}")
        expect(console.page.get_by_role("combobox", name="Assistant", exact=True)).to_have_value(assistants[kind])
        console.settle()
        expect(console.page.get_by_role("button", name="Speak", exact=True)).to_have_count(offered)


def test_a_microphone_that_may_not_be_used_is_told_in_words(console: Console, assistants: dict[str, str]) -> None:
    console.open(f"playground?assistant={assistants['voice']}")
    console.page.evaluate(REFUSED)
    console.page.get_by_role("button", name="Speak", exact=True).click()
    expect(console.page.get_by_role("alert")).to_contain_text("The microphone can't be used: Permission denied")
