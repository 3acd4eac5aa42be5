"""Recognises sound by its bytes: names, headers and a client's `format` come from outside."""

HEAD_BYTES = 64
"""As many bytes from the start of a file as `audio_type` looks at."""

AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "amr": "audio/amr",
}
"""The containers that are taken, with their media types. `mp4` is M4A too, `ogg` Opus and Vorbis."""

_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
"""Brands of MP4 files that are pictures."""


def audio_type(data: bytes) -> str | None:
    """Return the container (a key of `AUDIO_TYPES`) that bytes are, by how they start; None of anything else."""
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data.startswith(b"fLaC"):
        return "flac"
    if data[4:8] == b"ftyp" and data[8:12] not in _PICTURES:
        return "mp4"
    if data.startswith(b"OggS"):
        return "ogg"
    if data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:HEAD_BYTES]:
        return "webm"
    if data.startswith(b"#!AMR"):
        return "amr"
    if data.startswith(b"ID3") or _is_mpeg_frame(data):
        return "mp3"
    return None


def is_aac(data: bytes) -> bool:
    """Return whether bytes are AAC in ADTS frames, which providers speak and nothing here hears."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def _is_mpeg_frame(data: bytes) -> bool:
    """Return whether bytes start with the header of an MPEG audio frame (ISO 11172-3, 2.4.1.3)."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return False
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    bit_rate, sample_rate = data[2] >> 4, data[2] >> 2 & 3
    # Of layer I nobody has files, and UTF-16 begins like it.
    return version != 1 and layer in (1, 2) and bit_rate != 15 and sample_rate != 3
