"""Speech: what was said as text, and text as sound. Pure functions, and the limits that Amazon and OpenAI share."""

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from assistant_engine.domain.audio_types import AUDIO_TYPES, audio_type, is_aac
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import text_of

MAX_AUDIO_BYTES = 26_214_400
"""Bytes of a sound that is transcribed (OpenAI's transcriptions, `SyncMedia` of Amazon Transcribe)."""

MAX_AUDIO_SECONDS = 3600
"""How long it may be (`TranscribeAudio`)."""

INLINE_SECONDS = 60
"""A sound in a request is transcribed there if it is no longer; a longer one within the next run."""

FORMATS = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""The formats of speech, as OpenAI names them, with their media types."""

_SENTENCE = re.compile(r".+?(?:[.!?…。！？]+[\"'”’)\]]*(?=\s|$)|[。！？]|\n+|$)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A sound as text: an empty one of silence.

    Attributes:
        seconds: of sound; 0 where nobody could tell.
        language: as the provider names it; None where it told none.
        words: `{"word", "start", "end"}` in seconds, where the provider told them.
        segments: `{"start", "end", "text"}`, where it told them.
    """

    text: str
    seconds: float
    model: str
    language: str | None = None
    words: list[Json] = field(default_factory=list)
    segments: list[Json] = field(default_factory=list)


def speaks(message: Json) -> bool:
    """Return whether a message is meant to be heard: one of a run of a voice assistant, or of a hybrid one that was
    spoken to.
    """
    return "speech_url" in (message.get("audio") or {})


def heard(message: Json, transcript: Transcript) -> Json:
    """Return a stored message that waited, with the text of its sound."""
    audio = message["audio"]
    content = list(message["content"])
    content[audio["part"]] = {"type": "text", "text": {"value": transcript.text, "annotations": []}}
    return {**message, "content": content, "audio": {**audio, **told_by(transcript), "waits": False}}


def told_by(transcript: Transcript) -> Json:
    """Return what a message tells of its transcript."""
    return {"seconds": round(transcript.seconds, 2), "transcribed_by": transcript.model}


def spoken_text(message: Json) -> str:
    """Return what is said of a message: its text without the marks of its annotations."""
    parts = []
    for part in message["content"]:
        if part["type"] == "text":
            text = part["text"]["value"]
            for annotation in part["text"]["annotations"]:
                if annotation["type"] == "file_citation":
                    text = text.replace(annotation["text"], "")
            part = {"type": "text", "text": {"value": text}}
        parts.append(part)
    return text_of({"content": parts}).strip()


def parts_of(text: str, most: int, *, streamed: bool = False) -> list[str]:
    """Split a text into parts of at most `most` characters: at sentences, else at words, else anywhere.

    Args:
        streamed: whether each part is sent as soon as it is spoken. Then the first is one sentence, and each that
            follows may be twice as long as the one before.
    """
    parts: list[str] = []
    for sentence in _SENTENCE.findall(text):
        if parts and _takes(parts, sentence, most, streamed):
            parts[-1] += sentence
            continue
        while len(sentence.strip()) > most:
            cut = sentence.rfind(" ", 1, most + 1)
            cut = cut if cut > 0 else most
            parts.append(sentence[:cut])
            sentence = sentence[cut:].lstrip()
        parts.append(sentence)
    return [stripped for part in parts if (stripped := part.strip())]


def _takes(parts: list[str], sentence: str, most: int, streamed: bool) -> bool:
    """Return whether the last part takes one sentence more."""
    if len((parts[-1] + sentence).strip()) > most:
        return False
    # What is that short is hardly a sentence ("Dr."), and sounds no better alone.
    if not streamed or len(parts[-1].strip()) < _SHORT_CHARACTERS:
        return True
    return len(parts) > 1 and len(parts[-1] + sentence) <= _SECOND_CHARACTERS << (len(parts) - 2)


_SHORT_CHARACTERS = 20
_SECOND_CHARACTERS = 200
"""Of the second part of a text that is streamed, at most: some 13 s of speech."""


