"""The program that reads files: every kind that it knows, and what strangers may send instead."""

import io
import zipfile
import zlib
from pathlib import Path

import pypdf
import pytest

from tests.support.documents import rewritten, saved
from tests.support.parsing import parse
from tests.support.plain_documents import excel, pdf, powerpoint, word

READABLE = {
    "notes.txt": ("Grüße aus Köln".encode(), ["Grüße aus Köln"]),
    "latin.txt": ("Die Größe der Bücher ist für alle Käufer verständlich und schön.".encode("latin-1"), ["Größe"]),
    "wide.txt": ("日本の図書館".encode("utf-16"), ["日本の図書館"]),
    "readme.md": (b"# Title\n\nSome *text*.", ["# Title", "Some *text*."]),
    "page.html": (
        b"<!doctype html><title>Shop</title><style>p{}</style><script>alert(1)</script><p>Open&nbsp;daily<p>Closed",
        ["Shop", "Open daily\nClosed"],
    ),
    "table.csv": (b"name;city\nAda;London\nAlan;\n", ["name: Ada; city: London", "name: Alan", "Columns: name, city"]),
    "data.json": (
        b'{"price": [1, 2.50], "name": "\\u00e9t\\u00e9"}',
        ['{"price": [1, 2.50], "name": "\\u00e9t\\u00e9"}'],
    ),
    "lines.json": (b'{"a": 1}\n{"a": 2}\n', ['{"a": 2}']),
    "main.py": (b"def add(a, b):\n    return a + b\n", ["def add(a, b):\n    return a + b"]),
    "paper.pdf": (pdf("First page", "Second page"), ["First page", "Second page"]),
    "letter.docx": (word(), ["Opening hours", "Monday | 9 to 5"]),
    "turbines.xlsx": (excel(), ["Sheet: Turbines", "id: T1; rpm: 1250", "id: T2"]),
    "slides.pptx": (powerpoint(), ["Slide 1", "Quarterly results", "Thank the team"]),
    "nothing-in-its-name": (word(), ["Opening hours"]),
}


@pytest.mark.parametrize("name", READABLE)
def test_every_kind_of_file_is_read(tmp_path: Path, name: str) -> None:
    data, expected = READABLE[name]
    text = parse(tmp_path, name, data)["text"]
    for piece in expected:
        assert piece in text
    assert "alert" not in text


def encrypted() -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(pdf("secret")))
    writer.encrypt("password", algorithm="RC4-128")
    return saved(writer.write)


def archive(**entries: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name.replace("__", "/"), data)
    return output.getvalue()


UNREADABLE = {
    "empty.txt": (b"", "invalid_file", "is empty"),
    "broken.pdf": (b"%PDF-1.7\n1 0 obj\n<<", "invalid_file", "broken"),
    "secret.pdf": (encrypted(), "invalid_file", "password|encrypted"),
    "scan.pdf": (pdf(""), "unsupported_file", "OCR"),
    "broken.docx": (word()[:900], "invalid_file", "broken"),
    "hollow.docx": (archive(word__document="<w/>".encode()), "invalid_file", "broken"),  # noqa: UP012
    "named.xlsx": (b"not an archive", "invalid_file", "broken"),
    "files.zip": (archive(a=b"a"), "unsupported_file", "archive"),
    "photo.txt": (b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported_file", "an image"),
    "old.doc": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "invalid_file",
        "an old Office document: it is broken",
    ),
    "program.bin": (b"\x7fELF" + bytes(600), "unsupported_file", "a program"),
    "zeros.dat": (bytes(5000), "unsupported_file", "binary"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    data, code, words = UNREADABLE[name]
    error = parse(tmp_path, name, data)["error"]
    assert error["code"] == code
    assert any(part in error["message"] for part in words.split("|")), error["message"]


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    bomb = archive(word__document=bytes(520 * 1024**2))
    assert len(bomb) < 1024**2
    error = parse(tmp_path, "bomb.docx", bomb, memory=400 * 1024**2)["error"]
    assert "unpacks to far more" in error["message"]


ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE w:document [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">
<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>
<w:t>before &g; &secret; after</w:t></w:r></w:p></w:body></w:document>"""


@pytest.mark.parametrize(
    ("name", "document", "entry"),
    [("a.docx", word(), "word/document.xml"), ("a.xlsx", excel(), "xl/workbook.xml"),
     ("a.pptx", powerpoint(), "ppt/slides/slide1.xml")],
)  # fmt: skip
def test_entities_are_not_expanded(tmp_path: Path, name: str, document: bytes, entry: str) -> None:
    answer = parse(tmp_path, name, rewritten(document, entry, ENTITIES))
    text = answer.get("text", "")
    assert len(text) < 10_000
    assert "root:" not in text


def test_a_page_that_inflates_without_end_ends_within_its_limits(tmp_path: Path) -> None:
    inflated = zlib.compress(b"BT (x) Tj ET " * 40_000_000, 1)
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    head += b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
    head += f"4 0 obj<</Filter/FlateDecode/Length {len(inflated)}>>stream\n".encode()
    data = head + inflated + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    answer = parse(tmp_path, "bomb.pdf", data, memory=600 * 1024**2, seconds=10)
    assert "text" not in answer


def test_nesting_without_end_ends_within_its_limits(tmp_path: Path) -> None:
    for name, data in (("deep.html", b"<div>" * 500_000), ("deep.json", b"[" * 500_000)):
        answer = parse(tmp_path, name, data, memory=600 * 1024**2, seconds=10)
        assert answer.keys() & {"text", "error", "died"}


def test_text_beyond_what_a_store_takes_is_refused(tmp_path: Path) -> None:
    answer = parse(tmp_path, "long.txt", b"lorem ipsum " * 2_100_000)
    assert answer["error"]["code"] == "invalid_file"
    assert "5,000,000 tokens" in answer["error"]["message"]


def test_text_holds_nothing_that_cannot_be_stored(tmp_path: Path) -> None:
    text = parse(tmp_path, "odd.txt", b"a\x00b" + b"c" * 1000 + b"\r\n\xff\xfe")["text"]
    assert "\0" not in text
    text.encode()
