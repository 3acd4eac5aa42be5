"""The sample voice_concierge with the local speech server: a spoken file asks, and its answer is understood."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from local import audio_formats, recogniser, speech
from local.up import Local
from samples.sample import SPEECH, Answer, Sample
from samples.voice_concierge import ask, facts
from tests.support.speech_server import SpeechServer

pytestmark = pytest.mark.offline_model


@pytest.fixture(scope="module")
def answers(
    stack: Local, client: OpenAI, speech_server: SpeechServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Answer]]:
    """The answers of the sample, heard and spoken by the local server."""
    folder: Path = tmp_path_factory.mktemp("speech")
    url = f"http://127.0.0.1:{speech.start(folder, preferred_port=0)}/v1"
    with speech_server.forwarding(url):
        yield list(ask.play(client, stack.model))
    speech.stop(folder)


def test_a_spoken_question_becomes_a_run_and_its_answer_follows_from_the_data(answers: list[Answer]) -> None:
    breakfast, evening, massage = answers
    assert [answer.run.status for answer in answers] == ["completed"] * 3
    row = facts.services()["breakfast"]
    assert f"breakfast is served in {row['place']}, from {row['opens']} to {row['closes']}." in breakfast.text
    assert all(name in evening.text for name in facts.open_at("22:00"))
    row = facts.services()["a massage"]
    assert f"a massage is {row['price_eur']} euros, and lasts {row['minutes']} minutes." in massage.text


def test_the_recogniser_reads_the_spoken_answers_back(answers: list[Answer]) -> None:
    """It has the choice between all that was said."""
    texts = [" ".join(answer.text.split()) for answer in answers]
    questions = [question["text"] for question in Sample("voice_concierge").questions]
    heard = [recogniser.hear(audio_formats.read(answer.files[SPEECH]), [*questions, *texts]).text for answer in answers]
    assert heard == texts
