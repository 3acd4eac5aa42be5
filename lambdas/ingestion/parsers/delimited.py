"""CSV and its relatives."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parsers.plain import decoded
from parsers.reading import MAX_CHARACTERS, Warn
from parsers.tables import named_rows


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield each row with its columns' names, so that a row is found and understood without the header."""
    text = decoded(path.read_bytes(), warn)
    csv.field_size_limit(MAX_CHARACTERS)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    return named_rows(csv.reader(io.StringIO(text), dialect))
