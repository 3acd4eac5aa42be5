"""Excel workbooks of the years before 2007 (.xls): the cells as each sheet shows them, like `sheets`."""

import struct
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import olefile
import xlrd

from parsers import legacy
from parsers.number_format import shown
from parsers.reading import Unreadable, Warn
from parsers.tables import named_rows

_BEGIN, _CONTINUE, _TEXT_BOX = 0x809, 0x3C, 0x1B6
_CHART = b"\x20\0"


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield each sheet's name, its rows and its comments.

    Raises:
        Unreadable: the workbook is protected by a password.
    """
    try:
        # Excel 4 and before know no formats of cells.
        modern = path.read_bytes()[:1] != b"\x09"
        book = xlrd.open_workbook(filename=str(path), formatting_info=modern, logfile=StringIO(), ragged_rows=True)
    except Exception as error:
        if "encrypted" in str(error).lower():
            raise Unreadable("invalid_file", "The file is protected by a password.") from None
        # A formula or a format that the library does not know; another one reads the cells, if not their formats.
        yield legacy.text_of(path.read_bytes(), "xls")
        warn("The workbook holds something that is not known: its numbers may look different from how it shows them.")
        return
    for sheet in book.sheets():
        yield f"Sheet: {sheet.name}"
        yield from named_rows(
            [_text(book, sheet.cell(row, column)) for column in range(sheet.row_len(row))] for row in range(sheet.nrows)
        )
        for (row, column), note in sorted(sheet.cell_note_map.items()):
            yield f"Comment by {note.author or 'someone'} on {xlrd.cellname(row, column)}: {note.text}"
    notes = {note.text for sheet in book.sheets() for note in sheet.cell_note_map.values()}
    yield from (text for text in _text_boxes(_stream(path), warn) if text not in notes)


def _stream(path: Path) -> bytes:
    """Return the records of a workbook; none of one of before 1994, which is no compound file."""
    if not olefile.isOleFile(path):
        return b""
    with olefile.OleFileIO(path) as container:
        name = next(name for name in ("Workbook", "Book") if container.exists(name))
        return bytes(container.openstream(name).read())


def _text_boxes(stream: bytes, warn: Warn) -> Iterator[str]:
    """Yield the texts of text boxes and notes, which the library leaves out, and report charts ([MS-XLS] 2.3)."""
    place, charts, length = 0, 0, 0
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        body = stream[place + 4 : place + 4 + size]
        if kind == _CONTINUE and length:
            # The first byte tells one byte a letter from two.
            encoding, width = ("utf-16-le", 2) if body[:1] == b"\1" else ("cp1252", 1)
            yield body[1 : 1 + width * length].decode(encoding, errors="replace")
        length = struct.unpack_from("<H", body, 10)[0] if kind == _TEXT_BOX and size >= 12 else 0
        charts += kind == _BEGIN and body[2:4] == _CHART
        place += 4 + size
    if charts:
        warn(f"Charts in the workbook: {charts}. They are not read; save it as .xlsx to have them read.")


def _text(book: xlrd.book.Book, cell: xlrd.sheet.Cell) -> str:
    match cell.ctype:
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            code = "General"
            if cell.xf_index is not None:
                code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
            return shown(cell.value, code, since_1904=book.datemode == 1)
        case xlrd.XL_CELL_BOOLEAN:
            return "TRUE" if cell.value else "FALSE"
        case xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    return str(cell.value)
