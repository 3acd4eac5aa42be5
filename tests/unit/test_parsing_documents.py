"""Documents that are neither PDF nor of present Office: OpenDocument, RTF, books, mails, and Office of before 2007."""

import io
import re
import struct
from email.message import EmailMessage
from pathlib import Path

import olefile
import pytest
import xlwt

from tests.support.compound import compound, doc, msg, ppt
from tests.support.documents import archive, saved
from tests.support.parsing import parse

_O = "urn:oasis:names:tc:opendocument:xmlns:"
_ODF = (
    f'xmlns:office="{_O}office:1.0" xmlns:text="{_O}text:1.0" xmlns:table="{_O}table:1.0" xmlns:draw="{_O}drawing:1.0" '
    f'xmlns:presentation="{_O}presentation:1.0" xmlns:style="{_O}style:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def opendocument(kind: str, body: str, styles: str = "", parts: dict[str, str] | None = None) -> bytes:
    return archive(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {_ODF}><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {_ODF}>{styles}</office:document-styles>",
            **(parts or {}),
        }
    )  # fmt: skip


def lines(folder: Path, name: str, data: bytes) -> list[str]:
    """Return the lines of a file of which everything was read."""
    answer = parse(folder, name, data)
    assert answer.get("warnings") == [], answer
    return [line for line in answer["text"].splitlines() if line.strip()]


def cells(*row: str) -> str:
    made = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
    return f"<table:table-row>{made}</table:table-row>"


