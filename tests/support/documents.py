"""Documents that tests make letter by letter: what the libraries that write documents have no words for."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NAMESPACES = f"""xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
 xmlns:r="{_R}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"
 xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"
 xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
 xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"
 xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"
 xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
 xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
 xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
 xmlns:wpg="http://schemas.microsoft.com/office/word/2010/wordprocessingGroup"
 xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main"
 xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
 xmlns:v="urn:schemas-microsoft-com:vml" """
_SHEET = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_R}"'

Parts = Mapping[str, str | bytes]


def saved(save: Any) -> bytes:
    """Return what a function writes into a file."""
    output = io.BytesIO()
    save(output)
    return output.getvalue()


def archive(parts: Parts) -> bytes:
    """Return a ZIP archive."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return output.getvalue()


def rewritten(data: bytes, name: str, content: bytes) -> bytes:
    """Return an archive with one part replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        return archive({each: content if each == name else old.read(each) for each in old.namelist()})


def relations(*targets: tuple[str, str]) -> str:
    """Return a part of relations: `rId1` and on, of these types to these targets."""
    entries = (
        f'<Relationship Id="rId{number}" Type="{_R}/{type}" Target="{target}"/>'
        for number, (type, target) in enumerate(targets, 1)
    )
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}">{"".join(entries)}</Relationships>'


def element(tag: str, content: str) -> str:
    """Return a part's root element, with the namespaces of Office."""
    return f"<{tag} {_NAMESPACES}>{content}</{tag}>"


def docx(body: str, *targets: tuple[str, str], parts: Parts | None = None) -> bytes:
    """Return a Word document.

    Args:
        body: the content of `w:body`.
        targets: type and name of what the main part refers to, as `rId1` and on.
        parts: more parts by their names.
    """
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("officeDocument", "word/document.xml")),
            "word/document.xml": element("w:document", f"<w:body>{body}</w:body>"),
            "word/_rels/document.xml.rels": relations(*targets),
            **(parts or {}),
        }
    )


def p(text: str) -> str:
    """Return a paragraph of Word."""
    return f"<w:p>{run(text)}</w:p>"


