"""Cuts text into chunks of so many tokens, each sharing some with the one before.

Tokens are estimated, at four bytes of UTF-8 each: the model's own tables would have to be downloaded. A chunk ends at
the end of a word, and of a line or a sentence if there is one in its last quarter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

BYTES_PER_TOKEN = 4

_PIECE = re.compile(r"\s*(\S{1,100})")  # at most 400 bytes: the smallest chunk holds one
_END = re.compile(r"[.!?:;][\"')\]]?$")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a text.

    Attributes:
        start: where in the text it begins, in characters.
        text: its text; the indentation of its first line is part of it.
        after: the white space between it and the next one, or the end of the text.
    """

    start: int
    text: str
    after: str = ""


def tokens_of(text: str) -> int:
    """Return how many tokens a text has, estimated."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def chunks_of(text: str, most_tokens: int, overlap_tokens: int) -> Iterator[Chunk]:
    """The chunks of a text in their order; none of an empty one.

    Args:
        most_tokens: of a chunk.
        overlap_tokens: how much of a chunk the next one repeats, at most half.
    """
    found = list(_PIECE.finditer(text))
    pieces, words = [match.span() for match in found], [match.start(1) for match in found]
    # Bytes and not tokens are added up, so that rounding does not grow with the number of words.
    sizes = [len(text[start:end].encode()) for start, end in pieces]
    most, overlap = most_tokens * BYTES_PER_TOKEN, overlap_tokens * BYTES_PER_TOKEN
    first = start = 0
    if pieces and sizes[0] > most:
        start = words[0]
    while first < len(pieces):
        last, size = first, sizes[first]
        while last + 1 < len(pieces) and size + sizes[last + 1] <= most:
            last += 1
            size += sizes[last]
        if last + 1 < len(pieces):
            last = _at_an_end(text, pieces, sizes, first, last, most // 4)
        end = pieces[last][1]
        if last + 1 == len(pieces):
            yield Chunk(start, text[start:end], text[end:])
            return
        following, shared = last + 1, 0
        while following - 1 > first and shared + sizes[following - 1] <= overlap:
            following -= 1
            shared += sizes[following]
        begin = words[following]
        if sizes[following] <= most:  # Otherwise there is more white space than a chunk holds.
            # A line's indentation belongs to its first word.
            begin = text.rfind("\n", pieces[following][0], begin) + 1 or begin
        yield Chunk(start, text[start:end], text[end:begin])
        first, start = following, begin


def _at_an_end(text: str, pieces: list[tuple[int, int]], sizes: list[int], first: int, last: int, give: int) -> int:
    """The last piece of a line or a sentence, given up to `give` bytes before `last`; else `last`."""
    given, sentence = 0, last
    for index in range(last, first, -1):
        if "\n" in text[pieces[index][1] : pieces[index][1] + 2]:
            return index
        if sentence == last and _END.search(text, pieces[index][0], pieces[index][1]):
            sentence = index
        given += sizes[index]
        if given > give:
            break
    return sentence
