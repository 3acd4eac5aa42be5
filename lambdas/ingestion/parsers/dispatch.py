"""Chooses the parser of a file by its name and its first bytes, and runs it.

Files come from strangers: an archive's real size is looked at before it is unpacked, XML's entities are not expanded,
and what a parser can't finish in its process's memory and time is a broken file.
"""

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from parsers.reading import MAX_CHARACTERS, Unreadable, Warnings

_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Bytes that text in no 8-bit encoding has; ISO-2022-JP has ESC."""

_HTML = {".htm", ".html", ".xhtml"}
_CSV = {".csv", ".tsv", ".tab"}
_PLAIN = set(
    [
        ".adoc",
        ".asc",
        ".bat",
        ".bib",
        ".c",
        ".cc",
        ".cfg",
        ".clj",
        ".cmd",
        ".conf",
        ".cpp",
        ".cs",
        ".css",
        ".cxx",
        ".dart",
        ".diff",
        ".env",
        ".erl",
        ".ex",
        ".exs",
        ".f90",
        ".go",
        ".gql",
        ".graphql",
        ".groovy",
        ".h",
        ".hpp",
        ".hs",
        ".ics",
        ".ini",
        ".ipynb",
        ".java",
        ".jl",
        ".js",
        ".json",
        ".json5",
        ".jsonl",
        ".jsx",
        ".kt",
        ".less",
        ".log",
        ".lua",
        ".m",
        ".markdown",
        ".md",
        ".mdx",
        ".mjs",
        ".ml",
        ".ndjson",
        ".org",
        ".patch",
        ".php",
        ".pl",
        ".pm",
        ".po",
        ".properties",
        ".proto",
        ".ps1",
        ".py",
        ".pyi",
        ".r",
        ".rb",
        ".rs",
        ".rst",
        ".sass",
        ".scala",
        ".scss",
        ".sh",
        ".sql",
        ".srt",
        ".svelte",
        ".svg",
        ".swift",
        ".tex",
        ".text",
        ".tf",
        ".toml",
        ".ts",
        ".tsx",
        ".txt",
        ".vb",
        ".vcf",
        ".vtt",
        ".vue",
        ".xml",
        ".xsd",
        ".xsl",
        ".xslt",
        ".yaml",
        ".yml",
        ".zsh",
    ]
)
_NOT_TEXT = {
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "a media file",
    b"\x1f\x8b": "a compressed file",
    b"\x7fELF": "a program",
}


class Text(NamedTuple):
    """What a file says, and one sentence for each thing in it that was not read."""

    text: str
    warnings: list[str]


def text_of(path: Path, suffix: str) -> Text:
    """Return the text of a file.

    Args:
        suffix: of the name that it was uploaded under, such as `.csv`, in lower case.

    Raises:
        Unreadable: there is no way to read it.
    """
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        raise Unreadable("invalid_file", "The file is empty.")
    warnings = Warnings()
    kind, module = _parser(path, start, suffix)
    try:
        text = _joined(import_module(f"parsers.{module}").read(path, warnings))
    except (Unreadable, MemoryError):
        raise
    except Exception:
        raise Unreadable("invalid_file", f"The file can't be read as {kind}: it is broken.") from None
    return Text(text, warnings.listed())


def _parser(path: Path, start: bytes, suffix: str) -> tuple[str, str]:
    """Return what the file is, as a person says it, and the module that reads it.

    The name of a text file decides, unless its bytes are not those of a text; then bytes decide, and then the name.
    """
    if not _CONTROLS.search(start):
        if suffix in _CSV:
            return "CSV", "delimited"
        if suffix in _HTML:
            return "HTML", "markup"
        if suffix in _PLAIN:
            return "text", "plain"
    if start.lstrip().startswith(b"%PDF-") or suffix == ".pdf":
        return "PDF", "pdf"
    if start.startswith(b"PK\x03\x04"):
        return "Office", "office"
    for magic, what in _NOT_TEXT.items():
        if start.startswith(magic):
            raise Unreadable("unsupported_file", f"The file is {what}; file search reads text.")
    if suffix in (".docx", ".xlsx", ".pptx"):
        raise Unreadable("invalid_file", f"The file is not a {suffix} file: it is broken.")
    if suffix in _HTML or (suffix not in _PLAIN and re.match(rb"\s*(<!doctype html|<html)", start, re.IGNORECASE)):
        return "HTML", "markup"
    if suffix in _CSV:
        return "CSV", "delimited"
    return "text", "plain"


def _joined(pieces: Iterable[str]) -> str:
    """Return the pieces as one text, without what no text has: NUL and lone surrogates."""
    text, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise Unreadable("invalid_file", "The file holds more text than a vector store takes (5,000,000 tokens).")
        text.append(piece)
    joined = "\n".join(text).replace("\0", " ").replace("\r\n", "\n")
    return joined.encode(errors="replace").decode()
