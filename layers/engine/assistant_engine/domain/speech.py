"""Speech: what was said as text, and text as sound. Pure functions, and the limits that Amazon and OpenAI share."""

import re
import struct
from collections.abc import Sequence
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


def parts_of(text: str, most: int) -> list[str]:
    """Split a text into parts of at most `most` characters: at sentences, else at words, else anywhere."""
    parts: list[str] = []
    for sentence in _SENTENCE.findall(text):
        if parts and len((parts[-1] + sentence).strip()) <= most:
            parts[-1] += sentence
            continue
        while len(sentence.strip()) > most:
            cut = sentence.rfind(" ", 1, most + 1)
            cut = cut if cut > 0 else most
            parts.append(sentence[:cut])
            sentence = sentence[cut:].lstrip()
        parts.append(sentence)
    return [stripped for part in parts if (stripped := part.strip())]


def wav(pcm: bytes, rate: int, channels: int = 1, bits: int = 16) -> bytes:
    """Return samples as a WAV file with the header of 44 bytes."""
    frame = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, bits)
    return b"".join(
        (struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE"), form, struct.pack("<4sI", b"data", len(pcm)), pcm)
    )


def joined(sounds: Sequence[bytes]) -> bytes:
    """Return sounds of one format as one: parts of MP3, AAC, Opus and PCM follow each other, WAV gets one header."""
    kind = audio_type(sounds[0]) if len(sounds) > 1 else None
    if kind == "mp3":
        return b"".join(map(_frames, sounds))
    if kind != "wav":
        return b"".join(sounds)
    found = [_samples(sound) for sound in sounds]
    channels, rate, bits = found[0][0]
    return wav(b"".join(samples for _, samples in found), rate, channels, bits)


def _frames(sound: bytes) -> bytes:
    """Return the frames of an MP3 file that are sound: without tags, and the frame that states its own length."""
    at = 0
    if sound.startswith(b"ID3") and len(sound) > 10:
        size = sound[6] << 21 | sound[7] << 14 | sound[8] << 7 | sound[9]
        at = 10 + size
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
