"""The search: queries in, the best chunks of one or several vector stores out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assistant_engine.domain.json_data import Json
from assistant_engine.search import embeddings
from assistant_engine.search.filters import matches
from assistant_engine.search.indexes import Index, Parts
from assistant_engine.search.parts import Part
from assistant_engine.search.ranking import BACKGROUND, Query, Weights, query_of, scores
from assistant_engine.search.words import words_of
from assistant_engine.store.vector_store_actions import attributes_of

Embed = Callable[[Sequence[str], Json, embeddings.Kind], list[list[float]]]

HALF = Weights(0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """A chunk that was found, and the file it is from."""

    file_id: str
    filename: str
    attributes: Json | None
    score: float
    text: str

    def api(self) -> Json:
        """Return the result as the API shows it, `VectorStoreSearchResultItem`."""
        return {
            "file_id": self.file_id,
            "filename": self.filename,
            "score": self.score,
            "attributes": self.attributes,
            "content": [{"type": "text", "text": self.text}],
        }


def weights_of(ranking: Json) -> Weights:
    """The weights that valid ranking options ask for: the vectors alone with the ranker `none`."""
    if ranking.get("ranker") == "none":
        return Weights(1, 0)
    if hybrid := ranking.get("hybrid_search"):
        total = hybrid["embedding_weight"] + hybrid["text_weight"]
        return Weights(hybrid["embedding_weight"] / total, hybrid["text_weight"] / total)
    return HALF


class Search:
    """Searches stores whose files are kept in an index.

    Args:
        index: says which parts to read.
        parts: reads them.
        embed: makes vectors, as `embeddings.embed` does.
    """

    def __init__(self, index: Index, parts: Parts, embed: Embed = embeddings.embed) -> None:
        self._index = index
        self._parts = parts
        self._embed = embed
        self._backgrounds: dict[str, list[list[float]]] = {}

    def __call__(
        self,
        stores: Sequence[tuple[Json, Sequence[Json]]],
        queries: Sequence[str],
        ranking: Json,
        filters: Json | None,
        most: int,
    ) -> list[Result]:
        """The best chunks, best first. Of a file that several of the stores hold, those of the first one.

        Args:
            stores: of each store its item and the items of its files that can be searched.
            ranking: valid ranking options.
            filters: a valid filter of files, or None.
            most: results.

        Raises:
            EmbeddingError: the queries could not be embedded.
        """
        found: list[Result] = []
        weights = weights_of(ranking)
        searched: set[str] = set()
        for head, members in stores:
            matching = [member for member in members if matches(filters, attributes_of(member))]
            wanted = [member for member in matching if member["file_id"] not in searched]
            if not wanted:
                continue
            searched.update(member["file_id"] for member in wanted)
            made = self._queries(queries, head["embedding"])
            vectors = [query.vector for query in made]
            nominated = self._index.nominate(wanted, vectors, len(wanted) < len(members))
            found += _best(self._parts.load(nominated), made, weights, most)
        threshold = max(0, ranking.get("score_threshold", 0))
        found.sort(key=lambda result: -result.score)
        return [result for result in found if result.score >= threshold][:most]

    def _queries(self, queries: Sequence[str], settings: Json) -> list[Query]:
        name = f"{settings['model']}/{settings['dimensions']}"
        missing = [] if name in self._backgrounds else list(BACKGROUND)
        vectors = self._embed([*queries, *missing], settings, "query")
        if missing:
            self._backgrounds[name] = vectors[len(queries) :]
        return [
            query_of(vector, words_of(query), self._backgrounds[name])
            for query, vector in zip(queries, vectors, strict=False)
        ]


def _best(loaded: Sequence[tuple[Json, Part]], queries: Sequence[Query], weights: Weights, most: int) -> list[Result]:
    if not loaded:
        return []
    scored = scores([part for _, part in loaded], queries, weights)
    flat = np.concatenate(scored)
    # Of equals, those of the file that was attached first.
    order = np.argsort(-flat, kind="stable")[:most]
    starts = np.cumsum([0, *(len(each) for each in scored)])
    results = []
    for position in order:
        at = int(np.searchsorted(starts, position, side="right")) - 1
        member, part = loaded[at]
        results.append(
            Result(
                member["file_id"],
                member["filename"],
                attributes_of(member),
                round(float(flat[position]), 4),
                part.texts[int(position - starts[at])],
            )
        )
    return results
