"""Excel workbooks of the years before 2007 (.xls): the cells as each sheet shows them, like `sheets`."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import xlrd

from parsers import legacy
from parsers.number_format import shown
from parsers.reading import Unreadable, Warn
from parsers.tables import named_rows


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
