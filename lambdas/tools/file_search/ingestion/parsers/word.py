"""Word documents (.docx and its macro and template variants): all that Word shows of them.

The library python-docx leaves out what is inside a content control, a tracked insertion or a text box, and the notes;
here every element is followed, and those few that Word does not show are left out.
"""

from collections.abc import Iterator

from parsers import markup, plain
from parsers.archive import Archive, Element, attribute, child, children, local, reference
from parsers.drawing import CELL, chart, chosen, equation, shapes, smart_art
from parsers.numbering import Numbering
from parsers.reading import Warn

_NOT_SHOWN = {"del", "moveFrom", "instrText", "delText", "delInstrText", "rPr", "pPr", "sdtPr", "tblPr", "tblGrid"}
_BLOCKS = {"p", "tbl", "altChunk"}
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}


def read(archive: Archive, main: str, warn: Warn) -> Iterator[str]:
    """Yield headers, body, footers, notes and comments of the document whose main part is `main`."""
    document = _Document(archive, main, warn)
    yield from document.margins("header")
    yield from document.part(main)
    yield from document.margins("footer")
    yield from document.notes()
    yield from document.comments()


class _Document:
    def __init__(self, archive: Archive, main: str, warn: Warn) -> None:
        self._archive = archive
        self._warn = warn
        self._relations = self._main_relations = archive.relations(main)
        self._numbering = Numbering(archive, self._main_relations)
        self._noted: dict[tuple[str, str], int] = {}
        """The notes that the text refers to, by kind and id, and their numbers."""
        self._counts = dict.fromkeys(_NOTES.values(), 0)

    def part(self, name: str) -> Iterator[str]:
        """Yield the text of the main part, or of a header or footer."""
        root = self._archive.xml(name)
        if root is not None:
            before, self._relations = self._relations, self._archive.relations(name)
            for body in list(children(root, "body")) or [root]:
                yield from self._blocks(body)
            self._relations = before

    def margins(self, kind: str) -> Iterator[str]:
        """Yield each different header, or footer, once: a document has up to three for each section."""
        seen = set()
        for name in self._main_relations.of_type(kind):
            lines = [line for line in self.part(name) if line.strip()]
            if tuple(lines) not in seen:
                seen.add(tuple(lines))
                yield from lines

    def notes(self) -> Iterator[str]:
        """Yield the notes that the text refers to, each after the number that stands in the text."""
        for kind in ("footnotes", "endnotes"):
            for name in self._main_relations.of_type(kind):
                root = self._archive.xml(name)
                self._relations = self._archive.relations(name)
                for note in children(root, "footnote", "endnote"):
                    number = self._noted.get((kind, attribute(note, "id") or ""))
                    if number is not None:
                        yield f"[{number}] " + "\n".join(self._blocks(note)).strip()

    def comments(self) -> Iterator[str]:
        """Yield the comments with their authors."""
        for name in self._main_relations.of_type("comments"):
            root = self._archive.xml(name)
            self._relations = self._archive.relations(name)
            for comment in children(root, "comment"):
                text = "\n".join(self._blocks(comment)).strip()
                yield f"Comment by {attribute(comment, 'author') or 'someone'}: {text}"

    def _blocks(self, parent: Element) -> Iterator[str]:
        """Yield the paragraphs and tables in an element, and in whatever wraps them."""
        for block in parent:
            match local(block):
                case "p":
                    yield from self._paragraph(block)
                case "tbl":
                    yield from self._table(block)
                case "altChunk":
                    yield from self._other_format(block)
                case "AlternateContent":
                    branch = chosen(block)
                    if branch is not None:
                        yield from self._blocks(branch)
                case "oMathPara" | "oMath":
                    yield equation(block)
                case name if name not in _NOT_SHOWN:
                    yield from self._blocks(block)

    def _paragraph(self, paragraph: Element) -> Iterator[str]:
        """Yield a paragraph, then the text boxes and graphics that are anchored in it."""
        anchored: list[str] = []
        text = "".join(self._inline(paragraph, anchored))
        label = self._numbering.label(child(paragraph, "pPr"))
        yield f"{label} {text}" if label and text.strip() else text
        yield from anchored

    def _inline(self, parent: Element, anchored: list[str]) -> Iterator[str]:
        for each in parent:
            name = local(each)
            if name in _NOT_SHOWN:
                continue
            if name == "t":
                yield each.text or ""
            elif name in _CHARACTERS:
                yield _CHARACTERS[name]
            elif name in ("oMath", "oMathPara"):
                yield equation(each)
            elif name in _NOTES:
                yield self._note_number(_NOTES[name], each)
            elif name == "sym":
                yield _symbol(each)
            elif name == "ffData":
                yield _form_field(each)
            elif name == "AlternateContent":
                branch = chosen(each)
                if branch is not None:
                    yield from self._inline(branch, anchored)
            elif name == "txbxContent":
                anchored += self._blocks(each)
            elif name == "graphicData":
                anchored += self._graphic(each)
            elif name == "textpath":
                anchored.append(each.get("string", ""))
            elif name == "ruby":
                for base in children(each, "rubyBase"):
                    yield from self._inline(base, anchored)
                for reading in children(each, "rt"):
                    yield "(" + "".join(self._inline(reading, anchored)) + ")"
            else:
                yield from self._inline(each, anchored)

    def _graphic(self, data: Element) -> Iterator[str]:
        for content in data:
            match local(content):
                case "chart":
                    yield from chart(self._archive.xml(self._relations.target(reference(content))))
                case "relIds":
                    yield from smart_art(self._archive.xml(self._relations.target(reference(content, "dm"))))
                case "lockedCanvas":
                    yield from shapes(content, self._archive, self._relations)
                case _:
                    yield from self._boxes(content)

    def _boxes(self, parent: Element) -> Iterator[str]:
        """Yield the text boxes in a shape, or in a group of shapes."""
        for each in parent:
            match local(each):
                case "txbxContent":
                    yield from self._blocks(each)
                case "graphicData":
                    yield from self._graphic(each)
                case "AlternateContent":
                    branch = chosen(each)
                    yield from self._boxes(branch) if branch is not None else ()
                case _:
                    yield from self._boxes(each)

    def _note_number(self, kind: str, reference: Element) -> str:
        key = (kind, attribute(reference, "id") or "")
        if key not in self._noted:
            self._counts[kind] += 1
            self._noted[key] = self._counts[kind]
        return f"[{self._noted[key]}]"

    def _table(self, table: Element) -> Iterator[str]:
        """Yield the rows of a table: every cell, equal and empty ones too."""
        for row in _wrapped(table, "tr"):
            properties = child(row, "trPr")
            if child(properties, "del") is not None:
                continue
            cells = []
            for cell in _wrapped(row, "tc"):
                if child(cell, "tcPr", "cellDel") is None:
                    cells.append([line for line in self._blocks(cell) if line.strip()])
                    # A cell that is merged with those to its right takes their places.
                    cells += [[]] * (_number(child(cell, "tcPr", "gridSpan"), 1) - 1)
            if len(cells) == 1:
                # Such tables are frames around text.
                yield from cells[0]
                continue
            skipped: list[list[str]] = [[]] * _number(child(properties, "gridBefore"), 0)
            yield CELL.join(" ".join(" ".join(lines).split()) for lines in (*skipped, *cells))

    def _other_format(self, chunk: Element) -> Iterator[str]:
        """Yield what another program put into the document as a file of its own format."""
        name = self._relations.target(reference(chunk))
        suffix = name.rpartition(".")[2].lower()
        if suffix in ("html", "htm", "xhtml"):
            yield markup.text_of(self._archive.bytes(name), self._warn)
        elif suffix == "txt":
            yield plain.decoded(self._archive.bytes(name), self._warn)
        else:
            self._warn(f"The part {name[:100]} of the file was not read: it has a format of its own.")


