"""Rows of a table as lines of text, for CSV and spreadsheets alike."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

_MAX_TITLE_ROWS = 10
_MAX_NAME = 64

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,'\s]*[%)]?")


def named_rows(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each row as `name: cell; name: cell`, with the names of the header, which comes last by itself.

    Lines of one cell above the header are the table's title. A table of one column has the name of its first cell if
    that looks like one; numbers in the first row are no names. Empty cells are left out, as the names tell the others.
    """
    filled = (cells for row in rows if any(cells := [cell.strip() for cell in row]))
    above: list[list[str]] = []
    header: list[str] = []
    for cells in filled:
        if len(_said(cells)) > 1 or (len(cells) == 2 and not cells[0]):
            header = cells
            break
        above.append(cells)
        if len(above) > _MAX_TITLE_ROWS:
            break
    following: Iterable[list[str]] = filled
    if header:
        yield from chain.from_iterable(map(_said, above))
    elif above and _is_name(_said(above[0])[0]):
        header, following = above[0], chain(above[1:], filled)
    else:
        following = chain(above, filled)
    if all(_NUMBER.fullmatch(cell) for cell in _said(header)):
        header, following = [], chain([header] if header else [], following)
    header = [" ".join(name.split()) for name in header]
    for cells in following:
        names = header + [""] * len(cells)
        yield "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)
    if header:
        yield "Columns: " + ", ".join(_said(header))


def _said(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell]


def _is_name(cell: str) -> bool:
    """Return whether the first cell of a single column names it, rather than being the first sentence of a text."""
    return len(cell) <= _MAX_NAME and not cell.endswith((".", "!", "?", "。", "！", "？")) and "\n" not in cell
