"""Excel workbooks (.xlsx and its macro and template variants): the cells as each sheet shows them.

The library openpyxl refuses a whole workbook for a broken part, and knows neither what a format shows nor text boxes.
Here sheets are streamed, and the size that a sheet claims is not believed: some programs write a wrong one.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from lxml import etree

from parsers.archive import (
    BROKEN,
    Archive,
    Element,
    Relations,
    attribute,
    child,
    children,
    descendants,
    local,
    reference,
)
from parsers.drawing import shapes
from parsers.number_format import BUILT_IN, shown
from parsers.reading import Warn
from parsers.tables import named_rows

MAX_COLUMNS = 16_384

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_HEADER_CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|\d+|[A-Za-z])')


class _Book(NamedTuple):
    strings: list[str]
    formats: list[str]
    since_1904: bool


def read(archive: Archive, main: str, warn: Warn) -> Iterator[str]:
    """Yield each sheet's name, its rows, and what its drawings, comments, header and footer say."""
    relations = archive.relations(main)
    root = archive.xml(main)
    settings = child(root, "workbookPr")
    book = _Book(
        list(_strings(archive, relations)),
        _formats(archive, relations),
        attribute(settings, "date1904") in ("1", "true"),
    )
    sheets = [(entry.get("name", ""), reference(entry)) for entry in descendants(child(root, "sheets"), "sheet")]
    for number, (name, id) in enumerate(sheets, 1):
        yield f"Sheet: {name}"
        part = relations.target(id)
        if part not in archive:
            warn(f"Sheet {number} could not be read: the file does not hold it.")
            continue
        if relations.type(id) == "worksheet":
            sheet = _Sheet(book, number, warn)
            yield from named_rows(sheet.rows(archive, part))
            yield from sheet.margins
        yield from _attached(archive, archive.relations(part))


class _Sheet:
    """Reads one sheet.

    Attributes:
        margins: the texts of header and footer, once the rows were read.
    """

    def __init__(self, book: _Book, number: int, warn: Warn) -> None:
        self._book = book
        self._number = number
        self._warn = warn
        self._missing = 0
        self.margins: list[str] = []

    def rows(self, archive: Archive, part: str) -> Iterator[Sequence[str]]:
        """Yield the rows, each with the cells up to its last one."""
        try:
            with archive.open(part) as stream:
                yield from self._rows(stream)
        except BROKEN:
            # What comes before the break stays.
            self._warn(f"Sheet {self._number} is broken: it was not read to its end.")
        if self._missing:
            self._warn(
                f"Formulas without a stored result in sheet {self._number}: {self._missing}. To calculate them, open "
                "and save the workbook in a spreadsheet program."
            )

    def _rows(self, stream: BinaryIO) -> Iterator[Sequence[str]]:
        parser = etree.iterparse(
            stream, events=("end",), resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True,
            tag=("{*}row", "{*}oddHeader", "{*}evenHeader", "{*}firstHeader", "{*}oddFooter", "{*}evenFooter",
                 "{*}firstFooter"),
        )  # fmt: skip
        for _, element in parser:
            if local(element) == "row":
                yield self._row(element)
            else:
                self._margin(element.text or "")
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]

    def _row(self, row: Element) -> list[str]:
        cells: dict[int, str] = {}
        column = -1
        for cell in children(row, "c"):
            column = _column(cell.get("r", ""), column + 1)
            if column < MAX_COLUMNS:
                cells[column] = self._text(cell)
        return [cells.get(index, "") for index in range(max(cells, default=-1) + 1)]

    def _text(self, cell: Element) -> str:
        """Return what a cell shows."""
        kind, value = cell.get("t", "n"), child(cell, "v")
        text = (value.text or "") if value is not None else ""
        if kind == "inlineStr":
            return _rich(child(cell, "is"))
        if not text:
            self._missing += child(cell, "f") is not None and kind != "str"
            return ""
        if kind == "s":
            index = int(text) if text.isdecimal() else -1
            return self._book.strings[index] if 0 <= index < len(self._book.strings) else ""
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        if kind in ("str", "e"):
            return _unescaped(text)
        style = cell.get("s", "0")
        index = int(style) if style.isdecimal() else 0
        code = self._book.formats[index] if index < len(self._book.formats) else "General"
        try:
            return shown(float(text), code, since_1904=self._book.since_1904)
        except ValueError:
            return text  # A date as ISO 8601.

    def _margin(self, text: str) -> None:
        text = " ".join(_HEADER_CODE.sub(" ", text.replace("&&", "\0")).replace("\0", "&").split())
        if text and text not in self.margins:
            self.margins.append(text)


def _column(place: str, default: int) -> int:
    """Return the index of a cell's column from its place, such as `AB12`."""
    letters = place.rstrip("0123456789").upper()
    if not 0 < len(letters) < 4 or not letters.isascii() or not letters.isalpha():
        return default
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _attached(archive: Archive, relations: Relations) -> Iterator[str]:
    """Yield what text boxes, charts and comments of a sheet say."""
    people = {
        person.get("id", ""): person.get("displayName", "")
        for name in archive.names("xl/persons/")
        for person in descendants(archive.xml(name), "person")
    }
    for name in relations.of_type("drawing"):
        yield from shapes(archive.xml(name), archive, archive.relations(name))
    threads = relations.of_type("threadedComment")
    for name in threads:
        for comment in descendants(archive.xml(name), "threadedComment"):
            text = child(comment, "text")
            author = people.get(comment.get("personId", "")) or "someone"
            yield f"Comment by {author} on {comment.get('ref', '')}: {(text.text or '') if text is not None else ''}"
    # Of a thread, older programs are shown a copy with a note of its own.
    for name in relations.of_type("comments") if not threads else ():
        root = archive.xml(name)
        authors = [author.text or "" for author in descendants(root, "author")]
        for comment in descendants(root, "comment"):
            index = comment.get("authorId", "")
            author = authors[int(index)] if index.isdecimal() and int(index) < len(authors) else ""
            yield f"Comment by {author or 'someone'} on {comment.get('ref', '')}: {_rich(child(comment, 'text'))}"


def _strings(archive: Archive, relations: Relations) -> Iterator[str]:
    for name in relations.of_type("sharedStrings"):
        for item in children(archive.xml(name), "si"):
            yield _rich(item)


def _rich(item: Element | None) -> str:
    """Return a text that may have runs; readings (`rPh`) are shown above, not in it."""
    pieces = []
    for each in item if item is not None else ():
        if local(each) == "t":
            pieces.append(each.text or "")
        elif local(each) == "r":
            pieces += [text.text or "" for text in children(each, "t")]
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _formats(archive: Archive, relations: Relations) -> list[str]:
    """Return the number format of each cell style."""
    formats = []
    for name in relations.of_type("styles"):
        root = archive.xml(name)
        own = {each.get("numFmtId"): each.get("formatCode", "General") for each in descendants(root, "numFmt")}
        for style in children(child(root, "cellXfs"), "xf"):
            id = style.get("numFmtId", "0")
            formats.append(own.get(id) or BUILT_IN.get(int(id) if id.isdecimal() else 0, "General"))
    return formats
