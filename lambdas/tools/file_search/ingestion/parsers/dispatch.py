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
_PLAIN = {
    ".adoc", ".asc", ".bat", ".bib", ".c", ".cc", ".cfg", ".clj", ".cmd", ".conf", ".cpp", ".cs", ".css", ".cxx",
    ".dart", ".diff", ".env", ".erl", ".ex", ".exs", ".f90", ".go", ".gql", ".graphql", ".groovy", ".h", ".hpp",
    ".hs", ".ics", ".ini", ".ipynb", ".java", ".jl", ".js", ".json", ".json5", ".jsonl", ".jsx", ".kt", ".less",
    ".log", ".lua", ".m", ".markdown", ".md", ".mdx", ".mjs", ".ml", ".ndjson", ".org", ".patch", ".php", ".pl",
    ".pm", ".po", ".properties", ".proto", ".ps1", ".py", ".pyi", ".r", ".rb", ".rs", ".rst", ".sass", ".scala",
    ".scss", ".sh", ".sql", ".srt", ".svelte", ".svg", ".swift", ".tex", ".text", ".tf", ".toml", ".ts", ".tsx",
    ".txt", ".vb", ".vcf", ".vtt", ".vue", ".xml", ".xsd", ".xsl", ".xslt", ".yaml", ".yml", ".zsh",
}  # fmt: skip
_OFFICE = {
    ".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xltx", ".xltm", ".pptx", ".pptm", ".potx", ".potm",
    ".ppsx", ".ppsm", ".odt", ".ott", ".ods", ".ots", ".odp", ".otp", ".odg", ".otg", ".epub",
}  # fmt: skip
_COMPOUND = {".doc", ".dot", ".xls", ".xlt", ".ppt", ".pps", ".pot", ".msg"}
_MAIL = {".eml", ".mht", ".mhtml"}

_NOT_TEXT = {
    rb"\x89PNG": "an image",
    rb"\xff\xd8\xff": "an image",
    rb"GIF8[79]a": "an image",
    rb"(II\*\0|MM\0\*)": "an image",
    rb"BM.{4}\0\0\0\0": "an image",
    rb"RIFF.{4}WEBP": "an image",
    rb"....ftyp(avif|heic|heix|mif1)": "an image",
    rb"(RIFF|FORM|OggS|MThd|fLaC|ID3|\xff\xfb|....ftyp|\x1a\x45\xdf\xa3)": "a media file",
    rb"(\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar)": "a compressed file or an archive",
    rb"(\x7fELF|MZ.{58}|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|\0asm)": "a program",
    rb"SQLite format 3\0": "a database",
    rb"PAR1": "a Parquet file (export it as .csv)",
    rb"wOF[F2]|\x00\x01\x00\x00\x00|OTTO": "a font",
    rb"....Standard (Jet|ACE) DB": "an Access database (export its tables as .csv)",
    rb"(\xdb\xa5|\x31\xbe|\xfe\x37)[\x00-\x2f]": "a Word document of before 1997 (save it as .docx)",
    rb"\xffWPC": "a WordPerfect document (save it as .docx)",
    rb"bplist00": "a binary property list",
}


class Text(NamedTuple):
    """Holds the text of a file, and one sentence for each thing in it that was not read."""

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
    kind, function = _parser(path, start, suffix)
    module, _, name = function.partition(".")
    try:
        # Imported only now: the libraries of the other kinds cost time and memory.
        text = _joined(getattr(import_module(f"parsers.{module}"), name)(path, warnings))
    except (Unreadable, MemoryError):
        raise
    except Exception:
        raise Unreadable("invalid_file", f"The file can't be read as {kind}: it is broken.") from None
    if not text.strip():
        reason = " ".join(warnings.listed()[:1]) or "It is empty, or broken."
        raise Unreadable("invalid_file", f"The file holds no text. {reason}")
    return Text(text, warnings.listed())


def _parser(path: Path, start: bytes, suffix: str) -> tuple[str, str]:
    """Return what the file is, as a person says it, and the function that reads it.

    The name of a text file decides, unless its bytes are not those of a text; then bytes decide, and then the name.

    Raises:
        Unreadable: it is of a kind that is not read.
    """
    by_name = _by_name(suffix)
    if by_name and not _CONTROLS.search(start):
        return by_name
    if b"%PDF-" in start or suffix == ".pdf":
        return "PDF", "pdf.read"
    if start.startswith(b"PK\x03\x04"):
        return "a document", "office.read"
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "an old Office document", "legacy.read"
    if suffix == ".xls" and re.match(rb"\x09[\x00\x02\x04]", start):
        return "an old Excel workbook", "old_sheets.read"
    if start.startswith(b"{\\rtf"):
        return "RTF", "rtf.read"
    for magic, what in _NOT_TEXT.items() if _CONTROLS.search(start) else ():
        if re.match(magic, start, re.DOTALL):
            raise Unreadable("unsupported_file", f"The file is {what}; file search reads text.")
    if by_name:
        return by_name
    if re.match(rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html)", start, re.IGNORECASE):
        return "HTML", "markup.read"
    if suffix in _OFFICE:
        raise Unreadable("invalid_file", f"The file is not a {suffix} file: it is broken.")
    if suffix in _COMPOUND and _CONTROLS.search(start):
        raise Unreadable("invalid_file", f"The file is not a {suffix} file: it is broken.")
    if suffix in _MAIL:
        return "a mail", "mail.read"
    # Many programs export a table as tabs or HTML and name it .xls.
    return ("a table", "delimited.read") if suffix == ".xls" else ("text", "plain.read")


def _by_name(suffix: str) -> tuple[str, str] | None:
    if suffix in _CSV:
        return "CSV", "delimited.read"
    if suffix in _HTML:
        return "HTML", "markup.read"
    return ("text", "plain.read") if suffix in _PLAIN else None


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