ODT = {
    "spaces and tabs": ('<text:p>a<text:s text:c="2"/>b<text:tab/>c<text:line-break/>d</text:p>', ["a  b\tc", "d"]),
    "spans and links": ("<text:h>One <text:span>two</text:span> <text:a>three</text:a> four</text:h>", ["One two three four"]),
    "a list": ("<text:list><text:list-item><text:p>first</text:p></text:list-item></text:list>", ["first"]),
    "a table": (f"<table:table>{cells('Lindau', '40', '40', '55')}{cells('', '', '7', '')}</table:table>", ["Lindau | 40 | 40 | 55", " |  | 7 | "]),
    "merged cells": ('<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:covered-table-cell/><table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table>', ["a |  | c"]),
    "a table in a table": (f"<table:table><table:table-row><table:table-cell><table:table>{cells('b', 'c')}</table:table></table:table-cell></table:table-row></table:table>", ["b | c"]),
    "deleted words": ("<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion></text:changed-region></text:tracked-changes><text:p>kept</text:p>", ["kept"]),
    "a text box": ("<text:p>Before<draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box></draw:frame></text:p>", ["Before", "Boxed"]),
    "a section and an index": ("<text:section><text:p>in</text:p></text:section><text:table-of-content><text:index-body><text:p>Chapter 1</text:p></text:index-body></text:table-of-content>", ["in", "Chapter 1"]),
    "a note": ('<text:p>Text<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Foot note</text:p></text:note-body></text:note> goes on</text:p>', ["Text[1] goes on", "[1] Foot note"]),
    "a comment": ("<text:p>Text<office:annotation><dc:creator>Ada</dc:creator><dc:date>2026</dc:date><text:p>Check</text:p></office:annotation></text:p>", ["Text", "Comment by Ada: Check"]),
    "an equation": ('<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>', ["a + b"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ODT)
def test_an_opendocument_text_is_read_as_it_shows(tmp_path: Path, name: str) -> None:
    body, expected = ODT[name]
    math = '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><annotation>a plus b</annotation></semantics></math>'
    styles = (
        "<style:header><text:p>Letterhead</text:p></style:header><style:footer><text:p>Foot</text:p></style:footer>"
    )
    read = lines(tmp_path, "a.odt", opendocument("text", body, styles, {"Object 1/content.xml": math}))
    assert read == ["Letterhead", *expected, "Foot"]


def test_an_opendocument_sheet_is_read_as_it_shows(tmp_path: Path) -> None:
    empty = '<table:table-cell table:number-columns-repeated="16380"/>'
    many = f'<table:table-row table:number-rows-repeated="1048000">{empty}</table:table-row>'
    twice = '<table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>40</text:p></table:table-cell></table:table-row>'
    percent = '<table:table-row><table:table-cell office:value-type="percentage" office:value="0.25"><text:p>25%</text:p></table:table-cell></table:table-row>'
    body = f'<table:table table:name="Depots">{cells("Q1", "Q2")}{twice}{percent}{many}</table:table>'
    read = lines(tmp_path, "a.ods", opendocument("spreadsheet", body))
    assert read[:3] == ["Sheet: Depots", "Q1: 40; Q2: 40", "Q1: 25%"]
    assert len(read) <= 4


def test_an_opendocument_presentation_is_read_as_it_shows(tmp_path: Path) -> None:
    slide = "<draw:page><draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    body = (
        slide.format("Title", "Say hello")
        + f"<draw:page><draw:g><draw:custom-shape><text:p>Grouped</text:p></draw:custom-shape></draw:g><draw:frame><table:table>{cells('a', 'a')}</table:table></draw:frame></draw:page>"
    )
    assert lines(tmp_path, "a.odp", opendocument("presentation", body)) == [
        "Slide 1",
        "Title",
        "Notes: Say hello",
        "Slide 2",
        "Grouped",
        "a | a",
    ]


def test_an_opendocument_with_a_password_says_so(tmp_path: Path) -> None:
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    data = opendocument("text", "", parts={"META-INF/manifest.xml": manifest})
    assert parse(tmp_path, "a.odt", data)["error"]["message"] == "The file is protected by a password."


RTF = {
    "plain": (r"{\rtf1\ansi Hello\par World}", ["Hello", "World"]),
    "a code page": (r"{\rtf1\ansi\ansicpg1252 Gr\'fc\'dfe}", ["Grüße"]),
    "Unicode": (r"{\rtf1\ansi\uc1 \u1055?\u1088?\u1080?\u1074?\u1077?\u1090?}", ["Привет"]),
    "a table": (r"{\rtf1\ansi\trowd a\cell a\cell c\cell\row}", ["a|a|c|"]),
    "fonts and hidden groups": (r"{\rtf1{\fonttbl{\f0 Arial;}}{\info{\title no}}{\*\generator x;}\f0 Text}", ["Text"]),
}


@pytest.mark.parametrize("name", RTF)
def test_rich_text_is_read(tmp_path: Path, name: str) -> None:
    source, expected = RTF[name]
    for file in ("a.rtf", "a.doc", "a"):
        assert lines(tmp_path, file, source.encode()) == expected


def book(*chapters: str, **parts: str) -> bytes:
    items = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/content.opf"/></rootfiles></container>',
            "OEBPS/content.opf": f'<package xmlns:dc="d"><metadata><dc:title>Lake</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>',
            **{f"OEBPS/text/c {n}.xhtml": text for n, text in enumerate(chapters) if text},
            **parts,
        }
    )  # fmt: skip


def test_a_book_is_read_in_its_order(tmp_path: Path) -> None:
    data = book("<html><body><p>Second</p></body></html>", "<html><body><h1>One</h1><p>First</p></body></html>")
    for name in ("a.epub", "a"):
        assert lines(tmp_path, name, data) == ["Lake", "One", "First", "Second"]


def test_a_chapter_that_is_missing_is_reported(tmp_path: Path) -> None:
    answer = parse(tmp_path, "a.epub", book("", "<p>There</p>"))
    assert "There" in answer["text"]
    assert answer["warnings"] == ["Chapter 2 of the book could not be read."]


def test_a_book_that_is_protected_says_so(tmp_path: Path) -> None:
    encryption = '<encryption><CipherReference URI="OEBPS/text/c%200.xhtml"/></encryption>'
    error = parse(tmp_path, "a.epub", book("x", **{"META-INF/encryption.xml": encryption}))["error"]
    assert "protected against copying" in error["message"]


