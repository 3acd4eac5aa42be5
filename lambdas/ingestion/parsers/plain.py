"""Text, source code and JSON: as they are written, in whatever encoding."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from parsers.reading import Unreadable, Warn


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of a file, letter by letter."""
    yield decoded(path.read_bytes(), warn)


def decoded(data: bytes, warn: Warn) -> str:
    """Return bytes as text.

    Raises:
        Unreadable: they are not text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        import chardet

        encoding = chardet.detect(data[:1_000_000])["encoding"] or "cp1252"
        text = data.decode(encoding, errors="replace")
    if text.count("\0") > len(text) // 100:
        raise Unreadable("unsupported_file", "The file is binary; file search reads text.")
    return text