def wav(pcm: bytes, rate: int, channels: int = 1, bits: int = 16) -> bytes:
    """Return samples as a WAV file with the header of 44 bytes."""
    return _sized(_header(rate, channels, bits) + pcm)


_UNKNOWN = 0xFFFF_FFFF
"""The size of a WAV file that is streamed: players take what follows (OpenAI's speech has it, too)."""


def _header(rate: int, channels: int, bits: int) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, bits)
    whole, samples = struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE"), struct.pack("<4sI", b"data", _UNKNOWN)
    return b"".join((whole, form, samples))


def _sized(sound: bytes) -> bytes:
    """Return a WAV file that begins with `_header` with its sizes."""
    return b"".join(
        (sound[:4], struct.pack("<I", len(sound) - 8), sound[8:40], struct.pack("<I", len(sound) - 44), sound[44:])
    )


FOLLOWING = ("mp3", "wav", "pcm", "aac")
"""Formats whose parts simply follow each other, so that a text may be split anywhere. Players are less sure of Opus in
several files of Ogg, and FLAC is always one file.
"""


def pieces(sounds: Iterable[bytes]) -> Iterator[bytes]:
    """Yield sounds of one format as the pieces of one sound, each as it comes.

    MP3, AAC, Opus and PCM follow each other. WAV gets one header, which doesn't know the size.
    """
    for number, sound in enumerate(sounds):
        kind = audio_type(sound)
        if kind == "mp3":
            yield _frames(sound)
        elif kind == "wav":
            form, samples = _samples(sound)
            yield samples if number else _header(form[1], form[0], form[2]) + samples
        else:
            yield sound


def joined(made: Sequence[bytes]) -> bytes:
    """Return `pieces` as one sound; a WAV's header tells its size."""
    whole = b"".join(made)
    return _sized(whole) if audio_type(whole) == "wav" else whole


def _frames(sound: bytes) -> bytes:
    """Return the frames of an MP3 file that are sound: without tags, and the frame that states its own length."""
    at = 0
    if sound.startswith(b"ID3") and len(sound) > 10:
        size = sound[6] << 21 | sound[7] << 14 | sound[8] << 7 | sound[9]
        at = 10 + size if 10 + size <= len(sound) else 0
    head = sound[at : at + 4]
    if len(head) == 4 and any(name in sound[at : at + 48] for name in (b"Xing", b"Info")):
        is_first_version = head[1] >> 3 & 3 == 3
        bit_rate = _BIT_RATES[is_first_version][head[2] >> 4]
        rate = _SAMPLE_RATES[head[2] >> 2 & 3] >> (3 - (head[1] >> 3 & 3) if not is_first_version else 0)
        if bit_rate and rate:
            at += (144_000 if is_first_version else 72_000) * bit_rate // rate + (head[2] >> 1 & 1)
    return sound[at:]


_BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
"""Kilobits a second of layer III by their index, of MPEG-1 and of later versions (ISO 11172-3 and 13818-3)."""

_SAMPLE_RATES = (44_100, 48_000, 32_000, 0)


def _samples(sound: bytes) -> tuple[tuple[int, int, int], bytes]:
    """Return channels, sampling rate and bits, and the samples of a WAV file.

    A server that streams writes a size of 0 or of all ones: then the samples are all that follows.
    """
    channels, rate, bits = 1, 24_000, 16
    at = 12
    while at + 8 <= len(sound):
        name, size = struct.unpack_from("<4sI", sound, at)
        at += 8
        if name == b"data":
            known = 0 < size <= len(sound) - at
            return (channels, rate, bits), sound[at : at + size] if known else sound[at:]
        if name == b"fmt " and size >= 16 and at + 16 <= len(sound):
            _, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", sound, at)
        at += size + size % 2
    return (channels, rate, bits), b""


def media_type(sound: bytes, wanted: str) -> str:
    """Return the media type of speech, by its bytes; what tells nothing is in the format that was asked for."""
    if is_aac(sound):
        return FORMATS["aac"]
    found = None if wanted == "pcm" else audio_type(sound)
    return AUDIO_TYPES[found] if found else FORMATS[wanted]
