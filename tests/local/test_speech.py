"""The local speech server, which stands in for a provider of speech: as a client of it sees it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from openai import APIStatusError, OpenAI, PermissionDeniedError

from local import audio_formats, espeak, recogniser, speech
from local.recogniser import INAUDIBLE
from local.speech_process import known_sentences

OTHER_SENTENCE = "Please tell me the weather in Oslo tomorrow."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("speech")
    yield folder
    speech.stop(folder)


@pytest.fixture(scope="module")
def client(folder: Path) -> OpenAI:
    port = speech.start(folder, preferred_port=0)
    return OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=speech.API_KEY, max_retries=0)


def spoken(client: OpenAI, text: str, written_as: Any = "wav", **more: Any) -> bytes:
    """Return a text as the server speaks it."""
    parameters = {"model": "any", "voice": "alloy", "input": text, "response_format": written_as, **more}
    return client.audio.speech.create(**parameters).read()


def heard(client: OpenAI, sound: bytes, name: str = "sound.wav", **more: Any) -> Any:
    """Return what the server says it has heard."""
    return client.audio.transcriptions.create(model="any", file=(name, sound), **more)


def refusal(client: OpenAI, sound: bytes, **more: Any) -> tuple[int, str, str]:
    """Return status, parameter and code of the error that answers a sound."""
    with pytest.raises(APIStatusError) as refused:
        heard(client, sound, **more)
    error = refused.value.response.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"]
    return refused.value.status_code, error["param"], error["code"]


def made(container: str, codec: str, rate: int, options: dict[str, str] | None = None) -> bytes:
    """Return a sentence of the samples in a container and a codec that the server does not write."""
    samples, made_rate = espeak.speak(known_sentences()[0])
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format, "mono", rate)
        for frame in (*resampler.resample(audio_formats._frame(samples, made_rate)), *resampler.resample(None)):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_a_sentence_of_the_samples_is_written_down_as_it_is_written(client: OpenAI) -> None:
    sentences = known_sentences()
    assert [heard(client, spoken(client, sentence)).text for sentence in sentences] == list(sentences)


def test_every_voice_of_openai_speaks_with_a_sound_of_its_own(client: OpenAI) -> None:
    sounds = {voice: spoken(client, known_sentences()[0], voice=voice) for voice in espeak.VOICES}
    assert len(set(sounds.values())) == len(sounds) == 13


def test_a_single_phone_beside_a_known_sentence_is_no_speech() -> None:
    assert recogniser.without_single_phones(["anythingB", "s0w0", "s0w1", "anythingAY"]) == ["s0w0", "s0w1"]
    other = ["s0w0", "s0w1", "anythingN", "anythingOW"]
    assert recogniser.without_single_phones(other) == other


@pytest.mark.parametrize("written_as", [name for name in audio_formats.WRITTEN if name != "pcm"])
def test_each_format_that_is_spoken_is_understood(client: OpenAI, written_as: str) -> None:
    sentence = known_sentences()[0]
    # Told by the content: names say nothing.
    assert heard(client, spoken(client, sentence, written_as), "sound.bin").text == sentence


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp4", "aac", 44_100),
        ("ipod", "aac", 22_050),
        ("webm", "libopus", 48_000),
        ("matroska", "flac", 32_000),
        ("wav", "pcm_mulaw", 8_000),
        ("wav", "pcm_f32le", 48_000),
    ],
)
def test_each_format_of_the_transcription_route_is_understood(
    client: OpenAI, container: str, codec: str, rate: int
) -> None:
    answer = heard(client, made(container, codec, rate))
    # A telephone's eight thousand samples a second are too few for the model.
    assert answer.text == known_sentences()[0] or (rate == 8_000 and answer.text)


def test_other_speech_is_written_down_by_free_dictation(client: OpenAI) -> None:
    answer = heard(client, spoken(client, OTHER_SENTENCE))
    assert answer.recognised_by == "dictation"
    assert answer.text and answer.text != INAUDIBLE
    assert answer.text not in known_sentences()


def test_a_noise_is_not_refused(client: OpenAI) -> None:
    noise = np.random.default_rng(0).normal(0, 3_000, 24_000).clip(-32_768, 32_767).astype(np.int16)
    assert heard(client, audio_formats.write(noise.tobytes(), 24_000, "wav")).text


def test_a_sentence_of_the_prompt_is_understood(client: OpenAI) -> None:
    sound = spoken(client, OTHER_SENTENCE)
    answer = heard(client, sound, prompt=f"Is it raining? {OTHER_SENTENCE}")
    assert (answer.text, answer.recognised_by) == (OTHER_SENTENCE, "grammar")
    assert heard(client, sound).text != OTHER_SENTENCE


def test_the_answer_is_as_openais(client: OpenAI) -> None:
    sound = spoken(client, known_sentences()[0])
    verbose = heard(client, sound, response_format="verbose_json")
    assert (verbose.task, verbose.language) == ("transcribe", "english")
    assert verbose.segments[0].end == verbose.duration == pytest.approx(len(sound) / 48_000, abs=0.01)
    assert heard(client, sound).usage.seconds == np.ceil(verbose.duration)
    assert heard(client, sound, response_format="text") == known_sentences()[0] + "\n"


def test_pcm_and_wav_are_of_24000_samples(client: OpenAI) -> None:
    pcm = spoken(client, "Two.", "pcm")
    with av.open(io.BytesIO(spoken(client, "Two.", "wav")), "r") as file:
        [stream] = file.streams.audio
        assert (stream.rate, stream.layout.nb_channels, stream.format.name) == (24_000, 1, "s16")
        assert sum(frame.samples for frame in file.decode(stream)) == pytest.approx(len(pcm) / 2, rel=0.05)
    slow = spoken(client, "Two.", "pcm", speed=0.5)
    assert len(slow) > 1.3 * len(pcm)


def test_what_is_no_sound_is_refused(client: OpenAI) -> None:
    silence = audio_formats.write(bytes(48_000), 24_000, "wav")
    sound = spoken(client, known_sentences()[0], "mp3")
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    assert refusal(client, silence) == (400, "file", "audio_silent")
    assert refusal(client, audio_formats.write(bytes([1, 80]) * 100, 24_000, "wav")) == (400, "file", "audio_too_short")
    for broken in (b"", b"no sound at all", playlist, b"ID3" + bytes(500), b"OggS" + sound[:900], sound[:30]):
        assert refusal(client, broken) == (400, "file", "invalid_audio")
    assert refusal(client, bytes(26 * 2**20)) == (413, "file", "file_too_large")
    assert refusal(client, sound, response_format="srt") == (400, "response_format", "invalid_value")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "a" * 4_097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"speed": 5}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"extra_body": {"stream_format": "sse"}}, "stream_format"),
    ],
)
def test_wrong_parameters_of_speech_are_named(client: OpenAI, wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(APIStatusError) as refused:
        spoken(client, **{"text": "Two.", "written_as": "mp3", **_named(wrong)})
    assert (refused.value.status_code, refused.value.response.json()["error"]["param"]) == (400, param)


def _named(wrong: dict[str, Any]) -> dict[str, Any]:
    names = {"input": "text", "response_format": "written_as"}
    return {names.get(name, name): value for name, value in wrong.items()}


def test_the_server_says_what_it_is_and_nothing_of_what_it_hears(client: OpenAI, folder: Path) -> None:
    assert {model.id for model in client.models.list()} == {speech.SPEECH_MODEL, speech.TRANSCRIPTION_MODEL}
    answer = client.audio.speech.with_raw_response.create(model="any", voice="alloy", input="A canary sings.")
    assert "stand-in" in answer.headers["x-speech-engine"]
    heard(client, spoken(client, OTHER_SENTENCE))
    log = (folder / "speech.log").read_text()
    assert "The local speech server is ready at http://127.0.0.1:" in log
    assert "canary" not in log and "weather" not in log


def test_no_page_is_answered(client: OpenAI) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        client.with_options(default_headers={"Origin": "https://example.com"}).models.list()
    assert refused.value.code == "forbidden"
