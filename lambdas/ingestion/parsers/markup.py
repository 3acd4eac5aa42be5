"""Web pages: the text that a browser shows."""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import html

from parsers.plain import decoded
from parsers.reading import Warn


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of a page."""
    yield text_of(path.read_bytes(), warn)


def text_of(data: bytes | str, warn: Warn, charset: str | None = None) -> str:
    """Return the text of a page, a chapter of a book or the body of a mail.

    Args:
        data: bytes are decoded as the HTML standard says; a `str` is decoded already.
        charset: what the transport declares, as the header of a mail does; it goes before the page's own.
    """
    parser = html.HTMLParser(no_network=True, remove_comments=True, huge_tree=False, encoding="utf-8")
    page = data if isinstance(data, str) else data.decode(charset) if charset else decoded(data, warn)
    root = html.document_fromstring(page.encode(), parser=parser, ensure_head_body=True)
    for dropped in list(root.iter("script", "style", "noscript", "template")):
        dropped.drop_tree()
    for block in root.iter(
        "p", "div", "br", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "title", "pre"
    ):
        block.tail = "\n" + (block.tail or "")
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in root.text_content().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