def mail(**more: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {
        "Subject": "Öffnungszeiten",
        "From": "Ada <ada@example.com>",
        "To": "bo@example.com",
        **more,
    }.items():
        message[name] = value
    return message


def test_a_mail_is_read_with_its_headers(tmp_path: Path) -> None:
    message = mail(Date="Fri, 27 Nov 2026 10:00:00 +0100")
    message.set_content("Grüße\n", charset="iso-8859-1")
    assert lines(tmp_path, "a.eml", message.as_bytes()) == [
        "Subject: Öffnungszeiten", "From: Ada <ada@example.com>", "To: bo@example.com", "Date: Fri, 27 Nov 2026 10:00:00 +0100", "Grüße",
    ]  # fmt: skip


def test_a_mail_in_html_is_read_as_its_text(tmp_path: Path) -> None:
    message = mail()
    message.set_content("<p>Open <b>daily</b></p><p>Bis später</p>", subtype="html", charset="utf-8")
    assert lines(tmp_path, "a.eml", message.as_bytes())[3:] == ["Open daily", "Bis später"]


def test_a_mail_in_two_forms_is_read_once(tmp_path: Path) -> None:
    message = mail()
    message.set_content("Open daily")
    message.add_alternative("<p>Open daily</p>", subtype="html")
    assert lines(tmp_path, "a.eml", message.as_bytes())[3:] == ["Open daily"]


def test_a_mail_in_a_mail_is_read_and_attachments_are_reported(tmp_path: Path) -> None:
    inner = mail(Cc="cy@example.com")
    inner.set_content("Inner text")
    message = mail()
    message.set_content("Outer text")
    message.add_attachment(inner)
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="rules.pdf")
    answer = parse(tmp_path, "a.eml", message.as_bytes())
    assert re.search("Outer text.*Cc: cy@example.com.*Inner text", answer["text"], re.DOTALL)
    assert answer["warnings"] == ["The attachment rules.pdf was not read; attach it by itself."]


MAIL = {0x37: "Öffnungszeiten", 0x1000: "Open daily\r\nBis später", 0xC1A: "Ada", 0xE04: "Bo"}


@pytest.mark.parametrize("code_page", [0, 1252, 65001])
@pytest.mark.parametrize("name", ["a.msg", "a"])
def test_a_mail_of_outlook_is_read(tmp_path: Path, name: str, code_page: int) -> None:
    expected = ["Subject: Öffnungszeiten", "From: Ada", "To: Bo", "Open daily", "Bis später"]
    assert lines(tmp_path, name, msg(MAIL, code_page=code_page)) == expected


def test_a_mail_in_a_mail_of_outlook_is_read_and_attachments_are_reported(tmp_path: Path) -> None:
    answer = parse(tmp_path, "a.msg", msg(MAIL, {"rules.pdf": None, "b.msg": {0x37: "Inner", 0x1000: "Inner text"}}))
    assert re.search("Bis später.*Subject: Inner.*Inner text", answer["text"], re.DOTALL)
    assert answer["warnings"] == ["The attachment rules.pdf was not read; attach it by itself."]


def test_a_word_document_of_before_2007_is_read(tmp_path: Path) -> None:
    for name in ("a.doc", "a.dot", "a"):
        assert lines(tmp_path, name, doc("Öffnungszeiten\rOpen daily\rПривет\r")) == [
            "Öffnungszeiten",
            "Open daily",
            "Привет",
        ]
    assert "40" in lines(tmp_path, "a.doc", doc("Lindau\x0740\x0740\x0755\x07\x07\r"))[0]


def test_a_presentation_of_before_2007_is_read(tmp_path: Path) -> None:
    read = " ".join(lines(tmp_path, "a.ppt", ppt(["Title", "Grüße"], ["Second"])))
    assert all(word in read for word in ("Title", "Grüße", "Second"))


