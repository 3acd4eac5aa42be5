"""Tells in which encoding a text is, as the name of Python's codec.

Each function looks at one kind of evidence. `plain.decoded` asks them in the order of their certainty, the HTML
standard's rules in `markup` in another one.
"""

import codecs
import re
import unicodedata
from collections import Counter

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
"""Byte order marks; UTF-32's little-endian one begins with UTF-16's."""

CONTROLS = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text has in an encoding of single bytes. Backspaces are in manuals, and ESC is in logs and Japanese."""

_ROWS_OF_WINDOWS = re.compile(rb"\x1b\$[@B](?:[\x21-\x7e]{2})*?\x2d[\x21-\x7e]")
"""Row 13, circled numbers and the like, which Windows added to the table of 1990."""

_SAMPLE_BYTES = 64 * 1024
_DECLARED_IN = 4096

_DECLARATIONS = (
    re.compile(rb"""\A\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([\w.:-]+)"""),
    re.compile(rb"""\A@charset\s+["']([\w.:-]+)"""),  # style sheets
    re.compile(rb"""\A(?:[^\n]*\n)?[^\n]*?coding[:=][ \t]*["']?([\w.-]+)"""),  # Python, Emacs, Ruby; Vim
    re.compile(rb"""\bcharset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE),  # pages in other programs, gettext
    re.compile(rb"""\\usepackage\s*\[([\w-]+)\]\s*\{inputenc\}"""),  # LaTeX
)

_CODECS = {
    # Names of standards that mean what Windows has in their place: https://encoding.spec.whatwg.org/#names-and-labels
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-1": "cp1252",
    "iso8859-11": "cp874",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "utf-16": "utf-16-le",
}
_LABELS = {
    # Names that Python does not know: those of the Encoding Standard, and LaTeX's.
    label: codec
    for codec, labels in {
        "big5hkscs": "cn-big5 x-x-big5",
        "cp1252": "ansinew x-user-defined",
        "cp874": "dos-874 windows-874",
        "cp932": "windows-31j x-sjis",
        "cp949": "cseuckr csksc56011987 iso-ir-149 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
        "euc-jp": "cseucpkdfmtjapanese x-euc-jp",
        "gb18030": "csgb2312 gb_2312 gb_2312-80 x-gbk",
        "iso8859-6": "csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i",
        "iso8859-7": "sun_eu_greek",
        "iso8859-8": "csiso88598e csiso88598i iso-8859-8-e iso-8859-8-i logical visual",
        "iso8859-15": "csisolatin9",
        "koi8-r": "koi koi8",
        "koi8-u": "koi8-ru",
        "mac-cyrillic": "x-mac-ukrainian",
        "mac-roman": "applemac csmacintosh mac",
        "utf-16-be": "unicodefffe",
        "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff",
        "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
    }.items()
    for label in labels.split()
}


def by_mark(data: bytes) -> str | None:
    """Return what a byte order mark says."""
    return next((codec for mark, codec in MARKS if data.startswith(mark)), None)


def wide(data: bytes) -> str | None:
    """Return which of UTF-16 and UTF-32 a text without a mark is in.

    Alphabets have control characters as every second byte. In other scripts they are rare, and it is what the text says
    that has to make sense.
    """
    sample = data[:_SAMPLE_BYTES]
    if not CONTROLS.search(sample):
        return None
    for codec in ("utf-32-le", "utf-32-be"):
        if len(sample) >= 8 and _makes_sense(sample[: len(sample) & ~3], codec):
            return codec
    even, odd = sample[0::2], sample[1::2]
    for high, low, codec in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        alphabetic = _share(high, b"\0-\x1f") >= 0.7 > _share(low, b"\0-\x1f")
        if alphabetic and CONTROLS.search(high) and _makes_sense(sample[: len(sample) & ~1], codec):
            return codec
    if _is_utf_8(sample):
        return None
    codec = "utf-16-le" if len(set(odd)) <= len(set(even)) else "utf-16-be"
    text = _text(sample[: len(sample) & ~1], codec)
    marks = sum(text.count(mark) for mark in " \n、。，　")
    return codec if marks * 100 > len(text) and _makes_sense(sample[: len(sample) & ~1], codec) else None


def escaped(data: bytes) -> str | None:
    """Return which encoding with escape sequences, ISO-2022, a text of 7 bits is in."""
    if not data.isascii():
        return None
    if b"\x1b$)C" in data:
        return "iso2022_kr"
    if re.search(rb"\x1b(?:\$[@B]|\([JI])", data) is None:
        return None
    return "iso2022_jp_2004" if _ROWS_OF_WINDOWS.search(data) else "iso2022_jp_ext"


def with_escapes_of_2004(data: bytes) -> bytes:
    """Return a text in ISO-2022-JP so that Python's codec of 2004 reads it: only that one has the rows of Windows."""
    return re.sub(rb"\x1b\$[@B]", b"\x1b$(Q", data)


def is_nearly_utf_8(data: bytes) -> bool:
    """Return whether bytes that are not UTF-8 are so for the greatest part.

    Text in another encoding hardly ever has letters that are valid in UTF-8, and many that are not. A letter that the
    end of the file cuts is as good as whole.
    """
    text = data.decode(errors="replace")
    if text.endswith("\ufffd"):
        text = text[:-1]
    letters = len(text) - len(text.encode("ascii", errors="ignore"))
    bad = text.count("\ufffd") - data.count("\ufffd".encode())
    return letters - bad > 2 * bad


def declared(data: bytes) -> str | None:
    """Return what a text says of itself, as XML, source code, style sheets and LaTeX do; None if it is not so."""
    start = data[:_DECLARED_IN]
    for declaration in _DECLARATIONS:
        found = declaration.search(start)
        codec = codec_of(found[1].decode()) if found else None
        # Bytes that can be read as a declaration are not in wide characters.
        if codec and not codec.startswith(("utf-16", "utf-32")) and _decodes(data, codec):
            return codec
    return None


def codec_of(label: str) -> str | None:
    """Return the codec of an encoding by one of its names, as the Encoding Standard understands them."""
    label = label.strip().lower()
    known = re.sub(r"^iso8859(?=\d)", "iso8859-", re.sub(r"^x-(?=cp|mac)", "", label))
    try:
        found = codecs.lookup(_LABELS.get(label, known))
    except (LookupError, ValueError):
        return None
    # Python has codecs that are no encodings of text, such as `rot13` and `zip`.
    return _CODECS.get(found.name, found.name) if found._is_text_encoding else None


def _share(data: bytes, characters: bytes) -> float:
    return len(re.findall(b"[" + characters + b"]", data)) / max(1, len(data))


def _is_utf_8(data: bytes) -> bool:
    return "\ufffd" not in _text(data, "utf-8")


def _text(data: bytes, codec: str) -> str:
    """Return the text of a sample, the letter that its end cuts left out."""
    return codecs.getincrementaldecoder(codec)("replace").decode(data)


def _decodes(data: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(data)
    except (UnicodeError, ValueError):
        return False
    return True


def _makes_sense(sample: bytes, codec: str) -> bool:
    """Return whether a sample has characters that texts have, nearly without exception."""
    text = _text(sample, codec)
    odd = sum(count for letter, count in Counter(text).items() if _is_odd(letter))
    return bool(text) and odd * 100 <= len(text)


def _is_odd(letter: str) -> bool:
    return letter == "\ufffd" or (letter not in "\t\n\r\f\b\x1b" and unicodedata.category(letter) in ("Cc", "Cn", "Co"))
