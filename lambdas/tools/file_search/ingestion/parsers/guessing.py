"""Guesses the encoding of a text that says nothing about it, by what it would say in each.

Windows-1252 is by far the most frequent of these encodings, and statistics need more letters than a short file has. So
that one is taken where the text makes sense in it as a text of one Western language; statistics decide on all others.
"""

import re

_SAMPLE_BYTES = 200_000
_BYTES_BEFORE = 100

_ALPHABETS = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "äöüßé",  # German
        "àâæçèéêëîïôœùûüÿ",  # French
        "áéíñóúü",  # Spanish
        "àáâãçéêíóôõúü",  # Portuguese
        "àèéìíîòóù",  # Italian
        "åäöæøéü",  # Danish, Finnish, Norwegian, Swedish
        "éëïöüèêç",  # Dutch, English
        "àçèéíïòóúü",  # Catalan
        "áéíóúýæöðþ",  # Icelandic
    )
)
_ICELANDIC_ALONE = frozenset("ðþýÐÞÝ")  # In Turkish, the bytes of these are frequent letters.

_LETTERS = "À-ÖØ-öø-ÿŒœŠšŽžŸ"
_SYMBOLS = "•¢£¤¥¦§¨©ª¬®¯°±²³´µ¶¸¹º¼½¾×÷†‡‰ˆ˜ƒ"
_IMPLAUSIBLE = re.compile(
    f"[A-Za-z{_LETTERS}][{_SYMBOLS}][A-Za-z{_LETTERS}]|[{_SYMBOLS}][{_LETTERS}{_SYMBOLS}]|[{_LETTERS}][{_SYMBOLS}]"
)

_LETTER = re.compile(rb"[\x80-\xff]")

_ENCODINGS = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("koi8-r", "koi8-u", "iso8859-5", "cp866", "cp850", "mac-roman"),
    *("cp932", "euc-jp", "gb18030", "big5", "big5hkscs", "cp949"),
)
"""Among which statistics decide: those of Windows and the Web, and what DOS and Macs left."""


def guessed(data: bytes) -> str:
    """Return the codec of a text that is neither UTF-8 nor of 7 bits."""
    first = _LETTER.search(data)
    start = max(0, first.start() - _BYTES_BEFORE) if first else 0
    sample = data[start : start + _SAMPLE_BYTES]
    if _is_western(sample):
        return "cp1252"
    import chardet  # takes longer than most files

    # Words in ASCII tell nothing, and would outweigh a single name.
    words = b" ".join(word for word in sample.split() if not word.isascii())
    return chardet.detect(words, include_encodings=_ENCODINGS, compat_names=False)["encoding"] or "cp1252"


def _is_western(sample: bytes) -> bool:
    """Return whether a text makes sense in Windows-1252: letters of one language, and symbols outside of words."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    others = [letter for letter in text if letter > "\x7f"]
    if len(_IMPLAUSIBLE.findall(text)) * 20 > len(others):
        return False
    letters = [letter for letter in others if letter.isalpha() and letter not in _SYMBOLS]
    if not letters:
        return True
    if all(letter in _ICELANDIC_ALONE for letter in letters):
        return False
    return any(sum(letter in alphabet for letter in letters) >= 0.9 * len(letters) for alphabet in _ALPHABETS)
