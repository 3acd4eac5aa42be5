"""Finds what the tools made and found in a text of the model: known paths of files, and known marks of passages.

The text says nowhere where a name ends, and names hold spaces, brackets and marks. So this looks for what is known, and
never guesses a name. Pure functions.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

_LETTER = "[0-9A-Za-z\u00c0-\u058f]"
"""Letters and digits of scripts that put spaces between words, and combining marks: after a name, they go on with it.

Text in Chinese, Japanese or Korean goes on right after a name.
"""
_BEFORE = r"(?<![0-9A-Za-z./~])(?P<scheme>(?i:sandbox):/{0,2})?"
_ANCHOR = re.compile("(?i)(?:/|%2f)mnt(?:/|%2f)data(?:/|%2f)")
_MARK = re.compile(r"【(\d{1,9}):(\d{1,9})†")
_REST_OF_MARK = re.compile(r"[^【】]*(?:【[^【】]*】[^【】]*)*】|[^】]*】")
"""The name in a mark where it is not the known one: with brackets that are closed, or up to the first that closes."""


class Span(NamedTuple):
    """A stretch of a text: where it starts, and where it ends (exclusive)."""

    start: int
    end: int


class Mention(NamedTuple):
    """A stretch of a text that names a file.

    Attributes:
        path: the file's, as it is known.
        linked: whether it is an address (`sandbox:...`) and not the path alone.
    """

    span: Span
    path: str
    linked: bool


def marks(text: str, filenames: Mapping[tuple[int, int], str]) -> Iterator[tuple[Span, tuple[int, int]]]:
    """Find the marks of known passages, in order.

    Args:
        filenames: of the passages' files, by the numbers in the mark.
    """
    end = 0
    for found in _MARK.finditer(text):
        passage = int(found[1]), int(found[2])
        if found.start() < end or passage not in filenames:
            continue
        names = {unicodedata.normalize(form, filenames[passage]) for form in ("NFC", "NFD")} | {filenames[passage]}
        ends = [found.end() + len(name) + 1 for name in names if text.startswith(f"{name}】", found.end())]
        if not ends and (rest := _REST_OF_MARK.match(text, found.end())):
            ends = [rest.end()]
        if ends:
            end = max(ends)
            yield Span(found.start(), end), passage


def anchors(text: str) -> int:
    """Count the places where a text names something in the code interpreter's folder, known or not."""
    return len(_ANCHOR.findall(text))


def paths(text: str, known: Iterable[str]) -> list[Mention]:
    """Find known paths of files below `/mnt/data`, in order; of two that start at one place, the longer one.

    A path may be written as it is or percent-encoded, in another Unicode normal form, with Markdown's backslashes, and
    after `sandbox:`.
    """
    read = {_plain(text), _plain(unquote(text))}
    mentions: list[Mention] = []
    for path in sorted(set(known), key=lambda path: (-len(path), path)):
        if not any(_plain(path) in each for each in read):
            continue
        for found in _pattern(path).finditer(text):
            span = Span(*found.span())
            if not any(span.start < other.span.end and other.span.start < span.end for other in mentions):
                mentions.append(Mention(span, path, found["scheme"] is not None))
    return sorted(mentions, key=lambda mention: mention.span)


def _plain(text: str) -> str:
    """Return a text without what differs between the ways to write a path, percent-encoding aside."""
    text = re.sub(r"[^\S\r\n]", " ", text.replace("\\", "").replace("&amp;", "&").replace("+", " "))
    return unicodedata.normalize("NFC", text)


def _pattern(path: str) -> re.Pattern[str]:
    written = "".join(map(_letter, unicodedata.normalize("NFC", path)))
    # A name with a suffix ends before a hyphen ("the report.csv-file"); one without may go on.
    joined = "[.~%/]" if PurePosixPath(path).suffix else "[.~%/-]"
    return re.compile(f"{_BEFORE}(?:{written}|{re.escape(path)})(?!_*{_LETTER}|{joined}{_LETTER})")


def _letter(letter: str) -> str:
    """Return the pattern of a letter of a path, composed (NFC) or not (NFD)."""
    patterns = ["".join(map(_character, form)) for form in (letter, unicodedata.normalize("NFD", letter))]
    return patterns[0] if patterns[0] == patterns[1] else f"(?:{'|'.join(patterns)})"


def _character(character: str) -> str:
    """Return the pattern of a character: as it is, percent-encoded, or as Markdown and HTML have it."""
    if character.isascii() and character.isalnum():
        return character
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    if character.isspace():
        return rf"(?:[^\S\r\n]|\+|(?i:%20|{encoded}))"
    entity = "&amp;|" if character == "&" else ""
    escaped = r"\\?" if character.isascii() else ""
    return f"(?:{entity}{escaped}{re.escape(character)}|(?i:{encoded}))"
