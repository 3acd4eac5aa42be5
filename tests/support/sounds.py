"""Makes sounds in every format that is taken, with the codecs of FFmpeg in the package `av`."""

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

RATE = 24_000
_FRAME = 480


@dataclass(frozen=True, slots=True)
class Format:
    """A format of sound.

    Attributes:
        kind: as `audio_type` tells it.
        container, codec, rate, layout: FFmpeg's.
    """

    kind: str
    container: str
    codec: str
    rate: int = RATE
    layout: str = "mono"


FORMATS = {
    "wav": Format("wav", "wav", "pcm_s16le"),
    "mp3": Format("mp3", "mp3", "libmp3lame"),
    "mpeg": Format("mp3", "mp3", "libmp3lame", 44_100),
    "mpga": Format("mp3", "mp2", "mp2", 44_100),
    "flac": Format("flac", "flac", "flac"),
    "m4a": Format("mp4", "ipod", "aac", 44_100),
    "mp4": Format("mp4", "mp4", "aac", 44_100),
    "ogg": Format("ogg", "ogg", "vorbis", 44_100, "stereo"),
    "opus": Format("ogg", "ogg", "libopus", 48_000),
    "webm": Format("webm", "webm", "libopus", 48_000),
    "amr": Format("amr", "amr", "libopencore_amrnb", 8_000),
}
"""By the names that OpenAI and Amazon have for them; Ogg holds Vorbis or Opus."""


def tone(seconds: float) -> bytes:
    """Return samples of a tone, 16 bits, `RATE` a second."""
    count = int(seconds * RATE)
    return struct.pack(f"<{count}h", *(int(9_000 * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(count)))


def encoded(name: str, samples: bytes, options: Mapping[str, str] | None = None, comment: str = "") -> bytes:
    """Return samples as a file of a format; a comment is in its metadata, where it has some."""
    wanted = FORMATS[name]
    file = io.BytesIO()
    with av.open(file, "w", format=wanted.container, options=dict(options or {})) as container:
        container.metadata["comment"] = comment
        stream: Any = container.add_stream(wanted.codec, rate=wanted.rate, layout=wanted.layout)
        if wanted.kind == "amr":
            stream.bit_rate = 12_200
        if wanted.codec == "vorbis":  # FFmpeg's own is called experimental, and has two channels.
            stream.options = {"strict": "experimental"}
        resampler = av.AudioResampler(stream.format, wanted.layout, wanted.rate)
        for start in range(0, len(samples), 2 * _FRAME):
            piece = samples[start : start + 2 * _FRAME]
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
            frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate = RATE
            frame.pts = start // 2
            frame.time_base = Fraction(1, RATE)
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
        for part in resampler.resample(None):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()
