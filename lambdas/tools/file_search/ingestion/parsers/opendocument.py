"""OpenDocument texts, sheets, presentations and drawings (.odt, .ods, .odp, .odg and their templates)."""

import posixpath
from collections.abc import Iterator

from parsers.archive import Archive, Element, attribute, child, children, descendants, local
from parsers.drawing import CELL
from parsers.reading import PICTURES, Unreadable, Warn
from parsers.tables import named_rows

MAX_REPEATED = 1_000
"""How often a cell or row that says that it is repeated is written; sheets repeat empty ones a million times."""

_NOT_SHOWN = {
    "tracked-changes", "note", "annotation", "event-listeners", "sequence-decls", "forms", "title", "desc",
    "number-columns-repeated",
}  # fmt: skip


def read(archive: Archive, warn: Warn) -> Iterator[str]:
    """Yield headers, the body with its notes and comments, and footers.

    Raises:
        Unreadable: the document is protected by a password.
    """
    manifest = archive.xml("META-INF/manifest.xml")
    if next(descendants(manifest, "encryption-data"), None) is not None:
        raise Unreadable("invalid_file", "The file is protected by a password.")
    styles = archive.xml("styles.xml")
    document = _Document(archive)
    yield from document.margins(styles, "header")
    for body in descendants(archive.xml("content.xml"), "body"):
        for kind in body:
            yield from document.blocks(kind)
    yield from document.later
    yield from document.margins(styles, "footer")
    if pictures := len(archive.names("Pictures/")):
        warn(PICTURES.format(pictures))


class _Document:
    def __init__(self, archive: Archive, folder: str = "") -> None:
        self._archive = archive
        self._folder = folder
        self._slides = 0
        self.later: list[str] = []
        """Notes and comments, which come after the body."""

    def margins(self, styles: Element | None, kind: str) -> Iterator[str]:
        """Yield each different header, or footer, once."""
        names = [kind, f"{kind}-left", f"{kind}-first"]
        texts = ("\n".join(self.blocks(each)).strip() for each in descendants(styles, *names))
        yield from dict.fromkeys(text for text in texts if text)

    def blocks(self, parent: Element) -> Iterator[str]:
        """Yield the paragraphs, tables and slides in an element."""
        for block in parent:
            name = local(block)
            if name in ("p", "h"):
                anchored: list[str] = []
                yield "".join(self._inline(block, anchored))
                yield from anchored
            elif name == "table":
                yield from self._table(block, is_sheet=local(parent) == "spreadsheet")
            elif name == "page" and block.tag.endswith("drawing:1.0}page"):
                self._slides += 1
                yield f"Slide {self._slides}"
                yield from self.blocks(block)
            elif name == "annotation":
                self._comment(block)
            elif name == "notes":
                if lines := [line for line in self.blocks(block) if line.strip()]:
                    yield "Notes: " + "\n".join(lines)
            elif name == "object":
                yield from self._object(block)
            elif name not in _NOT_SHOWN:
                yield from self.blocks(block)

    def _inline(self, parent: Element, anchored: list[str]) -> Iterator[str]:
        yield parent.text or ""
        for each in parent:
            match local(each):
                case "s":
                    yield " " * min(_count(each, "c"), MAX_REPEATED)
                case "tab":
                    yield "\t"
                case "line-break":
                    yield "\n"
                case "note":
                    citation = "".join("".join(mark.itertext()) for mark in children(each, "note-citation"))
                    yield f"[{citation}]"
                    if (body := child(each, "note-body")) is not None:
                        self.later.append(f"[{citation}] " + "\n".join(self.blocks(body)).strip())
                case "annotation":
                    self._comment(each)
                case "frame" | "custom-shape" | "rect" | "g" | "ellipse" | "line" | "connector":
                    anchored += self.blocks(each)
                case "ruby-text":
                    yield "(" + "".join(self._inline(each, anchored)) + ")"
                case name if name not in _NOT_SHOWN:
                    yield from self._inline(each, anchored)
            yield each.tail or ""

    def _comment(self, annotation: Element) -> None:
        author = child(annotation, "creator")
        text = "\n".join(self.blocks(annotation)).strip()
        self.later.append(f"Comment by {(author is not None and author.text) or 'someone'}: {text}")

    def _table(self, table: Element, *, is_sheet: bool) -> Iterator[str]:
        if is_sheet:
            yield f"Sheet: {attribute(table, 'name') or ''}"
            yield from named_rows(self._rows(table))
            for shapes in children(table, "shapes"):
                yield from self.blocks(shapes)
            return
        for row in self._rows(table):
            yield CELL.join(row)

    def _rows(self, table: Element) -> Iterator[list[str]]:
        for row in descendants(table, "table-row"):
            # Not those of a table in a cell.
            if next(row.iterancestors("{*}table"), None) is not table:
                continue
            cells: list[str] = []
            for cell in children(row, "table-cell", "covered-table-cell"):
                text = " ".join(" ".join(self.blocks(cell)).split())
                cells += [text] * min(_count(cell, "number-columns-repeated"), MAX_REPEATED)
            while cells and not cells[-1] and len(cells) > _columns(row):
                cells.pop()
            for _ in range(min(_count(row, "number-rows-repeated"), MAX_REPEATED) if any(cells) else 1):
                yield cells

    def _object(self, reference: Element) -> Iterator[str]:
        """Yield what an object in the document shows: a chart with its numbers, or an equation."""
        folder = posixpath.normpath(posixpath.join(self._folder, attribute(reference, "href") or ""))
        root = self._archive.xml(f"{folder}/content.xml") if folder not in ("", ".") else None
        if root is None or folder.count("/") > 3:
            return
        if local(root) == "math":
            for annotation in list(descendants(root, "annotation")):
                annotation.getparent().remove(annotation)
            yield " ".join(" ".join(root.itertext()).split())
            return
        inner = _Document(self._archive, folder)
        for kind in ("title", "subtitle", "axis"):
            for each in descendants(root, kind):
                yield from inner.blocks(each)
        for table in descendants(root, "table"):
            yield from inner._table(table, is_sheet=False)


def _columns(row: Element) -> int:
    """Return how many cells a row has at least: those that do not merely fill it up to the edge of the sheet."""
    cells = list(children(row, "table-cell", "covered-table-cell"))
    return sum(_count(cell, "number-columns-repeated") for cell in cells if _count(cell, "number-columns-repeated") < 2)


def _count(element: Element, name: str) -> int:
    value = attribute(element, name) or "1"
    return int(value) if value.isdecimal() and len(value) < 9 else 1
