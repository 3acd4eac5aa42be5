"""A parser for each kind of file. What a file is, its bytes decide before its name does.

Files come from strangers: an archive's real size is looked at before it is unpacked, XML's entities are not expanded,
and what a parser can't finish in its process's memory and time is a broken file.
"""

import codecs
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 24_000_000
"""Text beyond this is more than 5,000,000 tokens; reading goes no further."""

MOST_UNPACKED_BYTES = 512 * 1024**2
MOST_ARCHIVE_ENTRIES = 20_000
MOST_PAGES = 20_000

_OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
_HTML = {".htm", ".html", ".xhtml"}
_NOT_TEXT = {
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "a media file",
    b"\x1f\x8b": "a compressed file",
    b"\x7fELF": "a program",
    b"\xd0\xcf\x11\xe0": "an old Office document (save it as .docx, .xlsx or .pptx)",
}


class Unreadable(Exception):
    """The file can't be read; `code` is `unsupported_file` or `invalid_file`, `message` is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def text_of(path: Path, suffix: str) -> str:
    """The text of a file.

    Args:
        suffix: of the name that it was uploaded under, such as `.csv`, in lower case.

    Raises:
        Unreadable: there is no way to read it.
    """
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        raise Unreadable("invalid_file", "The file is empty.")
    kind, parser = _parser(path, start, suffix)
    try:
        return _joined(parser(path))
    except (Unreadable, MemoryError):
        raise
    except Exception:
        raise Unreadable("invalid_file", f"The file can't be read as {kind}: it is broken.") from None


def _parser(path: Path, start: bytes, suffix: str) -> tuple[str, Callable[[Path], Iterable[str]]]:
    if start.lstrip().startswith(b"%PDF-") or suffix == ".pdf":
        return "PDF", _pdf
    if start.startswith(b"PK\x03\x04"):
        kind = _office_kind(path)
        return {"docx": ("Word", _docx), "xlsx": ("Excel", _xlsx), "pptx": ("PowerPoint", _pptx)}[kind]
    for magic, what in _NOT_TEXT.items():
        if start.startswith(magic):
            raise Unreadable("unsupported_file", f"The file is {what}; file search reads text.")
    if suffix in (".docx", ".xlsx", ".pptx"):
        raise Unreadable("invalid_file", f"The file is not a {suffix} file: it is broken.")
    if suffix in _HTML or re.match(rb"\s*(<!doctype html|<html)", start, re.IGNORECASE):
        return "HTML", _html
    if suffix in (".csv", ".tsv"):
        return "CSV", _csv
    if suffix == ".json":
        return "JSON", _json
    return "text", _plain


def _joined(pieces: Iterable[str]) -> str:
    """The pieces as one text, without what no text has: NUL and lone surrogates."""
    text, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_CHARACTERS:
            raise Unreadable("invalid_file", "The file holds more text than a vector store takes (5,000,000 tokens).")
        text.append(piece)
    joined = "\n".join(text).replace("\0", " ").replace("\r\n", "\n")
    return joined.encode(errors="replace").decode()


def _decoded(path: Path) -> str:
    """The text of a file in whatever encoding it has.

    Raises:
        Unreadable: it is not text.
    """
    data = path.read_bytes()
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
        import charset_normalizer

        best = charset_normalizer.from_bytes(data[:1_000_000]).best()
        if best is None:
            raise Unreadable("unsupported_file", "The file is not text in any encoding that is known.") from None
        text = data.decode(best.encoding, errors="replace")
    if text.count("\0") > len(text) // 100:
        raise Unreadable("unsupported_file", "The file is binary; file search reads text.")
    return text


def _plain(path: Path) -> Iterator[str]:
    yield _decoded(path)


def _csv(path: Path) -> Iterator[str]:
    """Each row with its column's names, so that a row is found and understood without the header."""
    text = _decoded(path)
    csv.field_size_limit(MOST_CHARACTERS)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    return _rows(csv.reader(io.StringIO(text), dialect))


def _rows(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    header: list[str] | None = None
    for row in rows:
        cells = ["" if cell is None else str(cell).strip() for cell in row]
        if not any(cells):
            continue
        if header is None:
            header = cells
            continue
        named = (
            f"{name}: {cell}" if name else cell
            for name, cell in zip(header + [""] * len(cells), cells, strict=False)
            if cell
        )
        yield "; ".join(named)
    if header and any(header):
        yield "Columns: " + ", ".join(name for name in header if name)


def _json(path: Path) -> Iterator[str]:
    text = _decoded(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield text  # Lines of JSON, or nearly JSON: still text.
        return
    yield json.dumps(value, ensure_ascii=False, indent=1)


def _html(path: Path) -> Iterator[str]:
    from lxml import html

    parser = html.HTMLParser(no_network=True, remove_comments=True, huge_tree=False)
    root = html.document_fromstring(_decoded(path).encode(), parser=parser, ensure_head_body=True)
    for dropped in list(root.iter("script", "style", "noscript", "template")):
        dropped.drop_tree()
    for block in root.iter(
        "p", "div", "br", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "title", "pre"
    ):
        block.tail = "\n" + (block.tail or "")
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in root.text_content().splitlines())
    yield re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _pdf(path: Path) -> Iterator[str]:
    import pypdf

    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("invalid_file", "The PDF is protected by a password.")
    except pypdf.errors.DependencyError:
        raise Unreadable("invalid_file", "The PDF is encrypted.") from None
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable("invalid_file", f"The PDF has more than {MOST_PAGES:,} pages.")
    found = False
    for page in reader.pages:
        text = page.extract_text()
        found = found or bool(text.strip())
        yield text
    if not found:
        raise Unreadable("unsupported_file", "The PDF holds no text, only images: it would need OCR.")


def _office_kind(path: Path) -> str:
    """What of Office an archive is; archives that unpack to more than we take are refused.

    Raises:
        Unreadable: it is another archive, or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Unreadable("invalid_file", "The file is a broken archive.") from None
    if len(entries) > MOST_ARCHIVE_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES:
        raise Unreadable("invalid_file", "The file unpacks to far more than its own size.")
    for folder, kind in _OFFICE.items():
        if any(entry.filename.startswith(folder) for entry in entries):
            return kind
    raise Unreadable("unsupported_file", "The file is an archive; attach the files in it one by one.")


def _docx(path: Path) -> Iterator[str]:
    import docx
    from docx.table import Table

    for block in docx.Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                yield " | ".join(dict.fromkeys(cell.text.strip() for cell in row.cells))
        else:
            yield block.text


def _xlsx(path: Path) -> Iterator[str]:
    import openpyxl

    # From a file that is open: of one by its name, it wants to know the suffix.
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for sheet in book.worksheets:
            yield f"Sheet: {sheet.title}"
            yield from _rows(sheet.iter_rows(values_only=True))


def _pptx(path: Path) -> Iterator[str]:
    import pptx

    for number, slide in enumerate(pptx.Presentation(str(path)).slides, 1):
        yield f"Slide {number}"
        for shape in slide.shapes:
            if shape.has_text_frame:
                yield shape.text_frame.text
            if getattr(shape, "has_table", False):
                for row in shape.table.rows:
                    yield " | ".join(cell.text.strip() for cell in row.cells)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield slide.notes_slide.notes_text_frame.text
