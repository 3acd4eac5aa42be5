"""Speech without a server: containers and durations of real files, texts in parts, and one header for WAV."""

import io
import json
import struct
import wave
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import av
import pytest

import message_speech
from assistant_engine.domain import speech, speech_models, transcript_formats
from assistant_engine.domain.audio_types import audio_type
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import Transcript
from assistant_engine.domain.usage import SpeechUsage
from durations import seconds_of
from tests.support.sounds import FORMATS, encoded, tone

TRANSCRIPT = Transcript(
    "Hello there. Who is it?",
    2.4,
    "m",
    "en-US",
    words=[
        {"word": "Hello", "start": 0.0, "end": 0.4},
        {"word": "there.", "start": 0.5, "end": 0.9},
        {"word": "Who", "start": 1.0, "end": 1.2},
        {"word": "is", "start": 1.3, "end": 1.4},
        {"word": "it?", "start": 1.5, "end": 2.4},
    ],
)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_told_by_its_bytes(name: str) -> None:
    assert audio_type(encoded(name, tone(2))) == FORMATS[name].kind


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_tells_how_long_it_is(name: str) -> None:
    data = encoded(name, tone(3))
    found = seconds_of(data, FORMATS[name].kind)
    assert found == pytest.approx(3, abs=0.2)


def test_a_recording_of_a_browser_tells_how_long_it_is() -> None:
    """MediaRecorder writes no duration, and no sizes of what it has begun."""
    live = encoded("webm", tone(4), options={"live": "1"})
    assert b"\x44\x89" not in live[:400]  # the element Duration
    assert seconds_of(live, "webm") == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("name", FORMATS)
def test_a_broken_file_is_no_error(name: str) -> None:
    data = encoded(name, tone(1))
    for broken in (data[: len(data) // 2], data[:20], data[:64] + b"\xff" * 200, data[:40] + bytes(400)):
        seconds_of(broken, FORMATS[name].kind)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\0\0\0\0AVI LIST",
        b"\x89PNG\r\n\x1a\n",
        b"Hello, this is text.",
        b"\xff\xfe\0\0text in UTF-16",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\xff\xf1\x50\x80",  # AAC in ADTS
        b"%PDF-1.7",
        b"\x1a\x45\xdf\xa3matroska",
    ],
)
def test_what_is_no_audio_is_none(data: bytes) -> None:
    assert audio_type(data) is None


