"""How soon large files are found: by their words, and by their vectors.

Five documents of 100 KB each, made of the sentences of `corpus/documents.md` in an order of their own, are attached in
one batch. Each has a word that no other one has.
"""

import random
import re
import time
from collections.abc import Callable
from typing import Any

import openai

from bench.file_search import documents
from bench.stack import Stack

FILES, FILE_BYTES = 5, 100_000
MARKS = ("zeppelin", "glockenspiel", "armadillo", "periscope", "marzipan")
PATIENCE_SECONDS = 1_200


def measure(stack: Stack, step: Callable[[str], Any]) -> dict[str, Any]:
    """Return the seconds until every file is found by words, and until all vectors are made."""
    client = stack.client
    store = client.vector_stores.create(name="large files")
    files = [
        client.files.create(file=(f"{mark}.txt", text_of(mark).encode()), purpose="assistants").id for mark in MARKS
    ]
    start = time.monotonic()
    client.vector_stores.file_batches.create(store.id, file_ids=files)
    with step("Five large files, by words"):
        while {mark for mark in MARKS if found(client, store.id, mark)} != set(MARKS):
            assert time.monotonic() < start + PATIENCE_SECONDS
            time.sleep(0.5)
        words = time.monotonic() - start
    with step("Five large files, by vectors"):
        while client.vector_stores.retrieve(store.id).file_counts.in_progress:
            assert time.monotonic() < start + PATIENCE_SECONDS
            time.sleep(0.5)
        vectors = time.monotonic() - start
    assert client.vector_stores.retrieve(store.id).file_counts.completed == FILES
    client.vector_stores.delete(store.id)
    return {"files": FILES, "bytes": FILES * FILE_BYTES, "words_seconds": words, "vectors_seconds": vectors}


def text_of(mark: str) -> str:
    """Return a document of `FILE_BYTES` in which `mark` stands once, in its middle."""
    sentences = re.findall(r"[^.!?]+[.!?]", " ".join(documents("documents").values()))
    shuffled = random.Random(mark)
    text = ""
    while len(text.encode()) < FILE_BYTES:
        text += "".join(shuffled.sample(sentences, 5)).strip() + "\n\n"
    return f"{text[: FILE_BYTES // 2]} {mark} {text[FILE_BYTES // 2 :]}"


def found(client: openai.OpenAI, store_id: str, mark: str) -> bool:
    """Return whether the first result for a word holds it."""
    page = client.vector_stores.search(store_id, query=mark, max_num_results=1)
    return any(mark in result.content[0].text for result in page)
