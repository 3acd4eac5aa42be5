"""The local embedding model: what it is given to read, and who waits for whom."""

import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from assistant_engine.search.chunking import chunks_of
from local.embedding_process import Model
from local.embedding_windows import WINDOW_CHARACTERS, windows_of

PROSE = " ".join(
    f"Sentence {number} tells of the {number % 13} mills and {number * 31 % 101} looms." for number in range(900)
)


@pytest.mark.parametrize("overlap", [0, 100, 400])
def test_what_chunks_share_is_read_once(overlap: int) -> None:
    chunks = [chunk.text for chunk in chunks_of(PROSE, 800, overlap)]
    cut = windows_of(chunks)
    assert ["".join(windows) for windows in cut] == chunks
    read = {window for windows in cut for window in windows}
    assert max(map(len, read)) <= 1.25 * WINDOW_CHARACTERS
    assert sum(map(len, read)) <= len(PROSE)
    assert all(len(windows) < 2.5 * len(text) / WINDOW_CHARACTERS for windows, text in zip(cut, chunks, strict=True))


@pytest.mark.parametrize("text", ["short", "x" * 5_000, "日本の図書館" * 500, "\n" * 900 + "end"])
def test_every_text_has_windows_that_make_it_up(text: str) -> None:
    for texts in ([text], [text, text], [text, "something else", text]):
        assert ["".join(windows) for windows in windows_of(texts)] == texts


class Slow:
    """A model that waits in the middle of its first slice until it is told to go on; it notes what it reads."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str], is_query: bool) -> Any:
        self.read.append(texts[0])
        self.begun.set()
        assert self.go_on.wait(10)
        return np.ones((len(texts), 2))

    def token_count(self, text: str, is_query: bool) -> int:
        return len(text)


def test_a_question_does_not_wait_for_a_whole_file() -> None:
    slow = Slow()
    model = Model(slow)
    chunks = [chunk.text for chunk in chunks_of(PROSE, 800, 400)]
    reader = threading.Thread(target=model.encode, args=(chunks, True))
    reader.start()
    assert slow.begun.wait(10)
    asker = threading.Thread(target=model.encode, args=(["a question"], True))
    asker.start()
    while not model._short_ones:
        pass
    slow.go_on.set()
    reader.join(10)
    asker.join(10)
    assert len(slow.read) > 5
    assert slow.read.index("a question") == 1


def test_the_vector_of_a_text_is_the_mean_of_its_windows() -> None:
    class Lengths:
        token_count = None

        def encode(self, texts: Sequence[str], is_query: bool) -> Any:
            return np.array([[1.0, 0.0] if text.startswith("a") else [0.0, 1.0] for text in texts])

    vector = Model(Lengths()).encode(["a" * WINDOW_CHARACTERS + "b" * WINDOW_CHARACTERS], True)[0]
    assert vector.tolist() == pytest.approx([0.5**0.5, 0.5**0.5])
    assert all(before != after for before, after in pairwise(windows_of([PROSE])[0]))
