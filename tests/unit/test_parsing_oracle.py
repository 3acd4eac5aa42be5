"""Nothing of an Office document is lost: every word of its XML is in the text, and every word another reader finds.

The other reader is the library that reads Office files of before 2007 here. It reads the present formats as well, so
the two keep an eye on each other, and each is a way out should the other stop being kept.
"""

import io
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import docx
import office_oxide
import openpyxl
import pptx
import pytest
from lxml import etree
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.support.compound import doc, ppt
from tests.support.documents import saved
from tests.support.parsing import parse

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def words_of_xml(data: bytes) -> Counter[str]:
    """Return the words of all parts that hold what people wrote: `w:t`, `a:t`, `m:t`, `c:v`, `t` of sheets."""
    found = Counter[str]()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            shown = re.match(r"(word|ppt/(slides|notesSlides)|ppt/charts|xl)/", name) and name.endswith(".xml")
            if not shown or re.search(r"(theme|styles|settings|fontTable|slideLayout|slideMaster|calcChain)", name):
                continue
            root = etree.fromstring(archive.read(name))
            for text in (*root.iter("{*}t"), *root.iterfind(".//{*}strCache/{*}pt/{*}v")):
                found |= words(text.text or "")
    return found


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Library rules", 1)
    for style in ("Normal", "List Bullet", "List Number", "Quote", "Intense Quote", "Caption"):
        document.add_paragraph(f"A paragraph in the style {style}", style=style).add_run(" with a bold run").bold = True
    table = document.add_table(3, 4, style="Table Grid")
    for row, cells in enumerate((("Depot", "Q1", "Q2", "Q3"), ("Lindau", "40", "40", "55"), ("Bregenz", "", "7", "7"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(1, 1).merge(table.cell(2, 1))
    table.cell(2, 3).add_table(1, 2).cell(0, 1).text = "nested"
    section = document.sections[0]
    section.header.paragraphs[0].text, section.footer.paragraphs[0].text = "Letterhead Ravensburg", "Footer Wangen"
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "Cover Tettnang"
    document.add_comment(document.paragraphs[0].runs, text="Commented Weingarten", author="Ada")
    return saved(document.save)


def powerpoint() -> bytes:
    presentation = pptx.Presentation()
    for layout in (0, 1, 3, 5):
        slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
        for number, placeholder in enumerate(slide.placeholders):
            placeholder.text = f"Placeholder {number} of layout{layout}"
        slide.notes_slide.notes_text_frame.text = f"Notes for layout{layout}"
    shapes = presentation.slides[3].shapes
    table = shapes.add_table(2, 3, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for row in range(2):
        for column in range(3):
            table.cell(row, column).text = f"cell{row}{column}"
    group = shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, 100, 100).text_frame.text = "Grouped words"
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["North", "South"]
    data.add_series("Sales2025", (19.5, 20))
    shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    return saved(presentation.save)


def excel() -> bytes:
    book = openpyxl.Workbook()
    for name in ("Turbines", "Towns"):
        sheet = book.create_sheet(name)
        for row in (["town", "depot"], ["Lindau", "West"], ["Lindau", None], [None, "East"]):
            sheet.append(row)
        sheet["B2"].comment = Comment("Commented Weingarten", "Ada")
        chart = BarChart()
        chart.title = f"Chart of {name}"
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=4), titles_from_data=True)
        sheet.add_chart(chart, "E5")
    return saved(book.save)


DOCUMENTS = {"a.docx": word(), "a.pptx": powerpoint(), "a.xlsx": excel()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_word_of_the_xml_is_in_the_text(tmp_path: Path, name: str) -> None:
    data = DOCUMENTS[name]
    assert len(words_of_xml(data)) > 10
    assert words_of_xml(data) - words(parse(tmp_path, name, data)["text"]) == Counter()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_word_that_another_reader_finds_is_in_the_text(tmp_path: Path, name: str) -> None:
    library: Any = office_oxide
    found = words(library.Document.from_bytes(DOCUMENTS[name], name[2:]).plain_text())
    assert len(found) > 10
    marks = {"Notes", "Categories", "Title", "Series", "1"}
    """The other reader's own words between slides and in charts."""
    assert set(found) - marks - set(words(parse(tmp_path, name, DOCUMENTS[name])["text"])) == set()


def test_without_the_library_for_old_files_all_other_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "office_oxide.py").write_text("raise ImportError('gone')")
    for name, data in DOCUMENTS.items():
        assert parse(tmp_path, name, data, first_on_path=tmp_path) == parse(tmp_path, name, data)
    for name, data in (("a.doc", doc("Text\r")), ("a.ppt", ppt(["Text"]))):
        assert "Text" in parse(tmp_path, name, data)["text"]
        error = parse(tmp_path, name, data, first_on_path=tmp_path)["error"]
        assert error == {
            "code": "unsupported_file",
            "message": "The file is an Office document of before 2007: save it in the present format, such as .docx.",
        }
