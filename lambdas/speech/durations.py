"""Tells how long a sound is without decoding it, by what its container says of itself."""

import contextlib
import io
import struct

from tinytag import TinyTag

_AMR_FRAME_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6)
_AMR_WIDE_FRAME_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6)
"""Of a frame of 20 ms with its header, by mode (RFC 4867, 5.3)."""

_SEGMENT, _INFO, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1549A966, 0x1F43B675, 0xA0
_SCALE, _DURATION, _TIMESTAMP, _SIMPLE_BLOCK, _BLOCK = 0x2AD7B1, 0x4489, 0xE7, 0xA3, 0xA1


def seconds_of(data: bytes, kind: str) -> float | None:
    """Return how many seconds a sound has; None if it does not tell.

    Args:
        kind: of `audio_types.AUDIO_TYPES`.
    """
    if kind == "amr":
        return _amr(data)
    if kind == "webm":
        return _webm(data)
    with contextlib.suppress(Exception):  # A stranger's file may be broken in any way.
        suffix = "ogg" if kind == "ogg" else kind
        found = TinyTag.get(f"sound.{suffix}", file_obj=io.BytesIO(data)).duration
        if found and found > 0:
            return float(found)
    return None


def _amr(data: bytes) -> float | None:
    wide = data.startswith(b"#!AMR-WB\n")
    sizes = _AMR_WIDE_FRAME_BYTES if wide else _AMR_FRAME_BYTES
    at, frames = data.find(b"\n") + 1, 0
    while 0 < at < len(data):
        mode = data[at] >> 3 & 15
        at += sizes[mode] if mode < len(sizes) else 1
        frames += 1
    return frames * 0.02 or None


def _webm(data: bytes) -> float | None:
    """Return the duration that a WebM file states, or else the time of its last block: browsers record without one."""
    scale, stated, cluster, last = 1_000_000, 0.0, 0, 0
    at = 0
    while at < len(data):
        name, at = _number(data, at, keep_marker=True)
        size, at = _number(data, at)
        if name is None or size is None:
            break
        # A recorder that streams does not know the size of what it has begun.
        body = data[at : at + size]
        if name in (_SEGMENT, _INFO, _CLUSTER, _BLOCK_GROUP):
            continue
        if name == _SCALE:
            scale = int.from_bytes(body) or scale
        elif name == _DURATION and size in (4, 8) and len(body) == size:
            stated = struct.unpack(">f" if size == 4 else ">d", body)[0]
        elif name == _TIMESTAMP:
            cluster = int.from_bytes(body)
        elif name in (_SIMPLE_BLOCK, _BLOCK):
            _, start = _number(body, 0)
            last = max(last, cluster + int.from_bytes(body[start : start + 2], signed=True))
        at += size
    ticks = max(stated, last)
    return ticks * scale / 1e9 if 0 < ticks < float("inf") else None


def _number(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int | None, int]:
    """Return a number of variable length (RFC 8794, 4) and the place after it; None where there is none."""
    if at >= len(data) or not data[at]:
        return None, len(data)
    length = 9 - data[at].bit_length()
    number = int.from_bytes(data[at : at + length])
    return number if keep_marker else number & (1 << 7 * length) - 1, at + length
