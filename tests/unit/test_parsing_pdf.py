"""PDF: forms, passwords, ligatures, pages that are broken, and pages that are only images."""

import io
import zlib
from pathlib import Path

import pypdf
import pytest

from tests.support.documents import line, pages, pdf, saved, stream
from tests.support.parsing import parse


def encrypted(user: str, algorithm: str) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(pages(line("For everybody to read"))))
    writer.encrypt(user, "owner's", algorithm=algorithm)
    return saved(writer.write)


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_only_its_owner_may_change_is_read(tmp_path: Path, algorithm: str) -> None:
    answer = parse(tmp_path, "a.pdf", encrypted("", algorithm))
    assert (answer["text"].strip(), answer["warnings"]) == ("For everybody to read", [])


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_needs_a_password_says_so(tmp_path: Path, algorithm: str) -> None:
    error = parse(tmp_path, "a.pdf", encrypted("secret", algorithm))["error"]
    assert error == {"code": "invalid_file", "message": "The PDF is protected by a password."}


def field(kind: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b"<</Type/Annot/Subtype/Widget/FT/%s/T(no)/V%s/Rect[120 90 280 110]/DA(/F1 12 Tf)%s>>" % (kind, value, more)


FIELDS = {
    "text without a picture of it": (field(b"Tx", b"(FILLED-4711)"), "FILLED-4711"),
    "text in Unicode": (field(b"Tx", b"<FEFF00DC0062>"), "Üb"),
    "a choice": (field(b"Ch", b"(Lindau)", b"/Ff 131072/Opt[(Bregenz)(Lindau)]"), "Lindau"),
    "text on the page": (b"<</Type/Annot/Subtype/FreeText/Contents(Typed over it)/Rect[10 10 90 30]/DA(/F1 12 Tf)>>", "Typed over it"),
    "a note": (b"<</Type/Annot/Subtype/Text/Contents(Check this)/Rect[10 10 30 30]>>", "Check this"),
    "a comment on marked words": (b"<</Type/Annot/Subtype/Highlight/Contents(Ask Ada)/Rect[10 10 30 30]/QuadPoints[10 30 30 30 10 10 30 10]>>", "Ask Ada"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_values_of_forms_and_notes_are_read(tmp_path: Path, name: str) -> None:
    annotation, expected = FIELDS[name]
    form = b"/AcroForm<</Fields[6 0 R]>>" if b"/Widget" in annotation else b""
    answer = parse(tmp_path, "form.pdf", pages(line("Contract number:"), annotations={0: [annotation]}, catalog=form))
    assert "Contract number:" in answer["text"]
    assert answer["text"].count(expected) == 1
    assert answer["warnings"] == []


def with_font(codes: bytes, mapped: str) -> bytes:
    """Return a PDF whose font maps bytes to these characters, as programs write it that set ligatures."""
    entries = b"".join(
        b"<%02x><%s>" % (code, char.encode("utf-16-be").hex().encode())
        for code, char in zip(codes, mapped, strict=True)
    )
    table = b"1 begincodespacerange<00><FF>endcodespacerange %d beginbfchar%s endbfchar" % (len(codes), entries)
    cmap = b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/X def " + table + b" endcmap end end"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        stream(b"BT /F1 12 Tf 10 100 Td <%s> Tj ET" % codes.hex().encode()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>",
        stream(cmap),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "expected"),
    [("o\ufb03ce", "office"), ("\ufb02oor", "floor"), ("\ufb01nd", "find"), ("co\u00adoperate", "cooperate"), ("sta\ufb00", "staff")],
)  # fmt: skip
def test_ligatures_are_letters_and_soft_hyphens_are_none(tmp_path: Path, shown: str, expected: str) -> None:
    codes = bytes(range(65, 65 + len(shown)))
    assert parse(tmp_path, "a.pdf", with_font(codes, shown))["text"].strip() == expected


def test_a_word_that_is_divided_at_the_end_of_a_line_is_whole(tmp_path: Path) -> None:
    content = line("Opening hours and infor-", 100) + b" " + line("mation for readers", 86)
    assert "information for readers" in parse(tmp_path, "a.pdf", pages(content))["text"]


BAD_PAGES = {
    "no dictionary": b"null",
    "another object": b"(text)",
    "no such object": b"99 0 R",
}


@pytest.mark.parametrize("name", BAD_PAGES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_page_is_reported_and_the_rest_is_read(tmp_path: Path, name: str, place: int) -> None:
    kids = [b"4 0 R", b"6 0 R"]
    kids.insert(place, b"8 0 R" if BAD_PAGES[name] != b"99 0 R" else b"99 0 R")
    data = pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 3>>" % b" ".join(kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 5 0 R/Resources<</Font<</F1 3 0 R>>>>>>",
        stream(line("First good page")),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 7 0 R/Resources<</Font<</F1 3 0 R>>>>>>",
        stream(line("Second good page")),
        BAD_PAGES[name],
    )
    answer = parse(tmp_path, "a.pdf", data)
    assert "First good page" in answer["text"]
    assert "Second good page" in answer["text"]
    assert answer["warnings"] == [f"Pages that are broken and could not be read: {place + 1}."]


def test_a_page_that_ends_its_process_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    inflated = zlib.compress(b"BT (x) Tj ET " * 20_000_000, 9)
    data = pages(line("First good page"), b"%", line("Second good page"))
    bomb = data.replace(stream(b"%"), stream(inflated, b"/Filter/FlateDecode"))
    answer = parse(tmp_path, "a.pdf", bomb, memory=400 * 1024**2)
    assert "First good page" in answer["text"]
    assert "Second good page" in answer["text"]
    assert answer["warnings"] == ["Pages that are broken and could not be read: 2."]


@pytest.mark.parametrize("content", [b"BT (x Tj", b"\xff\xfe\x00", b"BT /F1 12 Tf"])
def test_a_page_whose_content_is_broken_is_reported(tmp_path: Path, content: bytes) -> None:
    answer = parse(tmp_path, "a.pdf", pages(line("A good page"), content))
    assert answer["text"].strip() == "A good page"
    assert answer["warnings"] == ["Pages that show nothing, because they are blank or broken: 2."]


IMAGE = b"q 100 0 0 100 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q"


def test_pages_that_are_only_images_are_reported(tmp_path: Path) -> None:
    answer = parse(tmp_path, "a.pdf", pages(IMAGE, line("Text"), IMAGE, IMAGE, b"", IMAGE))
    assert "Text" in answer["text"]
    assert answer["warnings"] == [
        "Pages without text, only with images or drawings, would need OCR: 1, 3-4, 6.",
        "Pages that show nothing, because they are blank or broken: 5.",
    ]


def test_a_scan_without_text_is_refused_as_that(tmp_path: Path) -> None:
    for content in (IMAGE, IMAGE + b" " + IMAGE):
        error = parse(tmp_path, "scan.pdf", pages(content, content))["error"]
        assert (error["code"], "OCR" in error["message"]) == ("unsupported_file", True)


def test_attached_files_and_forms_of_another_kind_are_reported(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(io.BytesIO(pages(line("Text"))))
    writer.add_attachment("data.csv", b"a,b")
    [warning] = parse(tmp_path, "a.pdf", saved(writer.write))["warnings"]
    assert "Files in the file: 1." in warning
