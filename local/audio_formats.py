"""Reads and writes the formats of audio of OpenAI's two routes, with the codecs of FFmpeg in the package `av`."""

import io
from collections.abc import Iterator

import av
import av.error

RATE = 16_000
"""Samples a second that the recogniser takes."""
SPOKEN_RATE = 24_000
"""Samples a second of what OpenAI's speech route answers (https://developers.openai.com/api/docs/guides/text-to-speech)."""
MAX_SECONDS = 3_600

WRITTEN = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "opus": ("ogg", "libopus", "audio/ogg"),
    "aac": ("adts", "aac", "audio/aac"),
    "flac": ("flac", "flac", "audio/flac"),
    "wav": ("wav", "pcm_s16le", "audio/wav"),
    "pcm": ("s16le", "pcm_s16le", "audio/pcm"),
}
"""Container, codec and content type of each format that speech is written in."""


class NotAudio(Exception):
    """The bytes are no sound of a kind that is known, or are broken; the message says which."""


class TooLong(Exception):
    """The sound lasts longer than `MAX_SECONDS`."""


def read(data: bytes) -> bytes:
    """Return a sound as 16-bit samples of one channel, `RATE` a second.

    The kind is told by the content: a name or a content type may say anything.

    Raises:
        NotAudio: it is of no kind that is known, has no sound, or is broken.
        TooLong: it is too long.
    """
    kind = _kind(data)
    if not kind:
        raise NotAudio("This is no file of flac, mp3, mp4, m4a, ogg, wav, webm, aac or amr.")
    samples = bytearray()
    try:
        # With the kind given, FFmpeg never takes the content for a playlist that names other files.
        with av.open(io.BytesIO(data), "r", format=kind) as container:
            if not container.streams.audio:
                raise NotAudio("There is no sound in this file.")
            resampler = av.AudioResampler("s16", "mono", RATE)
            for frame in container.decode(audio=0):
                samples += _samples(resampler.resample(frame))
                if len(samples) > 2 * RATE * MAX_SECONDS:
                    raise TooLong
            samples += _samples(resampler.resample(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise NotAudio("This file is broken, or holds a codec that is not known.") from error
    return bytes(samples)


def write(samples: bytes, rate: int, written_as: str) -> bytes:
    """Return a sound as a file.

    Args:
        samples: of 16 bits and one channel.
        rate: samples a second.
        written_as: a key of `WRITTEN`.
    """
    container_format, codec, _ = WRITTEN[written_as]
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=SPOKEN_RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format, "mono", SPOKEN_RATE)
        for frame in (*resampler.resample(_frame(samples, rate)), *resampler.resample(None)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _frame(samples: bytes, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.sample_rate = rate
    frame.planes[0].update(samples)
    return frame


def _samples(frames: list[av.AudioFrame]) -> bytes:
    return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)


def _kind(data: bytes) -> str:
    """Return FFmpeg's name of the kind that the first bytes tell; empty for any other."""
    return next((kind for kind, fits in _kinds(data[:12]) if fits), "")


def _kinds(head: bytes) -> Iterator[tuple[str, bool]]:
    yield "wav", head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE"
    yield "flac", head.startswith(b"fLaC")
    yield "ogg", head.startswith(b"OggS")
    yield "matroska", head.startswith(b"\x1a\x45\xdf\xa3")
    yield "mp4", head[4:8] == b"ftyp"
    yield "amr", head.startswith(b"#!AMR")
    yield "aac", head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0
    yield "mp3", head.startswith(b"ID3") or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0)
