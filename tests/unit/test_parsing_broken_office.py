"""Office files with broken parts, circles, bombs and parts that nobody reads."""

import re
from pathlib import Path

import pytest

from tests.support.documents import (
    archive,
    docx,
    element,
    p,
    pptx,
    relations,
    rewritten,
    rows,
    run,
    shape,
    xlsx,
)
from tests.support.parsing import parse

BROKEN_PARTS = {
    "header of Word": ("a.docx", docx(p("Body"), ("header", "header1.xml"), parts={"word/header1.xml": b"<w:hdr"}), "Body", "word/header1.xml"),
    "notes of Word": ("a.docx", docx(p("Body"), ("footnotes", "footnotes.xml"), parts={"word/footnotes.xml": b"\x00\x01"}), "Body", ""),
    "numbering of Word": ("a.docx", docx(p("Body"), ("numbering", "numbering.xml"), parts={"word/numbering.xml": b"no XML"}), "Body", "word/numbering.xml"),
    "text of Word that breaks off": ("a.docx", rewritten(docx(p("Body")), "word/document.xml", element("w:document", f"<w:body>{p('Body')}{p('Second')}").encode()[:-20]), "Body", "word/document.xml"),
    "slide": ("a.pptx", rewritten(pptx(shape("One"), shape("Two")), "ppt/slides/slide1.xml", b"<p:sld"), "Two", "ppt/slides/slide1.xml"),
    "list of slides": ("a.pptx", rewritten(pptx(shape("One"), shape("Two")), "ppt/presentation.xml", b""), "Two", "ppt/presentation.xml"),
    "sheet": ("a.xlsx", rewritten(xlsx({"A": rows(["x"], ["1"]), "B": rows(["y"], ["2"])}), "xl/worksheets/sheet1.xml", b"<worksheet"), "y: 2", "Sheet 1"),
    "styles of a workbook": ("a.xlsx", rewritten(xlsx({"A": rows(["x"], ["<c s='0'><v>7</v></c>"])}), "xl/styles.xml", b"<styleSheet"), "x: 7", "xl/styles.xml"),
    "a sheet that is not there": ("a.xlsx", rewritten(xlsx({"A": rows(["x"], ["1"]), "B": rows(["y"], ["2"])}), "xl/_rels/workbook.xml.rels", relations(("x", "x"), ("worksheet", "worksheets/sheet2.xml")).encode()), "y: 2", "Sheet 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_PARTS)
def test_a_broken_part_is_reported_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    file, data, read, reported = BROKEN_PARTS[name]
    answer = parse(tmp_path, file, data)
    assert read in answer["text"]
    assert any(reported in warning for warning in answer["warnings"]), answer["warnings"]


def test_what_is_not_read_is_reported(tmp_path: Path) -> None:
    parts = {
        "word/media/image1.png": b"\x89PNG",
        "word/media/image2.png": b"\x89PNG",
        "word/embeddings/data.xlsx": b"PK",
    }
    assert parse(tmp_path, "a.docx", docx(p("Body"), parts=parts))["warnings"] == [
        "Pictures in the file: 2. Text in pictures is not read.",
        "Files in the file: 1. They are not read; attach them by themselves.",
    ]
    formulas = xlsx({"S": rows(["a"], ["<c><f>1+1</f></c>"], ["<c><f>1+2</f><v>3</v></c>"])})
    answer = parse(tmp_path, "a.xlsx", formulas)
    assert "a: 3" in answer["text"]
    [warning] = answer["warnings"]
    assert "Formulas without a stored result in sheet 1: 1." in warning


def nested(depth: int) -> bytes:
    """Return a Word document of tables in tables."""
    return docx(p("outside") + "<w:tbl><w:tr><w:tc>" * depth + p("inside") + "<w:p/></w:tc></w:tr></w:tbl>" * depth)


def test_tables_in_tables_without_end_harm_nothing(tmp_path: Path) -> None:
    assert "inside" in parse(tmp_path, "a.docx", nested(50))["text"]
    answer = parse(tmp_path, "a.docx", nested(100_000), memory=600 * 1024**2, seconds=20)
    assert "outside" in answer.get("text", "outside")
    assert answer.keys() & {"text", "error", "died"}


LOOPS = {
    "a part that refers to itself": docx(
        '<w:altChunk r:id="rId1"/>' + p("Body"), ("aFChunk", "document.xml"), ("header", "document.xml")
    ),
    "a slide whose layout is itself": pptx(shape("Body"), related={1: [("slideLayout", "slide1.xml")]}),
    "a style that is based on itself": docx(
        f'<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr>{run("Body")}</w:p>', ("styles", "styles.xml"), ("numbering", "numbering.xml"),
        parts={
            "word/styles.xml": element("w:styles", '<w:style w:styleId="A"><w:basedOn w:val="A"/></w:style>'),
            "word/numbering.xml": element("w:numbering", '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'),
        },
    ),
    "rows that are repeated without end": xlsx({"S": rows(["Body"], *[['<c r="XFD1"><v>1</v></c>']] * 200)}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_references_in_a_circle_end(tmp_path: Path, name: str) -> None:
    answer = parse(tmp_path, "a", LOOPS[name], memory=400 * 1024**2, seconds=20)
    assert "Body" in answer["text"]


def test_an_archive_of_many_entries_or_with_a_password_is_refused(tmp_path: Path) -> None:
    many = archive({f"word/{number}.xml": "" for number in range(20_001)})
    assert "unpacks to far more" in parse(tmp_path, "a.docx", many)["error"]["message"]
    data = bytearray(docx(p("Body")))
    for place in [match.start() for match in re.finditer(b"PK\x01\x02", bytes(data))]:
        data[place + 8] |= 1
    assert parse(tmp_path, "a.docx", bytes(data))["error"]["message"] == "The file is protected by a password."
