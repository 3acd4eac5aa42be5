"""Office documents: what the application shows of them is read, and what is not read is reported."""

import re
from pathlib import Path

import pytest

from tests.support.documents import (
    chart,
    docx,
    element,
    graphic,
    p,
    paragraph,
    pptx,
    relations,
    rewritten,
    rows,
    run,
    shape,
    word_table,
    xlsx,
)
from tests.support.parsing import parse


def text(folder: Path, name: str, data: bytes) -> str:
    """Return the text of a file of which everything was read."""
    answer = parse(folder, name, data)
    assert answer["warnings"] == []
    return str(answer["text"])


def lines(folder: Path, name: str, data: bytes) -> list[str]:
    return [line for line in text(folder, name, data).splitlines() if line.strip()]


BOX = "<wps:txbx><w:txbxContent>{}</w:txbxContent></wps:txbx>"
DRAWN = "<w:drawing><wp:inline><a:graphic><a:graphicData>{}</a:graphicData></a:graphic></wp:inline></w:drawing>"
FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
CHOICE = (
    '<mc:AlternateContent><mc:Choice Requires="wps">{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>'
)

WORD = {
    "control around a block": (f"<w:sdt><w:sdtPr/><w:sdtContent>{p('Shown')}</w:sdtContent></w:sdt>", ["Shown"]),
    "control in a line": (f"<w:p>{run('a ')}<w:sdt><w:sdtContent>{run('b')}</w:sdtContent></w:sdt></w:p>", ["a b"]),
    "control around a cell": (
        word_table(["a", "b"]).replace("<w:tc>", "<w:sdt><w:sdtContent><w:tc>", 1).replace(
            "</w:tc>", "</w:tc></w:sdtContent></w:sdt>", 1
        ),
        ["a | b"],
    ),
    "control around a row": (
        word_table(["a", "b"], ["c", "d"]).replace("<w:tr>", "<w:sdt><w:sdtContent><w:tr>", 1).replace(
            "</w:tr>", "</w:tr></w:sdtContent></w:sdt>", 1
        ),
        ["a | b", "c | d"],
    ),
    "inserted words": (f'<w:p>{run("It is ")}<w:ins w:id="1">{run("new")}</w:ins></w:p>', ["It is new"]),
    "deleted words": (f'<w:p>{run("It is")}<w:del w:id="1"><w:r><w:delText> old</w:delText></w:r></w:del></w:p>', ["It is"]),
    "moved words": (f"<w:moveFrom>{p('Moved')}</w:moveFrom>{p('Between')}<w:moveTo>{p('Moved')}</w:moveTo>", ["Between", "Moved"]),
    "a deleted row": (word_table(["a", "b"], ["c", "d"]).replace("<w:tr>", "<w:tr><w:trPr><w:del/></w:trPr>", 1), ["c | d"]),
    "a field": (
        f"<w:p>{run('Page ')}{FIELD.format('begin')}<w:r><w:instrText>PAGEREF x</w:instrText></w:r>"
        f"{FIELD.format('separate')}{run('12')}{FIELD.format('end')}</w:p>",
        ["Page 12"],
    ),
    "a simple field": (f'<w:p><w:fldSimple w:instr="DATE">{run("1 May")}</w:fldSimple></w:p>', ["1 May"]),
    "a choice of a form": (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/>'
        '<w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r></w:p>',
        ["blue"],
    ),
    "a smart tag": (f'<w:p><w:smartTag w:element="place">{run("Lindau")}</w:smartTag></w:p>', ["Lindau"]),
    "custom XML": (f"<w:customXml>{p('Inside')}</w:customXml>", ["Inside"]),
    "a link": (f'<w:p><w:hyperlink w:anchor="x">{run("See here")}</w:hyperlink></w:p>', ["See here"]),
    "a text box": (f"<w:p>{run('Before')}<w:r>{DRAWN.format(BOX.format(p('Boxed')))}</w:r></w:p>", ["Before", "Boxed"]),
    "a text box for old and new programs": (
        f"<w:p><w:r>{CHOICE.format(DRAWN.format(BOX.format(p('Once'))), '<w:pict>' + BOX.format(p('Once')) + '</w:pict>')}</w:r></w:p>",
        ["Once"],
    ),
    "a text box of an old program": (
        f"<w:p><w:r><w:pict><v:shape><v:textbox><w:txbxContent>{p('Old')}</w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>",
        ["Old"],
    ),
    "text boxes in a group": (
        f"<w:p><w:r>{DRAWN.format('<wpg:wgp><wps:wsp>' + BOX.format(p('One')) + '</wps:wsp><wpg:grpSp><wps:wsp>' + BOX.format(p('Two')) + '</wps:wsp></wpg:grpSp></wpg:wgp>')}</w:r></w:p>",
        ["One", "Two"],
    ),
    "equal cells": (word_table(["Depot", "Q1", "Q2", "Q3"], ["Lindau", "40", "40", "55"]), ["Depot | Q1 | Q2 | Q3", "Lindau | 40 | 40 | 55"]),
    "empty cells": (word_table(["a", "", "c"], ["", "", ""], ["", "e", ""]), ["a |  | c", " |  | ", " | e | "]),
    "merged cells": (
        word_table(["a", "b", "c"], ["d", "e"]).replace("<w:tc><w:p><w:r><w:t xml:space=\"preserve\">d", "<w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr><w:p><w:r><w:t>d"),
        ["a | b | c", "d |  | e"],
    ),
    "skipped cells": (
        word_table(["a", "b"], ["d"]).replace("<w:tr><w:tc><w:p><w:r><w:t xml:space=\"preserve\">d", "<w:tr><w:trPr><w:gridBefore w:val=\"1\"/></w:trPr><w:tc><w:p><w:r><w:t>d"),
        ["a | b", "d"],
    ),
    "rows of different lengths": (word_table(["a"], ["b", "c"], ["d", "e", "f"]), ["a", "b | c", "d | e | f"]),
    "a table in a cell": (word_table(["a", word_table(["b", "c"], ["d", "e"]) + p("f")]), ["a | b | c d | e f"]),
    "a table in a table in a table": (word_table([word_table([word_table(["deep", "deeper"])])]), ["deep | deeper"]),
    "a cell of several paragraphs": (word_table(["a", p("b") + p("c")]), ["a | b c"]),
    "tabs and breaks": ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>", ["a\tb", "c-d"]),
    "a fraction": ("<w:p><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>", ["(a+b)/2"]),
    "a power and a root": (
        "<w:p><m:oMathPara><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
        "<m:r><m:t>=</m:t></m:r><m:rad><m:deg/><m:e><m:r><m:t>y</m:t></m:r></m:e></m:rad></m:oMath></m:oMathPara></w:p>",
        ["x^2=√y"],
    ),
    "a sum": (
        '<w:p><m:oMath><m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub><m:r><m:t>i=1</m:t></m:r></m:sub><m:sup><m:r><m:t>n</m:t></m:r></m:sup>'
        "<m:e><m:d><m:e><m:r><m:t>i</m:t></m:r></m:e></m:d></m:e></m:nary></m:oMath></w:p>",
        ["∑_(i=1)^n (i)"],
    ),
    "a reading above characters": (f"<w:p><w:r><w:ruby><w:rt>{run('とうきょう')}</w:rt><w:rubyBase>{run('東京')}</w:rubyBase></w:ruby></w:r></w:p>", ["東京(とうきょう)"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WORD)
def test_word_is_read_as_it_shows_it(tmp_path: Path, name: str) -> None:
    body, expected = WORD[name]
    assert lines(tmp_path, "a.docx", docx(p("first") + body + p("last"))) == ["first", *expected, "last"]


def test_word_headers_footers_notes_and_comments_are_read(tmp_path: Path) -> None:
    body = f'<w:p>{run("Text")}<w:r><w:footnoteReference w:id="2"/></w:r>{run(" goes on")}<w:r><w:endnoteReference w:id="2"/></w:r></w:p>'
    data = docx(
        body, ("header", "header1.xml"), ("header", "header2.xml"), ("footer", "footer1.xml"), ("footnotes", "footnotes.xml"),
        ("endnotes", "endnotes.xml"), ("comments", "comments.xml"),
        parts={
            "word/header1.xml": element("w:hdr", p("Letterhead")),
            "word/header2.xml": element("w:hdr", p("Letterhead")),
            "word/footer1.xml": element("w:ftr", p("Page foot")),
            "word/footnotes.xml": element("w:footnotes", f'<w:footnote w:id="0">{p("")}</w:footnote><w:footnote w:id="2">{p("Foot note")}</w:footnote>'),
            "word/endnotes.xml": element("w:endnotes", f'<w:endnote w:id="2">{p("End note")}</w:endnote>'),
            "word/comments.xml": element("w:comments", f'<w:comment w:id="0" w:author="Ada">{p("Check this")}</w:comment>'),
        },
    )  # fmt: skip
    assert lines(tmp_path, "a.docx", data) == [
        "Letterhead", "Text[1] goes on[1]", "Page foot", "[1] Foot note", "[1] End note", "Comment by Ada: Check this",
    ]  # fmt: skip


def test_word_numbers_of_lists_are_read(tmp_path: Path) -> None:
    def level(number: int, style: str, label: str) -> str:
        return f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{style}"/><w:lvlText w:val="{label}"/></w:lvl>'

    def item(label: str, list_id: int, depth: int) -> str:
        return f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list_id}"/></w:numPr></w:pPr>{run(label)}</w:p>'

    numbering = element(
        "w:numbering",
        f'<w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "%1.%2)")}</w:abstractNum>'
        f'<w:abstractNum w:abstractNumId="1">{level(0, "upperRoman", "Article %1")}</w:abstractNum>'
        f'<w:abstractNum w:abstractNumId="2">{level(0, "bullet", "•")}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>'
        '<w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>',
    )
    styles = element(
        "w:styles", '<w:style w:styleId="Heading"><w:pPr><w:numPr><w:numId w:val="2"/></w:numPr></w:pPr></w:style>'
    )
    headed = f'<w:p><w:pPr><w:pStyle w:val="Heading"/></w:pPr>{run("Purpose")}</w:p>'
    body = (
        item("one", 1, 0)
        + item("under", 1, 1)
        + item("under", 1, 1)
        + p("between")
        + item("two", 1, 0)
        + item("under", 1, 1)
    )
    data = docx(
        body + headed + headed + item("dot", 3, 0) + item("seven", 4, 0), ("numbering", "numbering.xml"), ("styles", "styles.xml"),
        parts={"word/numbering.xml": numbering, "word/styles.xml": styles},
    )  # fmt: skip
    assert lines(tmp_path, "a.docx", data) == [
        "1. one", "1.a) under", "1.b) under", "between", "2. two", "2.a) under", "Article I Purpose", "Article II Purpose", "dot",
        "7. seven",
    ]  # fmt: skip


def test_word_charts_smart_art_and_other_formats_are_read(tmp_path: Path) -> None:
    drawn = "".join(
        f"<w:p><w:r>{DRAWN.format(each)}</w:r></w:p>"
        for each in ('<c:chart r:id="rId1"/>', '<dgm:relIds r:dm="rId2"/>')
    )
    data = docx(
        drawn + '<w:altChunk r:id="rId3"/>', ("chart", "charts/chart1.xml"), ("diagramData", "diagrams/data1.xml"), ("aFChunk", "page.html"),
        parts={
            "word/charts/chart1.xml": chart("Sales", {"2025": {"North": "0.25", "South": "0.5"}}, "0%"),
            "word/diagrams/data1.xml": element("dgm:dataModel", f"<dgm:ptLst><dgm:pt><dgm:t>{paragraph('Plan')}</dgm:t></dgm:pt><dgm:pt><dgm:t>{paragraph('Do')}</dgm:t></dgm:pt></dgm:ptLst>"),
            "word/page.html": "<p>From a page",
        },
    )  # fmt: skip
    assert lines(tmp_path, "a.docx", data) == [
        "Sales",
        " | 2025",
        "North | 25%",
        "South | 50%",
        "Plan",
        "Do",
        "From a page",
    ]


@pytest.mark.parametrize("name", ["a.docx", "a.docm", "a.dotx", "a.dotm", "a"])
def test_word_variants_and_the_strict_format_are_read(tmp_path: Path, name: str) -> None:
    data = docx(p("Shown"))
    assert lines(tmp_path, name, data) == ["Shown"]
    document = element("w:document", f"<w:body>{p('Strict')}</w:body>").replace(
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
    assert lines(tmp_path, name, rewritten(data, "word/document.xml", document.encode())) == ["Strict"]


TABLE = "<a:tbl>" + "".join(
    "<a:tr>" + "".join(f"<a:tc><a:txBody>{paragraph(cell)}</a:txBody></a:tc>" for cell in row) + "</a:tr>"
    for row in (["Depot", "Q1", "Q2"], ["Lindau", "40", "40"], ["", "", "7"])
) + "</a:tbl>"  # fmt: skip

SLIDES = {
    "shapes": (shape("Title") + shape("One", "Two"), ["Title", "One", "Two"]),
    "a group": (f"<p:grpSp>{shape('In a group')}<p:grpSp>{shape('In a group of it')}</p:grpSp></p:grpSp>", ["In a group", "In a group of it"]),
    "a table": (graphic(TABLE), ["Depot | Q1 | Q2", "Lindau | 40 | 40", " |  | 7"]),
    "a chart": (graphic('<c:chart r:id="rId1"/>'), ["Sales", " | Lamps | Chairs", "May | 1,200 | 7", "June | 900 | 8"]),
    "SmartArt": (graphic('<dgm:relIds r:dm="rId2"/>'), ["Ask", "Answer"]),
    "a connector": (f"<p:cxnSp><p:txBody>{paragraph('leads to')}</p:txBody></p:cxnSp>", ["leads to"]),
    "a field and a break": ("<p:sp><p:txBody><a:p><a:r><a:t>On </a:t></a:r><a:fld><a:t>1 May</a:t></a:fld><a:br/><a:r><a:t>2026</a:t></a:r></a:p></p:txBody></p:sp>", ["On 1 May", "2026"]),
    "an equation": (CHOICE.format("<p:sp><p:txBody><a:p><a14:m><m:oMath><m:r><m:t>e=mc</m:t></m:r></m:oMath></a14:m></a:p></p:txBody></p:sp>", "<p:sp/>"), ["e=mc"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIDES)
def test_powerpoint_is_read_as_it_shows_it(tmp_path: Path, name: str) -> None:
    tree, expected = SLIDES[name]
    parts = {
        "ppt/charts/chart1.xml": chart("Sales", {"Lamps": {"May": "1200", "June": "900"}, "Chairs": {"May": "7", "June": "8"}}, "#,##0"),
        "ppt/diagrams/data1.xml": element("dgm:dataModel", f"<dgm:ptLst><dgm:pt><dgm:t>{paragraph('Ask')}</dgm:t></dgm:pt><dgm:pt><dgm:t>{paragraph('Answer')}</dgm:t></dgm:pt></dgm:ptLst>"),
    }  # fmt: skip
    related = [("chart", "../charts/chart1.xml"), ("diagramData", "../diagrams/data1.xml")]
    data = pptx(shape("before"), tree, parts=parts, related={2: related})
    assert lines(tmp_path, "a.pptx", data) == ["Slide 1", "before", "Slide 2", *expected]


@pytest.mark.parametrize("name", ["a.pptx", "a.pptm", "a.potx", "a.ppsx", "a.ppsm", "a"])
def test_powerpoint_notes_comments_and_masters_are_read(tmp_path: Path, name: str) -> None:
    notes = shape("7", placeholder="sldNum") + shape("Thank the team", placeholder="body")
    layout = shape("Click to add text", placeholder="body") + shape("Confidential")
    parts = {
        "ppt/notesSlides/notes1.xml": element("p:notes", f"<p:cSld><p:spTree>{notes}</p:spTree></p:cSld>"),
        "ppt/comments/comment1.xml": element("p:cmLst", '<p:cm authorId="0"><p:text>Too long</p:text></p:cm>'),
        "ppt/commentAuthors.xml": element("p:cmAuthorLst", '<p:cmAuthor id="0" name="Ada"/>'),
        "ppt/slideLayouts/layout1.xml": element("p:sldLayout", f"<p:cSld><p:spTree>{layout}</p:spTree></p:cSld>"),
    }
    related = [
        ("notesSlide", "../notesSlides/notes1.xml"),
        ("comments", "../comments/comment1.xml"),
        ("slideLayout", "../slideLayouts/layout1.xml"),
    ]
    data = pptx(shape("Hello"), shape("Bye"), parts=parts, related={1: related, 2: related[2:]})
    assert lines(tmp_path, name, data) == [
        "Slide 1", "Hello", "Notes: Thank the team", "Comment by Ada: Too long", "Confidential", "Slide 2", "Bye",
    ]  # fmt: skip


SHOWN = {
    "0.25 with 0%": ("0.25", "0%", "25%"),
    "19.9 with two digits": ("19.9", "0.00", "19.90"),
    "half of a digit": ("2.675", "0.00", "2.68"),
    "a negative percentage": ("-0.125", "0.0%", "-12.5%"),
    "a negative number that is almost nothing": ("-0.001", "#,##0.00", "0.00"),
    "thousands": ("1234567.891", "#,##0.00", "1,234,567.89"),
    "a currency": ("5", '#,##0.00\\ "€"', "5.00 €"),
    "a currency of a language": ("1234.5", "[$€-407]\\ #,##0.00", "€ 1,234.50"),
    "negative in parentheses": ("-1234", "#,##0_);(#,##0)", "(1,234)"),
    "a leading zero": ("7", "00000", "00007"),
    "a date": ("45352", "yyyy-mm-dd", "2024-03-01"),
    "a German date": ("45352", "dd.mm.yyyy", "01.03.2024"),
    "a date of a language": ("45352", "[$-409]d\\-mmm\\-yyyy", "1-Mar-2024"),
    "a time": ("0.75", "h:mm", "18:00"),
    "a date and a time": ("45352.5", "yyyy-mm-dd hh:mm:ss", "2024-03-01 12:00:00"),
    "hours above a day": ("1.5", "[h]:mm", "36:00"),
    "an exponent": ("12345", "0.00E+00", "1.23E+04"),
    "a fraction": ("0.5", "# ?/?", "1/2"),
    "a whole number": ("1250", "General", "1250"),
    "a long number": ("4006381333931", "General", "4006381333931"),
    "a number that is not exact": ("0.30000000000000004", "General", "0.3"),
    "a sum of thirds": ("0.333333333333333", "General", "0.333333333"),
    "a format that breaks the rules": ("3.5", "[>", "3.5"),
    "text around": ("3", '0" kg"', "3 kg"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_numbers_and_dates_look_as_the_sheet_shows_them(tmp_path: Path, name: str) -> None:
    value, code, expected = SHOWN[name]
    escaped = code.replace("&", "&amp;").replace('"', "&quot;").replace(">", "&gt;")
    data = xlsx({"S": rows(["what", "value"], ["x", f'<c s="0"><v>{value}</v></c>'])}, styles=[escaped])
    shown = re.search(r"^what: x; value: (.*)$", text(tmp_path, "a.xlsx", data), re.MULTILINE)
    assert shown and shown[1] == expected


SHEETS = {
    "a wrong size": ('<dimension ref="A1"/>' + rows(["item", "price"], ["lamp", "5"]), ["item: lamp; price: 5"]),
    "a stray cell": (rows(["a", "b"], ["1", "2"], ['<c r="XFD3"><v>7</v></c>']), ["a: 1; b: 2", "7"]),
    "equal cells": (rows(["Depot", "Q1", "Q2", "Q3"], ["Lindau", "40", "40", "55"]), ["Depot: Lindau; Q1: 40; Q2: 40; Q3: 55"]),
    "cells in their columns": (rows(["a", "b", "c"], ['<c r="C2"><v>3</v></c>']), ["c: 3"]),
    "shared strings with runs": (rows(["a"], ['<c t="s"><v>0</v></c>'], ['<c t="s"><v>1</v></c>']), ["a: Lake Constance", "a: line_x000D_"]),
    "true, an error and a formula's text": (
        rows(["a", "b", "c"], ['<c t="b"><v>1</v></c>', '<c t="e"><v>#N/A</v></c>', '<c t="str"><f>A1</f><v>ok</v></c>']),
        ["a: TRUE; b: #N/A; c: ok"],
    ),
    "header and footer": (rows(["a"], ["1"]) + '<headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12Price list&amp;RPage &amp;P</oddHeader></headerFooter>', ["Price list Page"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHEETS)
def test_excel_is_read_as_it_shows_it(tmp_path: Path, name: str) -> None:
    content, expected = SHEETS[name]
    strings = "<si><r><t>Lake </t></r><r><t>Constance</t></r><rPh><t>x</t></rPh></si><si><t>line_x005F_x000D_</t></si>"
    read = lines(tmp_path, "a.xlsx", xlsx({"Prices": content, "Second": rows(["last"], ["end"])}, strings=strings))
    assert read[0] == "Sheet: Prices"
    for each in expected:
        assert any(each in line for line in read), read
    assert "Sheet: Second" in read


@pytest.mark.parametrize("name", ["a.xlsx", "a.xlsm", "a.xltx", "a.xltm", "a"])
def test_excel_text_boxes_charts_and_comments_are_read(tmp_path: Path, name: str) -> None:
    anchored = (
        f"<xdr:twoCellAnchor><xdr:sp><xdr:txBody>{paragraph('Boxed')}</xdr:txBody></xdr:sp></xdr:twoCellAnchor>"
        '<xdr:twoCellAnchor><xdr:graphicFrame><a:graphic><a:graphicData><c:chart r:id="rId1"/></a:graphicData></a:graphic>'
        "</xdr:graphicFrame></xdr:twoCellAnchor>"
    )
    parts = {
        "xl/drawings/drawing1.xml": element("xdr:wsDr", anchored),
        "xl/drawings/_rels/drawing1.xml.rels": relations(("chart", "../charts/chart1.xml")),
        "xl/charts/chart1.xml": chart("Growth", {"2025": {"North": "1"}}),
        "xl/comments1.xml": '<comments><authors><author>Ada</author></authors><commentList><comment ref="B2" authorId="0"><text><r><t>Check</t></r></text></comment></commentList></comments>',
    }  # fmt: skip
    related = [("drawing", "../drawings/drawing1.xml"), ("comments", "../comments1.xml")]
    read = lines(tmp_path, name, xlsx({"S": rows(["a", "b"], ["1", "2"])}, parts=parts, related=related))
    assert read == [
        "Sheet: S",
        "a: 1; b: 2",
        "Columns: a, b",
        "Boxed",
        "Growth",
        " | 2025",
        "North | 1",
        "Comment by Ada on B2: Check",
    ]


def test_dates_of_workbooks_that_count_from_1904_are_right(tmp_path: Path) -> None:
    data = xlsx({"S": rows(["d"], ['<c s="0"><v>0</v></c>'])}, styles=["yyyy-mm-dd"], book='<workbookPr date1904="1"/>')
    assert "d: 1904-01-01" in text(tmp_path, "a.xlsx", data)
