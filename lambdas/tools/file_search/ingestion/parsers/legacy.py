"""Office documents of the years before 2007 (.doc, .xls, .ppt), and what else is a compound file.

The format: [MS-CFB], a file system in a file; its streams tell what it holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import olefile

from parsers import old_sheets, outlook
from parsers.reading import Unreadable, Warn

Kind = Literal["doc", "ppt", "xls"]
_LIBRARY_KINDS: dict[str, Kind] = {"WordDocument": "doc", "PowerPoint Document": "ppt"}
_UNREAD = {
    "Pictures": "The file holds pictures; text in pictures is not read.",
    "ObjectPool": "The file holds other files, which are not read; attach them by themselves.",
}
_NOT_READ = {
    "VisioDocument": "a Visio drawing",
    "Quill": "a Publisher document (save it as PDF)",
    "PerfectOffice_MAIN": "a WordPerfect document (save it as .docx)",
    "\x05HwpSummaryInformation": "a Hangul document (save it as .docx)",
}


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of the document in a compound file.

    Raises:
        Unreadable: it is protected, or holds no document that is read.
    """
    with olefile.OleFileIO(path) as container:
        streams = {entry[0] for entry in container.listdir(streams=True, storages=True)}
        if "__properties_version1.0" in streams:
            yield from outlook.read(container, warn)
            return
    if streams & {"EncryptedPackage", "EncryptionInfo"}:
        raise Unreadable("invalid_file", "The file is protected by a password.")
    if {stream.lower() for stream in streams} & {"workbook", "book"}:
        yield from old_sheets.read(path, warn)
    elif kind := next((kind for stream, kind in _LIBRARY_KINDS.items() if stream in streams), None):
        yield text_of(path.read_bytes(), kind)
        for stream, message in _UNREAD.items():
            if stream in streams:
                warn(message)
    else:
        what = next((what for stream, what in _NOT_READ.items() if stream in streams), "of a kind that is not known")
        raise Unreadable("unsupported_file", f"The file is {what}; file search can't read it.")


def text_of(data: bytes, kind: Kind) -> str:
    """Return the text that the library finds.

    Raises:
        Unreadable: the document is protected, or the library is not there.
    """
    try:
        from office_oxide import Document
    except ImportError:
        message = "The file is an Office document of before 2007: save it in the present format, such as .docx."
        raise Unreadable("unsupported_file", message) from None
    try:
        text: str = Document.from_bytes(data, kind).plain_text()
    except Exception as error:
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise Unreadable("invalid_file", "The file is protected by a password.") from None
        raise
    return text
