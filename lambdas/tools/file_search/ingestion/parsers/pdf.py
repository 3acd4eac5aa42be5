"""PDF documents, read by PDFium.

PDFium ends its process on some broken pages. So pages are read in a process of their own, and after a page that ended
it, the next process goes on.
"""

import ctypes
import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from parsers.reading import FILES, Unreadable, Warn

MAX_PAGES = 20_000
MAX_DEATHS = 5
"""So many pages may end their process; a file with more is refused."""

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xad": None, "\ufeff": None}
)
_FIELDS_WITH_TEXT = (
    pdfium_c.FPDF_FORMFIELD_TEXTFIELD,
    pdfium_c.FPDF_FORMFIELD_COMBOBOX,
    pdfium_c.FPDF_FORMFIELD_LISTBOX,
)
_WITHOUT_TEXT = {
    "broken": "Pages that are broken and could not be read: {}.",
    "drawn": "Pages without text, only with images or drawings, would need OCR: {}.",
    "empty": "Pages that show nothing, because they are blank or broken: {}.",
}
_HYPHENATED = re.compile("[\x02\ufffe](\r?\n)?")
"""PDFium's mark for a hyphen that divides a word at the end of a line."""


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of each page, with the values of forms and the notes.

    Raises:
        Unreadable: the file is broken, needs a password, has more than `MAX_PAGES` pages, or no page has text.
    """
    page, deaths = 0, 0
    pages: dict[str, list[int]] = {"text": [], "drawn": [], "empty": [], "broken": []}
    while True:
        ended = True
        for kind, value in _pages(path, page):
            if kind == "error":
                raise Unreadable("invalid_file", value)
            if kind == "warning":
                warn(value)
            elif kind == "end":
                ended = False
            else:
                page += 1
                pages[kind].append(page)
                if kind == "text":
                    yield value
        if not ended:
            break
        page, deaths = page + 1, deaths + 1
        if deaths > MAX_DEATHS:
            raise Unreadable("invalid_file", "The file can't be read as PDF: too many of its pages are broken.")
        pages["broken"].append(page)
    if not pages["text"] and not pages["broken"]:
        raise Unreadable("unsupported_file", "The PDF holds no text: pages that are images would need OCR.")
    for kind, message in _WITHOUT_TEXT.items():
        if pages[kind]:
            warn(message.format(_ranges(pages[kind])))


def _pages(path: Path, start: int) -> Iterator[tuple[str, str]]:
    """Yield what a process of its own says of the pages from `start` on; it says `end` unless a page ended it.

    Yields:
        `text`, `drawn` (images or lines only), `empty` or `broken` of each page; `warning` and `error` of the document.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    limit = resource.getrlimit(resource.RLIMIT_CPU)[1]
    left = limit if limit == resource.RLIM_INFINITY else max(limit - int(used.ru_utime + used.ru_stime), 1)
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        # Whatever happens here must not go on as a second copy of the program.
        try:
            os.close(reader)
            resource.setrlimit(resource.RLIMIT_CPU, (left, left))
            with os.fdopen(writer, "w", encoding="utf-8", errors="replace") as out:
                for event in _events(path, start):
                    out.write(json.dumps(event) + "\n")
                    out.flush()
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8") as lines:
            for line in lines:
                # Of a process that ended, the last line may be cut off.
                if line.endswith("\n"):
                    kind, value = json.loads(line)
                    yield kind, value
    finally:
        os.waitpid(process, 0)


def _events(path: Path, start: int) -> Iterator[tuple[str, str]]:
    """Yield what `_pages` yields, in this process."""
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        protected = error.err_code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY)
        yield (
            "error",
            "The PDF is protected by a password." if protected else "The file can't be read as PDF: it is broken.",
        )
        return
    if len(document) > MAX_PAGES:
        yield "error", f"The PDF has more than {MAX_PAGES:,} pages."
        return
    document.init_forms()
    if start == 0:
        if document.get_formtype() in (pdfium_c.FORMTYPE_XFA_FULL, pdfium_c.FORMTYPE_XFA_FOREGROUND):
            yield "warning", "The PDF holds an XFA form, of which only what its pages show was read."
        if attached := document.count_attachments():
            yield "warning", FILES.format(attached)
    for number in range(start, len(document)):
        try:
            yield _page(document, number)
        except pdfium.PdfiumError:
            yield "broken", ""
    yield "end", ""


def _page(document: pdfium.PdfDocument, number: int) -> tuple[str, str]:
    """Return the text of a page, or what it is without text."""
    page = document[number]
    try:
        drawn, notes = _annotations(document, page)
        if drawn:
            # What is filled into a form, and what was written onto the page, becomes a part of it.
            pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
            page.close()
            page = document[number]
        text_page = page.get_textpage()
        text = _HYPHENATED.sub("", text_page.get_text_range()).translate(_LIGATURES)
        text_page.close()
        text = "\n".join([text, *(note for note in notes if note not in text)])
        if text.strip():
            return "text", text
        return ("drawn" if pdfium_c.FPDFPage_CountObjects(page) else "empty"), ""
    finally:
        page.close()


def _annotations(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> tuple[bool, list[str]]:
    """Return whether annotations draw on the page, the values of fields, and what notes say.

    Not every value that is filled in has been drawn, too.
    """
    drawn, texts = False, []
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        subtype = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if subtype not in (pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP):
            drawn = True
            if subtype != pdfium_c.FPDF_ANNOT_WIDGET:
                get = partial(pdfium_c.FPDFAnnot_GetStringValue, annotation, b"Contents")
                texts.append(_string(get))
            elif document.formenv:
                kind = pdfium_c.FPDFAnnot_GetFormFieldType(document.formenv, annotation)
                if kind in _FIELDS_WITH_TEXT:
                    texts.append(_string(partial(pdfium_c.FPDFAnnot_GetFormFieldValue, document.formenv, annotation)))
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    return drawn, texts


def _string(get: Callable[[Any, int], int]) -> str:
    """Return a string that PDFium writes as UTF-16 into a buffer of the size that it asks for."""
    size = get(None, 0)
    buffer = ctypes.create_string_buffer(size)
    get(ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", errors="replace").rstrip("\0").strip()


def _ranges(pages: list[int]) -> str:
    """Return pages as people write them: `2, 5-7`."""
    groups: list[list[int]] = []
    for page in pages:
        if groups and groups[-1][1] == page - 1:
            groups[-1][1] = page
        else:
            groups.append([page, page])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in groups)
