"""Cuts the chunks of a file into windows that the embedding model reads one by one.

The time that a model takes for a text grows faster than the text, and each chunk repeats a part of the one before it.
So a chunk is read in windows, and what two neighbours share is read once: bench/results/figures.json has what it gains.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

WINDOW_CHARACTERS = 400
_PROBE = 64
"""So many equal characters make it likely that a chunk goes on where the one before it ends."""

Window = str


def windows_of(texts: Sequence[str]) -> list[list[Window]]:
    """Return the windows of each text; what a text shares with the next ones is cut into the same windows in each.

    Args:
        texts: as a file's chunks follow each other; unrelated ones are cut, each for itself.
    """
    starts = list(accumulate((len(text) - _shared(text, after) for text, after in pairwise(texts)), initial=0))
    ends = [start + len(text) for start, text in zip(starts, texts, strict=True)]
    edges = sorted({*starts, *ends})
    cut = []
    for start, end, text in zip(starts, ends, texts, strict=True):
        inner = [edge - start for edge in edges if start <= edge <= end]
        parts = [text[first:last] for first, last in pairwise(inner)]
        cut.append([window for part in parts for window in _cut(part)] or [text])
    return cut


def _shared(text: str, following: str) -> int:
    """Return how many characters at the end of a text are the beginning of the following one."""
    start = text.find(following[:_PROBE]) if len(following) >= _PROBE else -1
    while start >= 0:
        if following.startswith(text[start:]):
            return len(text) - start
        start = text.find(following[:_PROBE], start + 1)
    return 0


def _cut(text: str) -> Iterator[Window]:
    """Yield a text in windows of about `WINDOW_CHARACTERS`, as long as each other, cut at white space."""
    count = -(-len(text) // WINDOW_CHARACTERS)
    while text:
        end = len(text) // count if count > 1 else len(text)
        space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
        end = space + 1 if count > 1 and space > 0 else end
        yield text[:end]
        text, count = text[end:], count - 1
