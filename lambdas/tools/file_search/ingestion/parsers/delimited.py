"""CSV and its relatives, as their writer meant them.

There is no standard that files keep to: RFC 4180 has commas, double quotes and CRLF, spreadsheets write what their
country has, and other programs write escapes. So each dialect is tried, and the one in which the rows have as many
cells as the header is taken. `csv.Sniffer` looks at the first lines and guesses the quoting as well; that is wrong
often enough.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from parsers.plain import decoded
from parsers.reading import MAX_CHARACTERS, Warn
from parsers.tables import named_rows

DELIMITERS = "\t;|,^~"
"""In the order of preference where several fit: what is rarer within cells comes first."""

_NO_DELIMITER = "\x1f"  # Texts don't have it.
_SAMPLE_ROWS = 1_000
_SAMPLE_CHARACTERS = 100_000
_MAX_TITLE_ROWS = 10
_MAX_LINES_OF_A_CELL = 100

_SEPARATOR = re.compile(r'\A"?sep=(.)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The line by which Excel is told the delimiter."""


class Dialect(NamedTuple):
    """Describes the delimiter and the quotes of a file.

    Attributes:
        quote: the character around cells; empty if there is none. In quotes it is doubled.
        escape: the character before one that is meant as it is; empty if there is none.
        strict: whether what can't be in this dialect is an error.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""
    strict: bool = True

    def rows(self, text: str) -> Iterator[list[str]]:
        """Yield the rows of a text; a blank line is a row without cells.

        Raises:
            csv.Error: the text is not in this dialect.
        """
        return csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=True,
            strict=self.strict,
        )


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield each row with its columns' names, so that a row is found and understood without the header."""
    csv.field_size_limit(MAX_CHARACTERS)
    text = decoded(path.read_bytes(), warn)
    delimiters = DELIMITERS
    if told := _SEPARATOR.match(text):
        delimiters, text = told[1], text[told.end() :]
    dialect, header = layout_of(text, delimiters)
    rows = dialect._replace(strict=False).rows(text)
    for row in islice(rows, header):
        if any(row):
            yield f"{dialect.delimiter} ".join(row)
    yield from named_rows(rows)


def layout_of(text: str, delimiters: str = DELIMITERS) -> tuple[Dialect, int]:
    """Return the dialect that a text is in, and how many rows are above its header.

    One of a single column has a delimiter that the text does not hold.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    used = [delimiter for delimiter in delimiters if delimiter in text]
    dialects = [dialect for delimiter in used for dialect in _quotings(sample, delimiter)]
    samples = [(dialect, _sample(text, dialect)) for dialect in dialects]
    best, share = None, 0.5
    for fit in (_fit, _fit_below_a_title):
        for dialect, rows in samples:
            # Words have spaces after commas; cells hardly ever do.
            is_spaced = sample.count(f"{dialect.delimiter} ") * 2 > sample.count(dialect.delimiter)
            fits, header = fit(rows, is_spaced)
            if fits > share:
                best, share = (dialect, header), fits
    if best:
        return best
    quotings = _quotings(sample, _NO_DELIMITER)
    return next((dialect for dialect in quotings if _sample(text, dialect)), quotings[-1]), 0


def _quotings(text: str, delimiter: str) -> list[Dialect]:
    """Return the dialects with this delimiter that a text may be in, in the order of preference."""
    quotes, escapes = ['"'], [""]
    if "'" in text:
        quotes.insert(0 if _is_in_apostrophes(text, delimiter) else 1, "'")
    if "\\" in text:
        escaped = set(re.findall(r"\\(.?)", text, re.DOTALL))
        # A program that escapes does not write backslashes for anything else.
        always = escaped <= {delimiter, '"', "'", "\\", "\r", "\n"} and escaped != {"\\"}
        escapes.insert(0 if always else 1, "\\")
    strict = [Dialect(delimiter, quote, escape) for escape in escapes for quote in quotes]
    return [*strict, Dialect(delimiter, strict=False), Dialect(delimiter, quote="")]


def _is_in_apostrophes(text: str, delimiter: str) -> bool:
    """Return whether apostrophes are around each cell of the header, or around some cell that holds doubled ones."""
    header = text.lstrip("\r\n").splitlines()[0].strip()
    ends = rf"[\r\n{re.escape(delimiter)}]"
    cells = re.findall(rf"(?:\A|{ends})'((?:[^'\r\n]|''){{1,1000}}+)'(?={ends}|\Z)", text)
    return any("''" in cell for cell in cells) or all(re.fullmatch("'.*'", cell) for cell in header.split(delimiter))


def _sample(text: str, dialect: Dialect) -> list[list[str]]:
    """Return the first rows of a text in a dialect; none if it can't be in this one."""
    try:
        rows = list(islice(dialect.rows(text), _SAMPLE_ROWS))
    except csv.Error:
        return []
    # A quote that nothing closes takes in the rest of the file.
    if not dialect.strict and any(cell.count("\n") > _MAX_LINES_OF_A_CELL for row in rows for cell in row):
        return []
    return rows


def _fit(rows: Sequence[Sequence[str]], is_spaced: bool) -> tuple[float, int]:
    """Return the share of the rows that have the cells of the first one, which is the header."""
    filled = [row for row in rows if row]
    return (_fit_to(len(filled[0]), filled[1:]) if filled and len(filled[0]) > 1 else 0), 0


def _fit_below_a_title(rows: Sequence[Sequence[str]], is_spaced: bool) -> tuple[float, int]:
    """Return the share of the rows that have the cells of the header, and where that is below the lines of a title.

    Prose in one column has commas as well, with spaces after them, and no blank line between its first lines.
    """
    for index, row in enumerate(rows[: _MAX_TITLE_ROWS + 1]):
        following = [row for row in rows[index + 1 :] if row]
        is_apart = any(not before for before in rows[:index])
        if len(row) < 2 or not following:
            continue
        fits = _fit_to(len(row), following)
        if (is_apart and fits > 0.5) or (len(rows[0]) < 2 and not is_spaced and fits > 0.9):
            return fits, index
    return 0, 0


def _fit_to(cells: int, rows: Sequence[Sequence[str]]) -> float:
    """Return the share of rows with so many cells. One that ends early, or with a delimiter, is one of them, too."""
    if not rows:
        return 1
    exact = sum(len(row) == cells or (len(row) == cells + 1 and not row[-1]) for row in rows)
    short = sum(2 <= len(row) < cells for row in rows)
    return (exact + 0.6 * short) / len(rows)
