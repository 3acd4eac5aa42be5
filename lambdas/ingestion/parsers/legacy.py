"""Office documents of the years before 2007 (.doc, .xls, .ppt), and what else is a compound file.

The format: [MS-CFB], a file system in a file; its streams tell what it holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import olefile

from parsers import outlook
from parsers.reading import Unreadable, Warn

_Kind = Literal["doc", "ppt"]
_LIBRARY_KINDS: dict[str, _Kind] = {"WordDocument": "doc", "PowerPoint Document": "ppt"}
_NOT_READ = {
    "VisioDocument": "a Visio drawing",
    "Quill": "a Publisher document (save it as PDF)",
    "PerfectOffice_MAIN": "a WordPerfect document (save it as .docx)",
    "\x05HwpSummaryInformation": "a Hangul document (save it as .docx)",
}


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of the document in a compound file.

    Raises:
        Unreadable: it is broken, protected, or holds no document that is read.
    """
    try:
        with olefile.OleFileIO(path) as container:
            streams = {entry[0] for entry in container.listdir(streams=True, storages=True)}
            if "__properties_version1.0" in streams:
                yield from outlook.read(container, warn)
                return
    except OSError:
        raise Unreadable("invalid_file", "The file is broken: it looks like an old Office document.") from None
    if streams & {"EncryptedPackage", "EncryptionInfo"}:
        raise Unreadable("invalid_file", "The file is protected by a password.")
    if streams & {"Workbook", "Book"}:
        yield from _workbook(path, warn)
    elif kind := next((kind for stream, kind in _LIBRARY_KINDS.items() if stream in streams), None):
        yield _text(path.read_bytes(), kind)
    else:
        what = next((what for stream, what in _NOT_READ.items() if stream in streams), "of a kind that is not known")
        raise Unreadable("unsupported_file", f"The file is {what}; file search can't read it.")


def _text(data: bytes, kind: _Kind) -> str:
    try:
        from office_oxide import Document
    except ImportError:
        message = "The file is an Office document of before 2007: save it in the present format, such as .docx."
        raise Unreadable("unsupported_file", message) from None
    try:
        text: str = Document.from_bytes(data, kind).plain_text()
    except Exception as error:
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise Unreadable("invalid_file", "The file is protected by a password.") from None
        raise
    return text


def _workbook(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the rows of an Excel workbook of the old binary format."""
    from io import StringIO

    import xlrd

    from parsers.number_format import shown
    from parsers.tables import named_rows

    try:
        book = xlrd.open_workbook(filename=str(path), formatting_info=True, logfile=StringIO(), ragged_rows=True)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise Unreadable("invalid_file", "The file is protected by a password.") from None
        raise

    def text(sheet: xlrd.sheet.Sheet, row: int, column: int) -> str:
        cell = sheet.cell(row, column)
        match cell.ctype:
            case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
                code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
                return shown(cell.value, code, since_1904=book.datemode == 1)
            case xlrd.XL_CELL_BOOLEAN:
                return "TRUE" if cell.value else "FALSE"
            case xlrd.XL_CELL_ERROR:
                return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
        return str(cell.value)

    for sheet in book.sheets():
        yield f"Sheet: {sheet.name}"
        yield from named_rows(
            [text(sheet, row, column) for column in range(sheet.row_len(row))] for row in range(sheet.nrows)
        )
        for (row, column), note in sorted(sheet.cell_note_map.items()):
            yield f"Comment by {note.author or 'someone'} on {xlrd.cellname(row, column)}: {note.text}"
