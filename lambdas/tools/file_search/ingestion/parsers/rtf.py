"""Rich Text Format (.rtf)."""

import re
from collections.abc import Iterator
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from parsers.reading import PICTURES, Unreadable, Warn


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of a document."""
    yield text_of(path.read_bytes(), warn)


def text_of(data: bytes, warn: Warn) -> str:
    """Return the text of RTF.

    Raises:
        Unreadable: it is broken.
    """
    # RTF is ASCII; what other programs put in it as bytes is in the document's own code page.
    source = data.decode("latin-1")
    if pictures := len(re.findall(rb"\\pict\b", data)):
        warn(PICTURES.format(pictures))
    text: str = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    if not text.strip() and len(data) > 100:
        raise Unreadable("invalid_file", "The file holds no text that can be read as RTF.")
    return text
