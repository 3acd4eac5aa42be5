"""PDF."""

from collections.abc import Iterator
from pathlib import Path

from parsers.reading import Unreadable, Warn

MAX_PAGES = 20_000


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of each page."""
    import pypdf

    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("invalid_file", "The PDF is protected by a password.")
    except pypdf.errors.DependencyError:
        raise Unreadable("invalid_file", "The PDF is encrypted.") from None
    if len(reader.pages) > MAX_PAGES:
        raise Unreadable("invalid_file", f"The PDF has more than {MAX_PAGES:,} pages.")
    found = False
    for page in reader.pages:
        text = page.extract_text()
        found = found or bool(text.strip())
        yield text
    if not found:
        raise Unreadable("unsupported_file", "The PDF holds no text, only images: it would need OCR.")
