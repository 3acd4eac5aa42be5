"""Web pages: the text that a browser shows.

A page is read as a stream of tags and text, so it may be nested as deep as it likes. Blocks become lines, a row of a
table one line with " | " between its cells, and white space counts in preformatted text alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from parsers import charsets, plain
from parsers.reading import Warn

_PRESCAN_BYTES = 64 * 1024
"""The standard looks at 1,024 bytes first, and then at each `<meta>` that it meets; both have the same end."""

_MAX_ATTRIBUTES = 64

_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "dd", "details"),
        *("dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1"),
        *(
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "head",
            "header",
            "hgroup",
            "hr",
            "html",
            "legend",
            "li",
            "listing",
            "main",
            "menu",
            "mtr",
        ),
        *(
            "nav",
            "ol",
            "optgroup",
            "option",
            "p",
            "plaintext",
            "pre",
            "search",
            "section",
            "select",
            "summary",
            "table",
            "tbody",
        ),
        *("text", "textarea", "tfoot", "thead", "title", "tr", "ul", "xmp"),
    )
)
"""Elements that begin and end a line; `text` is a place in a drawing (SVG)."""

_PREFORMATTED = ("listing", "plaintext", "pre", "textarea", "xmp")

_UNSEEN = frozenset(
    (
        *("audio", "canvas", "datalist", "iframe", "noembed", "noframes", "noscript", "script"),
        *("style", "template", "video"),
    )
)
"""Elements whose content no browser with scripts shows."""

_SPELT_SHORT = re.compile(rf"<({'|'.join(sorted(_UNSEEN))}|title|textarea)\b([^<>]*)/>", re.IGNORECASE)
"""Elements of XHTML that end where they begin. HTML knows no such thing, and would take the rest of the page in."""

_WORD = re.compile(r"([ \t\n\r\f\xa0]*)([^ \t\n\r\f\xa0]*)")

_ATTRIBUTE = re.compile(rb"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?""")


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield the text of a page."""
    yield text_of(path.read_bytes(), warn)


def text_of(data: bytes | str, warn: Warn, charset: str | None = None) -> str:
    """Return the text of a page, a chapter of a book or the body of a mail.

    Args:
        data: bytes are decoded as the HTML standard says; a `str` is decoded already.
        charset: what the transport declares, as the header of a mail does; it goes before the page's own.
    """
    page = data if isinstance(data, str) else plain.in_codec(data, codec_of(data, charset), warn)
    page = _SPELT_SHORT.sub(r"<\1\2></\1>", page)
    # The parser gets UTF-8, whatever the page says of itself.
    encoded = page.replace("\0", "").encode(errors="replace")
    if not encoded.strip():
        return ""
    parser = etree.HTMLParser(target=_Shown(), encoding="utf-8", huge_tree=True)
    shown: str = etree.fromstring(encoded, parser)
    return shown


def codec_of(data: bytes, charset: str | None = None) -> str:
    """Return a page's codec: https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding.

    That is a byte order mark, the transport, a `<meta>` or an XML declaration at the beginning, and if there is none,
    what the bytes tell.
    """
    declared = charsets.codec_of(charset) if charset else None
    return charsets.by_mark(data) or declared or _prescanned(data[:_PRESCAN_BYTES]) or plain.codec_of(data)


def _prescanned(start: bytes) -> str | None:
    """Return the codec that the beginning of a page declares, outside of comments and scripts."""
    if start.startswith(b"<\0?\0x\0"):
        return "utf-16-le"
    if start.startswith(b"\0<\0?\0x"):
        return "utf-16-be"
    page = re.sub(rb"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1|\Z)", b"", start, flags=re.DOTALL | re.IGNORECASE)
    for meta in re.finditer(rb"<meta[\s/]", page, re.IGNORECASE):
        if codec := _meta(page, meta.end()):
            return codec
    if xml := re.match(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]*)""", page):
        return _in_bytes(charsets.codec_of(xml[1].decode("latin-1")))
    return None


def _meta(page: bytes, at: int) -> str | None:
    """Return the codec that a `<meta>` declares whose attributes begin there."""
    attributes: dict[bytes, bytes] = {}
    for _ in range(_MAX_ATTRIBUTES):
        if not (found := _ATTRIBUTE.match(page, at)):
            break
        at = found.end()
        attributes.setdefault(found[1].lower(), found[2] or found[3] or found[4] or b"")
    if not re.compile(rb"[\s/]*>").match(page, at):
        return None  # The tag, or the sample, ends in it.
    label = attributes.get(b"charset")
    if label is None and attributes.get(b"http-equiv", b"").lower() == b"content-type":
        content = re.search(
            rb"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", attributes.get(b"content", b""), re.IGNORECASE
        )
        label = (content[1] or content[2] or content[3]) if content else None
    return _in_bytes(charsets.codec_of(label.decode("latin-1"))) if label else None


def _in_bytes(codec: str | None) -> str | None:
    """Return a codec that a page declared in ASCII letters: it can't be in UTF-16, and means UTF-8."""
    return "utf-8" if codec and codec.startswith("utf-16") else codec


class _Shown:
    """Collects the text that a browser shows, from a parser's events."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._gap = ""  # what parts the next word from the ones before
        self._unseen = 0  # open elements that are not shown
        self._preformatted = 0
        self._rows: list[tuple[int, int]] = []  # of each open table: cells of its row, what was written before the row

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        if tag in ("td", "th"):
            self._cell()
        elif tag in _BLOCKS:
            self._gap = "\n"
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _PREFORMATTED:
            self._preformatted += 1
        elif tag == "table":
            self._rows.append((0, 0))
        elif tag == "tr" and self._rows:
            self._rows[-1] = (0, len(self._written))
        elif tag == "img":
            self.data(f" {attributes.get('alt', '')} ")
        elif tag == "input" and attributes.get("type", "text").lower() not in ("hidden", "password"):
            self.data(f" {attributes.get('value', '')} ")

    def end(self, tag: str) -> None:
        """End an element."""
        if tag in _BLOCKS:
            self._gap = "\n"
        elif tag in ("td", "th", "mtd"):
            self._gap = self._gap or " "
        if tag in _UNSEEN:
            self._unseen -= 1
        elif tag in _PREFORMATTED:
            self._preformatted -= 1
        elif tag == "table" and self._rows:
            self._rows.pop()

    def data(self, text: str) -> None:
        """Take text."""
        text = text.replace("\xad", "")
        if self._unseen or not text:
            return
        if self._preformatted:
            self._write(text)
            return
        for space, word in _WORD.findall(text):
            if space:
                self._gap = self._gap or " "
            if word:
                self._write(word)

    def close(self) -> str:
        """Return all that was shown."""
        return "".join(self._written)

    def _cell(self) -> None:
        """Part a cell from the one before it in its row; that one may be empty."""
        cells, before = self._rows[-1] if self._rows else (0, 0)
        if cells == 0:
            self._gap = "\n"
        else:
            self._gap = " " if len(self._written) > before else "\n"
            self._write("|")
            self._gap = " "
        if self._rows:
            self._rows[-1] = (cells + 1, before)

    def _write(self, text: str) -> None:
        if self._written:
            self._written.append(self._gap)
        self._gap = ""
        self._written.append(text)
