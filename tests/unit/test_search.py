"""The arithmetic of file search: chunks, parts, filters, scores."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant_engine.domain.json_data import Json
from assistant_engine.search.chunking import BYTES_PER_TOKEN, Chunk, chunks_of, tokens_of
from assistant_engine.search.engine import HALF, weights_of
from assistant_engine.search.filters import matches
from assistant_engine.search.parts import pack, text_of, unpack, vectors_of
from assistant_engine.search.ranking import Query, Weights, query_of, scores
from assistant_engine.search.words import words_of

TEXTS = {
    "prose": "It was a fine day. Nobody had expected that, least of all the weather office! " * 80,
    "lines": "\n".join(f"{number}: value of row {number}" for number in range(600)),
    "one word": "x" * 30_000,
    "no spaces": "日本の図書館は素晴らしい。" * 900,
    "short": "Just this.",
    "code": "\n".join(f"def f_{n}(x):\n    if x:\n\treturn {n}\n\n" for n in range(100)),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("most", "overlap"), [(800, 400), (100, 0), (100, 50), (4096, 2048)])
def test_chunks_keep_to_their_size_and_cover_the_text(name: str, most: int, overlap: int) -> None:
    text = TEXTS[name]
    chunks = list(chunks_of(text, most, overlap))
    assert all(tokens_of(chunk.text) <= most for chunk in chunks)
    assert chunks[0].start == 0
    assert chunks[-1].text.endswith(text.rstrip()[-5:])
    for chunk, following in pairwise(chunks):
        assert chunk.start < following.start
        shared = len(text[following.start : chunk.start + len(chunk.text)].encode())
        assert shared <= overlap * BYTES_PER_TOKEN
        assert text[chunk.start + len(chunk.text) : following.start].strip() == ""


def test_chunks_share_what_they_are_told(
) -> None:  # fmt: skip
    chunks = list(chunks_of(TEXTS["prose"], 200, 100))
    overlaps = [
        tokens_of(TEXTS["prose"][following.start : chunk.start + len(chunk.text)])
        for chunk, following in pairwise(chunks)
    ]
    assert all(90 <= overlap <= 101 for overlap in overlaps)


def test_a_chunk_ends_with_a_sentence_or_a_line_where_it_can() -> None:
    assert all(chunk.text[-1] in ".!" for chunk in chunks_of(TEXTS["prose"], 100, 50))
    rows = list(chunks_of(TEXTS["lines"], 100, 0))
    assert all(chunk.text.split(": ")[0].isdigit() for chunk in rows)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_text_has_no_chunks(text: str) -> None:
    assert list(chunks_of(text, 800, 400)) == []


def stored(text: str, most: int, overlap: int) -> str:
    """Return what the parts of a text say."""
    chunks = list(chunks_of(text, most, overlap))
    first, rest = chunks[:3], chunks[3:]
    parts = [pack(first, [[1.0, 2.0]] * len(first), rest[0].start if rest else None)]
    if rest:
        parts.append(pack(rest, [[1.0, 2.0]] * len(rest), None))
    return "".join(text_of(part) for part in parts)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("most", "overlap"), [(100, 0), (100, 50)])
def test_the_text_comes_back_letter_by_letter_out_of_its_parts(name: str, most: int, overlap: int) -> None:
    assert stored(TEXTS[name], most, overlap) == TEXTS[name]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab.日 \n\t", min_size=1, max_size=3_000).filter(str.strip), st.sampled_from([0, 25, 50]))
def test_any_text_comes_back_letter_by_letter(text: str, overlap: int) -> None:
    assert stored(text, 100, overlap) == text
    assert all(tokens_of(chunk.text) <= 100 for chunk in chunks_of(text, 100, overlap))


def test_a_chunk_of_source_code_keeps_its_indentation() -> None:
    chunks = list(chunks_of(TEXTS["code"], 100, 0))
    assert len(chunks) > 5
    lines = TEXTS["code"].splitlines()
    for chunk in chunks:
        assert chunk.text.splitlines()[0] in lines


def test_a_part_holds_vectors_of_length_one_and_the_words_of_each_chunk() -> None:
    data = pack([Chunk(0, "red red blue"), Chunk(9, "blue")], [[3.0, 4.0], [0.0, 0.0]], None)
    part = unpack(data)
    assert part.vectors[0].tolist() == pytest.approx([0.6, 0.8])
    assert part.vectors[1].tolist() == [0, 0]
    assert vectors_of(data) == [pytest.approx([0.6, 0.8]), [0.0, 0.0]]
    assert part.lengths.tolist() == [3, 1]
    [(red, _)] = words_of("red").items()
    assert [(int(c), int(n)) for c, w, n in zip(part.chunk, part.word, part.count, strict=True) if w == red] == [(0, 2)]


def test_words_have_no_case_and_no_plural_and_some_writing_no_spaces() -> None:
    assert words_of("Books BOOK book's") == Counter({next(iter(words_of("book"))): 3, next(iter(words_of("s"))): 1})
    assert words_of("図書館").total() == 3
    assert words_of("glass") != words_of("glas")


ATTRIBUTES: Json = {"city": "Bern", "year": 2024, "share": 0.5, "public": True}


@pytest.mark.parametrize(
    ("kind", "key", "value", "expected"),
    [
        ("eq", "city", "Bern", True),
        ("eq", "year", 2024.0, True),
        ("eq", "year", "2024", False),
        ("eq", "public", True, True),
        ("eq", "public", 1, False),
        ("eq", "absent", "Bern", False),
        ("ne", "absent", "Bern", True),
        ("ne", "city", "Bern", False),
        ("gt", "share", 0.4, True),
        ("gt", "share", 0.5, False),
        ("gte", "share", 0.5, True),
        ("lt", "city", "Chur", True),
        ("lt", "city", 5, False),
        ("lte", "absent", 5, False),
        ("lt", "public", 5, False),
        ("in", "year", [2023, 2024], True),
        ("in", "year", ["2024"], False),
        ("in", "year", [], False),
        ("nin", "year", [2023], True),
        ("nin", "absent", [2023], True),
    ],
)
def test_comparisons(kind: str, key: str, value: object, expected: bool) -> None:
    assert matches({"type": kind, "key": key, "value": value}, ATTRIBUTES) is expected


def test_filters_are_combined() -> None:
    bern = {"type": "eq", "key": "city", "value": "Bern"}
    old = {"type": "lt", "key": "year", "value": 2000}
    assert not matches({"type": "and", "filters": [bern, old]}, ATTRIBUTES)
    assert matches({"type": "or", "filters": [bern, old]}, ATTRIBUTES)
    assert matches({"type": "and", "filters": []}, ATTRIBUTES)
    assert not matches({"type": "or", "filters": []}, ATTRIBUTES)
    assert matches(None, None)


BACKGROUND = [[1.0, 0.0, 0.0], [0.8, 0.6, 0.0]]


def query(vector: Sequence[float], words: str) -> Query:
    return query_of(vector, words_of(words), BACKGROUND)


def score(texts: Sequence[str], vectors: Sequence[Sequence[float]], asked: Query, weights: Weights) -> list[float]:
    part = unpack(pack([Chunk(0, text) for text in texts], vectors, None))
    return [float(value) for value in scores([part], [asked], weights)[0]]


def test_a_score_is_one_for_the_query_itself_and_nothing_for_what_is_as_far_as_anything() -> None:
    asked = query([0.6, 0.8, 0.0], "")
    assert asked.background == pytest.approx((0.6 + 0.96) / 2)
    same, near, unrelated, opposite = score(
        ["a", "b", "c", "d"],
        [[0.6, 0.8, 0.0], [0.5, 0.86, 0.1], [0.9, 0.3, 0.3], [-0.6, -0.8, 0.0]],
        asked,
        Weights(1, 0),
    )
    assert same == pytest.approx(1)
    assert 0 < near < 1
    assert unrelated < near
    assert opposite == 0


def test_keywords_score_by_how_rare_how_often_and_in_how_short_a_text() -> None:
    texts = ["the red ball", "the red red red ball", "the blue ball", "the red ball " + "and so on " * 30]
    red, often, none, long = score(texts, [[1.0, 0.0, 0.0]] * 4, query([1, 0, 0], "red"), Weights(0, 1))
    assert 0 == none < long < red < often < 1
    rare, common = score(["zebra", "the the"], [[1.0, 0.0, 0.0]] * 2, query([1, 0, 0], "the zebra"), Weights(0, 1))
    assert rare > 0
    assert common > 0


def test_the_weights_are_those_that_are_asked_for() -> None:
    assert weights_of({}) == weights_of({"ranker": "auto"}) == HALF
    assert weights_of({"ranker": "none"}) == Weights(1, 0)
    assert weights_of({"hybrid_search": {"embedding_weight": 3, "text_weight": 1}}) == Weights(0.75, 0.25)


def test_no_score_leaves_its_bounds_whatever_the_vectors_are() -> None:
    for vector in ([0.0, 0.0, 0.0], [1e-30, 0.0, 0.0], [1e30, -1e30, 0.0]):
        for asked in (query([0.0, 0.0, 0.0], "a"), query([1.0, 0.0, 0.0], "a b c")):
            [value] = score(["a a a a a"], [vector], asked, HALF)
            assert 0 <= value <= 1