@pytest.mark.parametrize("most", [20, 100, 3_000, 4_096])
@pytest.mark.parametrize(
    "text",
    [
        "One. Two! Is it three? " * 400,
        "no end " * 1_000,
        "x" * 10_000,
        "こんにちは。元気ですか？" * 600,
        "A list:\n- one\n- two\n\nThe end\n",
        "Dr. Smith paid 3.50 dollars... \u201cReally?\u201d he said. " * 200,
        "  \n ",
    ],
)
def test_a_text_is_split_without_losing_a_letter(text: str, most: int) -> None:
    parts = speech.parts_of(text, most)
    assert all(0 < len(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_split_at_sentences() -> None:
    sentence = "This sentence has forty-one characters. "
    parts = speech.parts_of(sentence * 200, 3_000)
    assert len(parts) == 3
    assert all(part.startswith("This") and part.endswith("characters.") for part in parts)


def test_the_first_part_of_a_streamed_text_is_a_sentence_and_the_others_grow() -> None:
    sentence = "This sentence has forty-one characters. "
    parts = speech.parts_of(sentence * 200, 3_000, streamed=True)
    assert parts[0] == sentence.strip()
    assert [(len(part) + 1) // 40 for part in parts[1:]] == [5, 10, 20, 40, 75, 49]
    assert len(speech.parts_of(sentence * 2, 3_000, streamed=True)) == 2
    assert speech.parts_of("Dr. Ada Park is here. Hello.", 3_000, streamed=True) == ["Dr. Ada Park is here.", "Hello."]


@pytest.mark.parametrize("name", ["wav", "mp3"])
def test_a_piece_is_there_before_the_next_is_spoken(name: str) -> None:
    spoken = iter([encoded(name, tone(1))])

    def sounds() -> Iterator[bytes]:
        yield next(spoken)
        raise AssertionError("the second sound was waited for")

    first = next(speech.pieces(sounds()))
    assert audio_type(first) == name


def joined(sounds: list[bytes]) -> bytes:
    return speech.joined(list(speech.pieces(sounds)))


def test_a_tag_that_is_longer_than_the_sound_is_none() -> None:
    assert b"".join(speech.pieces([b"ID3RIFFxxxxWAVE"] * 2)) == b"ID3RIFFxxxxWAVE" * 2


def test_parts_of_wav_get_one_header() -> None:
    parts = [encoded("wav", tone(1)), encoded("wav", tone(2))]
    with wave.open(io.BytesIO(joined(parts))) as whole:
        assert whole.getnframes() == 3 * whole.getframerate()


def test_a_streamed_wav_has_no_size_and_is_joined_all_the_same() -> None:
    part = bytearray(speech.wav(b"\1\0" * 800, 8_000))
    struct.pack_into("<I", part, 40, 0xFFFFFFFF)
    with wave.open(io.BytesIO(joined([bytes(part), bytes(part)]))) as whole:
        assert whole.getnframes() == 1_600


def test_parts_of_mp3_follow_each_other() -> None:
    parts = [encoded("mp3", tone(1)), encoded("mp3", tone(2))]
    container: Any = av.open(io.BytesIO(joined(parts)), format="mp3")
    with container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 24_000 == pytest.approx(3, abs=0.3)


def test_citations_are_not_spoken() -> None:
    text = "It rose by 3%【4:0†report.pdf】."
    annotation = {"type": "file_citation", "text": "【4:0†report.pdf】"}
    message = {"content": [{"type": "text", "text": {"value": text, "annotations": [annotation]}}]}
    assert speech.spoken_text(message) == "It rose by 3%."


def test_prices_are_of_seconds_and_of_characters() -> None:
    assert speech_models.heard("amazon-transcribe", 60) == SpeechUsage(60, 0, 7_000_000)
    assert speech_models.spoken("amazon-polly-neural", 1_000_000) == SpeechUsage(0, 1_000_000, 16_000_000_000)
    assert speech_models.heard("unknown", 60) == SpeechUsage(60, 0, 0)


def test_each_price_has_its_source_and_date() -> None:
    for model, price in json.loads(speech_models.TABLE.read_text()).items():
        assert len({"minute", "million_characters"} & price.keys()) == 1, model
        assert price["source"].startswith("https://") and date.fromisoformat(price["date"]), model


def _verbose(transcript: Transcript) -> Json:
    return transcript_formats.verbose_of(transcript, ["word", "segment"])


def test_a_transcript_is_shown_in_every_format() -> None:
    shown = _verbose(TRANSCRIPT)
    assert [segment["text"] for segment in shown["segments"]] == ["Hello there.", "Who is it?"]
    assert shown["words"] == TRANSCRIPT.words
    assert shown["usage"] == {"type": "duration", "seconds": 3}
    assert "1\n00:00:00,000 --> 00:00:00,900\nHello there.\n" in transcript_formats.srt_of(TRANSCRIPT)
    vtt = transcript_formats.vtt_of(TRANSCRIPT)
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.900\nHello there.\n\n")


@pytest.mark.parametrize("show", [_verbose, transcript_formats.srt_of, transcript_formats.vtt_of])
def test_a_transcript_without_times_is_one_segment(show: Callable[[Transcript], object]) -> None:
    assert "Hi" in str(show(Transcript("Hi", 1.5, "m")))


def test_the_description_names_every_format_of_speech() -> None:
    assert sorted(speech.FORMATS.values()) == sorted(message_speech.SOUNDS)
