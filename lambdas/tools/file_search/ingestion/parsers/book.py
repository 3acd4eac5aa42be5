"""Electronic books (.epub)."""

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from parsers import markup
from parsers.archive import Archive, child, descendants
from parsers.reading import Unreadable, Warn


def read(archive: Archive, warn: Warn) -> Iterator[str]:
    """Yield the title, then the chapters in the order in which they are read.

    Raises:
        Unreadable: the book is encrypted, or holds no chapters.
    """
    container = archive.xml("META-INF/container.xml")
    package = next((root.get("full-path", "") for root in descendants(container, "rootfile")), "")
    root = archive.xml(package)
    hrefs = {item.get("id", ""): unquote(item.get("href", "")) for item in descendants(root, "item")}
    chapters = [hrefs.get(entry.get("idref", ""), "") for entry in descendants(root, "itemref")]
    if not any(chapters):
        raise Unreadable("invalid_file", "The book names no chapters: it is broken.")
    for title in descendants(child(root, "metadata"), "title", "creator"):
        yield title.text or ""
    encrypted = {
        unquote(each.get("URI", "")) for each in descendants(archive.xml("META-INF/encryption.xml"), "CipherReference")
    }
    names = [posixpath.normpath(posixpath.join(posixpath.dirname(package), href)) for href in chapters if href]
    if names and encrypted.issuperset(names):
        raise Unreadable("invalid_file", "The book is protected against copying.")
    for number, name in enumerate(names, 1):
        data = b"" if name in encrypted else archive.bytes(name)
        if data:
            yield markup.text_of(data, warn)
        else:
            warn(f"Chapter {number} of the book could not be read.")
