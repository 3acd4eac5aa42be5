"""CSV in every dialect: what its writer put into a cell is what is read."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parsers import delimited

NAMES = ["id", "Größe", "price", "city", "note", "Наименование", "due date", "2024"]
CELLS = st.one_of(
    st.text(alphabet="ab Zß9,;|\t\"'.:-\n", max_size=12),
    st.from_regex(r"[0-9]{1,4}[.,][0-9]{2}", fullmatch=True),
    st.sampled_from(["", "Größe 5", 'a 5" screen, new', "late; new", "it's", "3,5", "x|y", "{'a': 1}", "-", "a\nb"]),
)


@st.composite
def tables(draw: Any) -> list[list[str]]:
    """A header and rows; no row is empty, as a reader leaves those out."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(2, 5))]
    row = st.lists(CELLS, min_size=len(names), max_size=len(names)).filter(lambda cells: any(map(str.strip, cells)))
    return [names, *draw(st.lists(row, min_size=1, max_size=6))]


@st.composite
def dialects(draw: Any) -> dict[str, Any]:
    """Settings of `csv.writer`. Apostrophes are around all cells: around some, they may belong to what is in there."""
    dialect = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "lineterminator": draw(st.sampled_from(["\r\n", "\n", "\r"])),
    }
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]))
    dialect["quoting"] = quoting
    if quoting == csv.QUOTE_NONE:
        return {**dialect, "escapechar": "\\"}
    if quoting != csv.QUOTE_MINIMAL:
        dialect["quotechar"] = draw(st.sampled_from("\"'"))
    return {**dialect, **draw(st.sampled_from([{}, {"doublequote": False, "escapechar": "\\"}]))}


def written(table: list[list[str]], dialect: dict[str, Any]) -> str:
    output = io.StringIO()
    csv.writer(output, **dialect).writerows(table)
    return output.getvalue()


def read(folder: Path, data: bytes | str) -> list[str]:
    path = folder / "file.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(delimited.read(path, lambda message: None))


@settings(max_examples=400, deadline=None)
@given(table=tables(), dialect=dialects())
def test_every_cell_of_every_dialect_is_read_back(table: list[list[str]], dialect: dict[str, Any]) -> None:
    # The writer leaves a line end that is not the dialect's own without quotes.
    assume(dialect["lineterminator"] != "\r" or not any("\n" in cell for row in table for cell in row))
    text = written(table, dialect)
    dialect_of_it, above = delimited.layout_of(text)
    assert above == 0
    rows = dialect_of_it.rows(text)
    assert [[cell.strip() for cell in row] for row in rows if row] == [[cell.strip() for cell in row] for row in table]


AS_MEANT = {
    "CR line ends": ("name,price\rlamp,5\rchair,7\r", ["name: lamp; price: 5", "name: chair; price: 7"]),
    "doubled quotes": ('id,note\n1,"a 5"" screen, new"\n2,plain\n', ['id: 1; note: a 5" screen, new']),
    "a quote within a cell": ('size\tname\n5"\tlamp\n7"\tchair\n', ['size: 5"; name: lamp', 'size: 7"; name: chair']),
    "a quote that nothing closes": ('a,b\n"open,1\n2,3\n4,5\n', ['a: "open; b: 1', "a: 2; b: 3", "a: 4; b: 5"]),
    "decimal commas": (
        "Ware;Preis\n\nStuhl;3,50\nTisch;12,00\n",
        ["Ware: Stuhl; Preis: 3,50", "Ware: Tisch; Preis: 12,00"],
    ),
    "numbers without a header": ("1,5;2,5\n3,5;4,5\n", ["1,5; 2,5", "3,5; 4,5"]),
    "sep=": ("sep=;\r\na;b\r\n1,0;2,0\r\n", ["a: 1,0; b: 2,0"]),
    "sep= that is a tab": ('"sep=\t"\na,b\tc\n1,2\t3\n', ["a,b: 1,2; c: 3"]),
    "sep= that is anything": ("sep=/\nday/month\n1/2\n", ["day: 1; month: 2"]),
    "spaces after commas": ('name, note\nAda, "x, y"\n', ["name: Ada; note: x, y"]),
    "one column of prose": (
        "comment\nGood, but slow\nNice, I like it, really\nBad\n",
        ["comment: Nice, I like it, really"],
    ),
    "one quoted column": ('Kommentar\n"Gut; aber, ""langsam"""\nNett\n', ['Kommentar: Gut; aber, "langsam"']),
    "prose without a name": (
        "It was fine.\nThen, it rained, all day.\n",
        ["It was fine.", "Then, it rained, all day."],
    ),
    "a title and a blank line": ("Sales 2025\n\nregion,units\nNorth,40\n", ["Sales 2025", "region: North; units: 40"]),
    "a title of several lines": (
        "Report\nfor 2024\na;b\n1;2\n3;4\n",
        ["Report", "for 2024", "a: 1; b: 2", "a: 3; b: 4"],
    ),
    "a title in a row of cells": ("Sales,,\n,,\nregion,units,x\nN,40,1\n", ["Sales", "region: N; units: 40; x: 1"]),
    "a title and no blank line": ("Sales 2025\nregion,units\nN,40\nS,5\n", ["Sales 2025", "region: N; units: 40"]),
    "a title with commas": (
        "Sales, net, 2025\nby Ada, on Monday\n\nregion,units\nN,40\n",
        ["Sales, net, 2025", "by Ada, on Monday", "region: N; units: 40"],
    ),
    "names of several lines": ('"units\nsold",city\n5,Bern\n', ["units sold: 5; city: Bern"]),
    "a column without a name": (",name\n0,Ada\n", ["0; name: Ada"]),
    "equal and empty cells": ("a,b,c\n40,40,55\n,,7\n", ["a: 40; b: 40; c: 55", "c: 7"]),
    "rows that end early, or with a comma": ("a,b,c\n1,2,3,\n4,5\n", ["a: 1; b: 2; c: 3", "a: 4; b: 5"]),
    "more cells than names": ("a,b\n1,2,3\n4,5\n6,7\n", ["a: 1; b: 2; 3"]),
    "lines in a cell": ('a,b\n"one\ntwo",3\n', ["a: one\ntwo; b: 3"]),
    "years as names": ("city,2023,2024\nBern,1,2\n", ["city: Bern; 2023: 1; 2024: 2"]),
}


@pytest.mark.parametrize("name", AS_MEANT)
def test_a_table_is_read_as_its_writer_meant_it(tmp_path: Path, name: str) -> None:
    text, expected = AS_MEANT[name]
    lines = read(tmp_path, text)
    assert [line for line in lines if line in expected] == expected


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_has_any_encoding(tmp_path: Path, codec: str) -> None:
    lines = read(tmp_path, "Größe;Preis\r\nTür groß;5,90\r\n".encode(codec))
    assert lines == ["Größe: Tür groß; Preis: 5,90", "Columns: Größe, Preis"]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab,;\t|^~\"'\\\r\n ä=sep:", max_size=60))
def test_no_letter_of_any_text_is_lost(text: str) -> None:
    """Whatever dialect is taken: letters come out, in their order, and none more."""
    dialect = delimited.layout_of(text)[0]._replace(strict=False)
    kept = "".join(cell for row in dialect.rows(text) for cell in row)
    assert [letter for letter in kept if letter in "abäsep:="] == [letter for letter in text if letter in "abäsep:="]
