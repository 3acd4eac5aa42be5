"""Rows of a table as lines of text, for CSV and spreadsheets alike."""

from collections.abc import Iterable, Iterator, Sequence


def named_rows(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each row as `name: cell; name: cell`, with the names of the header, which comes last by itself."""
    header: list[str] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
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
