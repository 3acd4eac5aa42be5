"""Text, source code and JSON: as they are written, in whatever encoding."""

import re
from collections.abc import Iterator
from pathlib import Path

from parsers import charsets
from parsers.guessing import guessed
from parsers.reading import MAX_CHARACTERS, Unreadable, Warn


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of a file, letter by letter."""
    yield decoded(path.read_bytes(), warn)


def decoded(data: bytes, warn: Warn) -> str:
    """Return bytes as text.

    Raises:
        Unreadable: they are not text.
    """
    return in_codec(data, codec_of(data), warn)


def codec_of(data: bytes) -> str:
    """Return the codec of a text, by the most certain evidence that there is."""
    if found := charsets.by_mark(data) or charsets.wide(data) or charsets.escaped(data):
        return found
    try:
        data.decode()
    except UnicodeDecodeError:
        if charsets.is_nearly_utf_8(data):
            return "utf-8"
        return charsets.declared(data) or guessed(data)
    return "utf-8"


def in_codec(data: bytes, codec: str, warn: Warn) -> str:
    """Return bytes as text of this codec; a byte order mark is no part of it. What can't be read becomes U+FFFD.

    Raises:
        Unreadable: they are not text, or more than we take.
    """
    if len(data) > 4 * MAX_CHARACTERS:  # No encoding has more bytes for a character.
        raise Unreadable("invalid_file", "The file holds more text than a vector store takes (5,000,000 tokens).")
    if codec == "iso2022_jp_2004":
        data = charsets.with_escapes_of_2004(data)
    text = data.decode(codec, errors="replace").removeprefix("\ufeff")
    controls = len(re.findall(r"[\x00-\x07\x0e-\x1a\x1c-\x1f]", text))
    if controls > len(text) // 20:
        raise Unreadable("unsupported_file", "The file is binary; file search reads text.")
    unread = text.count("\ufffd") - (data.count("\ufffd".encode()) if codec == "utf-8" else 0)
    if unread > 0:
        warn(f"{unread:,} {'place' if unread == 1 else 'places'} in the text can't be read as {codec.upper()}.")
    return text