def _wrapped(parent: Element, wanted: str) -> Iterator[Element]:
    """Yield the rows of a table, or the cells of a row, through content controls and custom XML."""
    for each in parent:
        if local(each) == wanted:
            yield each
        elif local(each) not in _NOT_SHOWN | _BLOCKS:
            yield from _wrapped(each, wanted)


def _number(element: Element | None, default: int) -> int:
    value = attribute(element, "val") or ""
    return min(int(value), 63) if value.isdecimal() else default


def _symbol(symbol: Element) -> str:
    """Return the character of a symbol; symbol fonts keep theirs in a private area, at F000 and above."""
    try:
        code = int(attribute(symbol, "char") or "", 16)
    except ValueError:
        return ""
    return "•" if code >= 0xF000 else chr(code)


def _form_field(data: Element) -> str:
    """Return what a legacy form field shows that is not text of the document: a choice or a tick."""
    if (choices := child(data, "ddList")) is not None:
        entries = [attribute(entry, "val") or "" for entry in children(choices, "listEntry")]
        index = _number(child(choices, "result"), _number(child(choices, "default"), 0))
        return entries[index] if index < len(entries) else ""
    if (box := child(data, "checkBox")) is not None:
        state = next((each for name in ("checked", "default") if (each := child(box, name)) is not None), None)
        ticked = state is not None and attribute(state, "val") not in ("0", "false", "off")
        return "☒" if ticked else "☐"
    return ""
