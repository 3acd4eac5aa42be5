"""Office documents."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from parsers.reading import Unreadable, Warn
from parsers.tables import named_rows

MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_ARCHIVE_ENTRIES = 20_000
_OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of an Office document."""
    yield from {"docx": _docx, "xlsx": _xlsx, "pptx": _pptx}[_office_kind(path)](path)


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
    if len(entries) > MAX_ARCHIVE_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
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
            yield from named_rows(
                ["" if value is None else str(value) for value in row] for row in sheet.iter_rows(values_only=True)
            )


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
