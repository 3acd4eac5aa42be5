"""Scores chunks. Every score is between 0 and 1, whatever else was found, so a threshold has a meaning.

- The vector's part is the cosine of query and chunk, measured from what unrelated texts have: models differ in that
  (0.1 for some, 0.75 for others). `BACKGROUND` holds texts about nothing in particular; a chunk that is no nearer to
  the query than their average has 0, one that is the query itself 1.
- The keywords' part is BM25 over the chunks that are searched, as a share of what a chunk could have at most if it
  held every word of the query again and again.
- The score is their average by weight, half and half unless told.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assistant_engine.search.parts import Part

BACKGROUND = (
    "The committee will meet again next week to discuss the remaining points.",
    "She put the keys on the table and closed the window.",
    "Two small boats were tied up at the old stone pier.",
    "The report was printed on thick yellow paper.",
    "He bought bread, cheese and a bag of apples on the way home.",
    "Rain is expected in the north, with some sun towards the evening.",
    "The orchestra played the last movement slower than usual.",
    "Please return the form with your signature by the end of the month.",
)

_K1, _B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Query:
    """One query: its vector (of length 1), its words by hash, and its average cosine with `BACKGROUND`."""

    vector: Any
    words: Counter[int]
    background: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the parts of a score; together they are 1."""

    embedding: float
    text: float


def query_of(vector: Sequence[float], words: Counter[int], background: Sequence[Sequence[float]]) -> Query:
    """A query from its vector and those of `BACKGROUND`, as the embedding model gave them."""
    own = normalised(np.array([vector], "f4"))[0]
    return Query(own, words, float(np.mean(normalised(np.array(background, "f4")) @ own)))


def scores(parts: Sequence[Part], queries: Sequence[Query], weights: Weights) -> list[Any]:
    """The scores of every chunk, an array for each part: the best that any of the queries gives it.

    A chunk that has no vector yet and none of the words gets -1: nothing is known of it.
    """
    best = [np.full(len(part.texts), -1, "f4") for part in parts]
    for query in queries:
        keywords = _keywords(parts, query.words) if weights.text else [np.zeros(len(part.texts)) for part in parts]
        for index, part in enumerate(parts):
            score = weights.text * keywords[index]
            if part.vectors.shape[1]:
                cosine = (part.vectors @ query.vector - query.background) / max(1e-6, 1 - query.background)
                score = score + weights.embedding * np.clip(cosine, 0, 1)
            else:
                score = np.where(score > 0, score, -1)
            best[index] = np.maximum(best[index], score)
    return best


def _keywords(parts: Sequence[Part], words: Counter[int]) -> list[Any]:
    """BM25 of every chunk, as a share of the most that is possible."""
    counts = [[_count(part, word) for part in parts] for word in words]
    chunks = sum(len(part.texts) for part in parts)
    average = sum(float(part.lengths.sum()) for part in parts) / chunks if chunks else 0
    found = [np.zeros(len(part.texts), "f4") for part in parts]
    most = 0.0
    for frequencies in counts:
        holding = sum(int(np.count_nonzero(frequency)) for frequency in frequencies)
        rarity = math.log(1 + (chunks - holding + 0.5) / (holding + 0.5))
        most += rarity
        for index, frequency in enumerate(frequencies):
            length = parts[index].lengths / max(average, 1)
            found[index] += rarity * frequency / (frequency + _K1 * (1 - _B + _B * length))
    return [share / most if most else share for share in found]


def _count(part: Part, word: int) -> Any:
    """Return how often each chunk of a part holds a word."""
    at = np.flatnonzero(part.word == word)
    frequency = np.zeros(len(part.texts), "f4")
    frequency[part.chunk[at]] = part.count[at]
    return frequency


def normalised(rows: Any) -> Any:
    """The rows with a length of 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-12)