def run(text: str) -> str:
    """Return a run of Word."""
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def word_table(*rows: list[str]) -> str:
    """Return a table of Word; cells are the XML of their blocks, or text."""
    cells = ("".join(f"<w:tc>{each if each[:1] == '<' else p(each)}</w:tc>" for each in row) for row in rows)
    return "<w:tbl><w:tblPr/><w:tblGrid/>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def pptx(*slides: str, parts: Parts | None = None, related: Mapping[int, list[tuple[str, str]]] | None = None) -> bytes:
    """Return a presentation.

    Args:
        slides: the content of each slide's tree of shapes.
        related: type and name of what a slide refers to, by the slide's number.
    """
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in range(1, len(slides) + 1))
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": element(
            "p:presentation",
            # Sections name the slides once more.
            f'<p:sldIdLst>{listed}</p:sldIdLst><p:extLst><p:sldIdLst><p:sldId id="256"/></p:sldIdLst></p:extLst>',
        ),
        "ppt/_rels/presentation.xml.rels": relations(
            *(("slide", f"slides/slide{number}.xml") for number in range(1, len(slides) + 1)),
            ("commentAuthors", "commentAuthors.xml"),
        ),
    }
    for number, tree in enumerate(slides, 1):
        made[f"ppt/slides/slide{number}.xml"] = element("p:sld", f"<p:cSld><p:spTree>{tree}</p:spTree></p:cSld>")
        made[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(*(related or {}).get(number, []))
    return archive({**made, **(parts or {})})


def shape(*lines: str, placeholder: str = "") -> str:
    """Return a shape of a slide with a paragraph for each line."""
    mark = f'<p:nvSpPr><p:nvPr><p:ph type="{placeholder}"/></p:nvPr></p:nvSpPr>' if placeholder else ""
    return f"<p:sp>{mark}<p:txBody>{''.join(map(paragraph, lines))}</p:txBody></p:sp>"


def paragraph(text: str) -> str:
    """Return a paragraph of a drawing."""
    return f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"


def graphic(content: str) -> str:
    """Return a frame of a slide around a table, chart or SmartArt."""
    return f"<p:graphicFrame><a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"


def chart(title: str, series: Mapping[str, Mapping[str, str]], code: str = "General") -> str:
    """Return a part with a chart: numbers by category, of each series by name."""

    def points(values: list[str]) -> str:
        return "".join(f'<c:pt idx="{index}"><c:v>{value}</c:v></c:pt>' for index, value in enumerate(values))

    made = "".join(
        f"<c:ser><c:tx><c:strRef><c:strCache>{points([name])}</c:strCache></c:strRef></c:tx>"
        f"<c:cat><c:strRef><c:strCache>{points(list(values))}</c:strCache></c:strRef></c:cat>"
        f"<c:val><c:numRef><c:numCache><c:formatCode>{code}</c:formatCode>{points(list(values.values()))}"
        "</c:numCache></c:numRef></c:val></c:ser>"
        for name, values in series.items()
    )
    titled = f"<c:title><c:tx><c:rich>{paragraph(title)}</c:rich></c:tx></c:title>"
    return element(
        "c:chartSpace", f"<c:chart>{titled}<c:plotArea><c:barChart>{made}</c:barChart></c:plotArea></c:chart>"
    )


def xlsx(sheets: Mapping[str, str], *, styles: list[str] | None = None, parts: Parts | None = None,
         related: list[tuple[str, str]] | None = None, strings: str = "", book: str = "") -> bytes:  # fmt: skip
    """Return a workbook.

    Args:
        sheets: the content of each `worksheet` by the sheet's name.
        styles: the number format of each cell style.
        related: type and name of what the first sheet refers to.
        strings: the content of the shared strings.
        book: what comes first in the workbook's part.
    """
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
    codes = "".join(f'<numFmt numFmtId="{164 + n}" formatCode="{code}"/>' for n, code in enumerate(styles or []))
    used = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(styles or [])))
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {_SHEET}>{book}<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            *(("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)),
            ("styles", "styles.xml"),
            ("sharedStrings", "sharedStrings.xml"),
        ),
        "xl/styles.xml": f"<styleSheet {_SHEET}><numFmts>{codes}</numFmts><cellXfs>{used}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f"<sst {_SHEET}>{strings}</sst>",
        "xl/worksheets/_rels/sheet1.xml.rels": relations(*(related or [])),
    }
    for number, content in enumerate(sheets.values(), 1):
        made[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {_SHEET}>{content}</worksheet>"
    return archive({**made, **(parts or {})})


def rows(*cells: list[str]) -> str:
    """Return the data of a sheet; a cell is text, or the XML of a `c`."""
    made = (
        "".join(each if each[:1] == "<" else f'<c t="inlineStr"><is><t>{each}</t></is></c>' for each in row)
        for row in cells
    )
    return "<sheetData>" + "".join(f"<row>{row}</row>" for row in made) + "</sheetData>"


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, numbered from 1; the first is the catalog."""
    out, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, len(out))
    return out + table + end


def stream(data: bytes, head: bytes = b"") -> bytes:
    """Return an object that is a stream."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (head, len(data), data)


def pages(*contents: bytes, annotations: Mapping[int, list[bytes]] | None = None, catalog: bytes = b"") -> bytes:
    """Return a PDF with a page for each content, such as `BT /F1 12 Tf 10 100 Td (text) Tj ET`.

    Args:
        annotations: the dictionaries of a page's annotations, by the page's index.
        catalog: more entries of the catalog; the first annotation is object `4 + 2 * pages`, and so on.
    """
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    more: list[bytes] = []
    for index, content in enumerate(contents):
        own = (annotations or {}).get(index, [])
        first = 4 + 2 * count + len(more)
        places = b" ".join(b"%d 0 R" % (first + number) for number in range(len(own)))
        more += own
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents %d 0 R/Annots[%s]"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * index, places)
        )
        objects.append(stream(content))
    return pdf(*objects, *more)


def line(text: str, y: int = 100) -> bytes:
    """Return the content of a page that shows one line."""
    return b"BT /F1 12 Tf 10 %d Td (%s) Tj ET" % (y, text.encode("cp1252"))
