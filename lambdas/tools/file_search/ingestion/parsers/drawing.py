"""Reads the drawings in every kind of Office document: text, tables, charts, SmartArt and equations."""

from collections.abc import Iterator

from parsers.archive import Archive, Element, Relations, attribute, child, children, descendants, local, reference
from parsers.number_format import shown

CELL = " | "
"""Between the cells of a row that has no names for its columns."""


def text_body(body: Element | None) -> list[str]:
    """Return the paragraphs of a shape's text."""
    return [line for paragraph in descendants(body, "p") for line in _paragraph(paragraph).splitlines() if line.strip()]


def _paragraph(paragraph: Element) -> str:
    pieces = []
    for each in paragraph:
        match local(each):
            case "r" | "fld":
                pieces += [text.text or "" for text in descendants(each, "t")]
            case "br":
                pieces.append("\n")
            case "tab":
                pieces.append("\t")
            case "AlternateContent":
                pieces += [equation(math) for math in descendants(chosen(each), "oMath")]
            case "m":
                pieces += [equation(math) for math in descendants(each, "oMath")]
    return "".join(pieces)


def chosen(alternate: Element) -> Element | None:
    """Return the branch of an `mc:AlternateContent` that a present program shows."""
    for choice in children(alternate, "Choice"):
        if len(choice):
            return choice
    return child(alternate, "Fallback")


def table(element: Element) -> Iterator[str]:
    """Yield the rows of a table: every cell, equal and empty ones too."""
    for row in children(element, "tr"):
        yield CELL.join(" ".join(text_body(child(cell, "txBody"))) for cell in children(row, "tc"))


def shapes(tree: Element | None, archive: Archive, relations: Relations) -> Iterator[str]:
    """Yield the text of the shapes in a tree, of groups too, in their order."""
    for shape in tree if tree is not None else ():
        match local(shape):
            case "sp" | "cxnSp":
                yield from text_body(child(shape, "txBody"))
            case "grpSp" | "wgp":
                yield from shapes(shape, archive, relations)
            case "twoCellAnchor" | "oneCellAnchor" | "absoluteAnchor":
                yield from shapes(shape, archive, relations)
            case "AlternateContent":
                yield from shapes(chosen(shape), archive, relations)
            case "graphicFrame":
                yield from graphic(shape, archive, relations)


def graphic(frame: Element, archive: Archive, relations: Relations) -> Iterator[str]:
    """Yield what a frame shows: a table, a chart or SmartArt."""
    for data in descendants(frame, "graphicData"):
        for content in data:
            match local(content):
                case "tbl":
                    yield from table(content)
                case "chart":
                    yield from chart(archive.xml(relations.target(reference(content))))
                case "relIds":
                    yield from smart_art(archive.xml(relations.target(reference(content, "dm"))))


def smart_art(root: Element | None) -> Iterator[str]:
    """Yield the text of each point of a diagram's data."""
    for point in descendants(root, "pt"):
        yield from text_body(child(point, "t"))


def chart(root: Element | None) -> Iterator[str]:
    """Yield a chart's titles, and its numbers as a table with a column for each series."""
    titles = (line for title in descendants(root, "title") for line in text_body(title))
    cached = (point.text or "" for title in descendants(root, "title") for point in descendants(title, "v"))
    yield from (line for line in (*titles, *cached) if line.strip())
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in descendants(root, "ser"):
        names.append(" ".join(_points(child(series, "tx")).values()))
        for label in ("cat", "xVal"):
            categories |= _points(child(series, label))
        for label in ("val", "yVal", "bubbleSize"):
            if (values := child(series, label)) is not None:
                columns.append(_points(values))
                names += [""] * (len(columns) - len(names))
    if columns:
        if any(names):
            yield CELL.join(["", *names])
        for index in sorted({*categories, *(key for column in columns for key in column)}):
            yield CELL.join([categories.get(index, ""), *(column.get(index, "") for column in columns)])
    for label in descendants(root, "dLbl", "userShapes", "txPr"):
        yield from text_body(child(label, "tx"))
    # Charts of newer kinds (waterfall, treemap, sunburst) hold levels of strings and numbers instead of series.
    for dimension in descendants(root, "strDim", "numDim"):
        yield CELL.join(point.text or "" for point in descendants(dimension, "pt"))
    for name in descendants(root, "txData"):
        yield from (value.text or "" for value in children(name, "v"))


def _points(element: Element | None) -> dict[int, str]:
    """Return the cached points of a series' part, by their index; of several levels, all of a point's labels."""
    points: dict[int, str] = {}
    if element is not None and (value := child(element, "v")) is not None:
        points[0] = value.text or ""
    for cache in descendants(element, "numCache", "numLit"):
        code = child(cache, "formatCode")
        for point in children(cache, "pt"):
            own = attribute(point, "formatCode") or (code.text if code is not None else None) or "General"
            points[_index(point)] = _number(child(point, "v"), own)
    for level in descendants(element, "strCache", "strLit", "lvl"):
        for point in children(level, "pt"):
            value = child(point, "v")
            text = (value.text or "") if value is not None else ""
            index = _index(point)
            points[index] = f"{text} {points[index]}" if index in points else text
    return points


def _index(point: Element) -> int:
    index = point.get("idx", "0")
    return int(index) if index.isdecimal() else 0


def _number(value: Element | None, code: str) -> str:
    text = (value.text or "") if value is not None else ""
    try:
        return shown(float(text), code)
    except ValueError:
        return text


def equation(math: Element | None) -> str:
    """Return an equation on one line, such as `x=(-b±√(b^2-4ac))/(2a)`."""
    return "".join(_term(each) for each in (math if math is not None else ()))


def _term(term: Element) -> str:
    def operand(name: str, *, grouped: bool = True) -> str:
        text = equation(child(term, name))
        return text if not grouped or len(text) <= 1 or text.isalnum() else f"({text})"

    def setting(name: str, default: str) -> str:
        value = attribute(child(term, f"{local(term)}Pr", name), "val")
        return default if value is None else value

    match local(term):
        case "r":
            return "".join(text.text or "" for text in descendants(term, "t"))
        case "f":
            return f"{operand('num')}/{operand('den')}"
        case "sSup":
            return f"{operand('e', grouped=False)}^{operand('sup')}"
        case "sSub":
            return f"{operand('e', grouped=False)}_{operand('sub')}"
        case "sSubSup":
            return f"{operand('e', grouped=False)}_{operand('sub')}^{operand('sup')}"
        case "rad":
            return f"{operand('deg', grouped=False)}√{operand('e')}"
        case "nary":
            return f"{setting('chr', '∫')}_{operand('sub')}^{operand('sup')} {operand('e', grouped=False)}"
        case "d":
            operands = setting("sepChr", ",").join(equation(each) for each in children(term, "e"))
            return setting("begChr", "(") + operands + setting("endChr", ")")
        case "m":
            rows = (", ".join(equation(cell) for cell in children(row, "e")) for row in children(term, "mr"))
            return "; ".join(rows)
    return equation(term)
