"""Cuts texts into the words that the keywords' part of a search compares.

Unicode's compatibility form (NFKC, https://www.unicode.org/reports/tr15/) and case folding make one word of most
spellings that look alike. The rest is here: what is left out of a word, what parts words, and scripts without spaces.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from zlib import crc32

# Thai and Lao, Burmese, Khmer; kana, Han and Hangul: no spaces between words, or, in Korean, endings joined to them.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u9fff\uac00-\ud7ff\uf900-\ufaff"
_UNSPACED += "\U00020000-\U0003ffff"
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_WORD = re.compile(f"[{_UNSPACED}][{_MARKS}]*|[^\\s{_UNSPACED}]+")

_TATWEEL = "\u0640"
"""Stretches an Arabic word and says nothing."""

_BREAK = "\u200b"
"""The zero-width space: where a word of a script without spaces may end."""


def words_of(text: str) -> Counter[int]:
    """Return the words of a text as hashes, with how often each occurs.

    Case is folded, and a plural's s dropped. Letters of a script without spaces are words of their own, each with its
    marks.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    parted = folded.translate({ord(letter): _part(letter) for letter in set(folded)})
    return Counter(crc32(_stem(word).encode()) for word in _WORD.findall(parted))


@lru_cache(4096)
def _part(letter: str) -> str:
    """Return what a character is in a word: itself, nothing, a space where it parts words, or an ASCII digit."""
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.digit(letter))
    if category[0] in "LN":
        return "" if letter == _TATWEEL else letter
    if category[0] == "M":
        # Vowels of Arabic and Hebrew are points that most texts leave out.
        return "" if unicodedata.name(letter, "").startswith(("ARABIC", "HEBREW", "VARIATION")) else letter
    if category == "Cf":  # Soft hyphens, joiners and marks of direction.
        return " " if letter == _BREAK else ""
    return letter if letter == "_" else " "


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