def test_a_workbook_of_before_2007_is_read_as_it_shows(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Depots")
    for column, name in enumerate(["depot", "share", "since", "weight", "open"]):
        sheet.write(0, column, name)
    for column, (value, code) in enumerate(
        [("Lindau\nWest", "General"), (0.25, "0%"), (45352, "dd.mm.yyyy"), (1250, '#,##0 "kg"'), (True, "General")]
    ):
        sheet.write(1, column, value, xlwt.easyxf(num_format_str=code))
    [name, row, *_] = lines(tmp_path, "a.xls", saved(book.save))
    assert name == "Sheet: Depots"
    assert re.sub(r"\s+", " ", "\n".join(lines(tmp_path, "a.xls", saved(book.save)))).startswith(
        "Sheet: Depots depot: Lindau West; share: 25%; since: 01.03.2024; weight: 1,250 kg; open: TRUE"
    ), row


def test_a_workbook_of_before_2007_with_an_odd_name_is_read(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    book.add_sheet("Depots").write(0, 0, "Lindau")
    data = saved(book.save)
    assert (
        "Lindau"
        in parse(tmp_path, "a.xls", data.replace("Workbook".encode("utf-16-le"), "WORKBOOK".encode("utf-16-le")))[
            "text"
        ]
    )


def test_text_boxes_and_charts_of_a_workbook_of_before_2007_are_read_or_reported(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    book.add_sheet("Depots").write(0, 0, "Lindau")
    stream = io.BytesIO()
    book.save(stream)
    with olefile.OleFileIO(stream) as container:
        records = container.openstream("Workbook").read()
    for text, encoded in (("Boxed", b"\0Boxed"), ("Größe", b"\1" + "Größe".encode("utf-16-le"))):
        box = struct.pack("<HHHHHHHHI", 0x1B6, 18, 0, 0, 0, 0, 0, len(text), 16) + bytes(2)
        records += box + struct.pack("<HH", 0x3C, len(encoded)) + encoded
    chart = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 0x20, 0, 0, 0, 0)
    answer = parse(tmp_path, "a.xls", compound({"Workbook": records + chart}))
    assert [line for line in answer["text"].splitlines() if line][-2:] == ["Boxed", "Größe"]
    assert answer["warnings"] == ["Charts in the workbook: 1. They are not read; save it as .xlsx to have them read."]


def test_a_workbook_of_before_1993_is_read(tmp_path: Path) -> None:
    # BIFF3: the beginning of a sheet, a text in a cell, and the end.
    label = struct.pack("<HHH", 0, 0, 0) + struct.pack("<H", 6) + b"Lindau"
    records = [(0x209, struct.pack("<HHH", 0x300, 0x10, 0)), (0x204, label), (0xA, b"")]
    data = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in records)
    assert "Lindau" in parse(tmp_path, "a.xls", data)["text"]


REFUSED = {
    "a Word document of before 1997": (bytes.fromhex("dba52d0031400904") + bytes(600), "before 1997"),
    "an encrypted workbook": (compound({"EncryptedPackage": bytes(5000), "EncryptionInfo": bytes(100)}), "protected by a password"),
    "a Visio drawing": (compound({"VisioDocument": bytes(5000)}), "Visio drawing"),
    "a compound file of nobody": (compound({"Something": bytes(5000)}), "kind that is not known"),
    "a binary workbook": (archive({"[Content_Types].xml": "", "xl/workbook.bin": b"\x83"}), "save it as .xlsx"),
    "a Pages document": (archive({"Index/Document.iwa": b""}), "Pages document"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_its_right_name(tmp_path: Path, name: str) -> None:
    data, words = REFUSED[name]
    assert words in parse(tmp_path, "a", data)["error"]["message"]


@pytest.mark.parametrize(
    "data", [doc("Text\r"), ppt(["Text"]), msg({0x1000: "Text"}), compound({"Workbook": bytes(5000)})]
)
def test_an_old_document_that_breaks_off_is_broken(tmp_path: Path, data: bytes) -> None:
    for broken in (data[:600], data[: len(data) // 2], data[:1024] + bytes(len(data) - 1024)):
        answer = parse(tmp_path, "a", broken)
        assert "error" in answer or "died" in answer or answer["text"].strip()
        if "error" in answer:
            assert answer["error"]["message"]
