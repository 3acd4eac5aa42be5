"""Tells what an archive is: an Office or OpenDocument document, a book, or something that is not read."""

from collections.abc import Iterator
from pathlib import Path

from parsers import book, opendocument, sheets, slides, word
from parsers.archive import Archive
from parsers.reading import FILES, PICTURES, Unreadable, Warn

_FOLDERS = {"word/": word.read, "xl/": sheets.read, "ppt/": slides.read}
_MAIN = {"word/": "word/document.xml", "xl/": "xl/workbook.xml", "ppt/": "ppt/presentation.xml"}
_NOT_READ = {
    "xl/workbook.bin": "a binary Excel workbook (save it as .xlsx)",
    "visio/": "a Visio drawing",
    "Index/Document.iwa": "a Pages document (export it as .docx or PDF)",
    "Index/Presentation.iwa": "a Keynote presentation (export it as .pptx or PDF)",
    "Index/": "a document of Apple's iWork (export it as PDF)",
    "META-INF/MANIFEST.MF": "a Java archive",
    "AndroidManifest.xml": "an Android app",
}


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of the document in an archive.

    Raises:
        Unreadable: it is broken, too large, or holds no document that is read.
    """
    archive = Archive(path, warn)
    kind = archive.bytes("mimetype")[:100].decode("ascii", "replace").strip() if "mimetype" in archive else ""
    if kind == "application/epub+zip" or "META-INF/container.xml" in archive:
        yield from book.read(archive, warn)
    elif kind.startswith("application/vnd.oasis.opendocument.") or "content.xml" in archive:
        yield from opendocument.read(archive, warn)
    elif "xl/workbook.bin" not in archive and (folder := _folder(archive)):
        main = next((name for name in archive.relations("").of_type("officeDocument") if name in archive), None)
        main = main or _MAIN[folder]
        if main not in archive:
            raise Unreadable("invalid_file", "The file is broken: it lacks the part that all others belong to.")
        yield from _FOLDERS[folder](archive, main, warn)
        _report_unread(archive, warn)
    else:
        for name, what in _NOT_READ.items():
            if archive.names(name):
                raise Unreadable("unsupported_file", f"The file is {what}; file search can't read it.")
        raise Unreadable("unsupported_file", "The file is an archive; attach the files in it one by one.")


def _folder(archive: Archive) -> str | None:
    return next((folder for folder in _FOLDERS if archive.names(folder)), None)


def _report_unread(archive: Archive, warn: Warn) -> None:
    if pictures := sum("/media/" in name for name in archive.names()):
        warn(PICTURES.format(pictures))
    # The workbook behind a chart is not counted: the chart holds what it shows.
    charted = {
        target
        for name in archive.names()
        if "/charts/" in name and "/_rels/" not in name
        for target in archive.relations(name).of_type("package")
    }
    if embedded := sum("/embeddings/" in name and name not in charted for name in archive.names()):
        warn(FILES.format(embedded))
