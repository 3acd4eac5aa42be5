"""How often file search finds the right document.

`corpus/documents.md` holds some two hundred short documents, made up for this and so alike that words alone do not
tell them apart; `corpus/questions.tsv` asks for one of them in other words. The documents go through the API, as files
in one batch; then each question is asked three times: hybrid, by vectors alone, by keywords alone.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai

from bench.stack import Stack

CORPUS = Path(__file__).parent / "corpus"
TOP = 5
RANKINGS = {"hybrid": (1, 1), "vectors alone": (1, 0), "keywords alone": (0, 1)}


def documents() -> dict[str, str]:
    """The documents by name."""
    return dict(re.findall(r"^## (.+)\n(.+)$", (CORPUS / "documents.md").read_text(), re.MULTILINE))


def questions() -> list[tuple[str, str]]:
    """Each question and the name of the document that answers it."""
    lines = (CORPUS / "questions.tsv").read_text().splitlines()
    return [(question, name) for question, name in (line.split("\t") for line in lines)]


def fill(client: openai.OpenAI) -> str:
    """Put the documents into a new vector store; its id."""
    store = client.vector_stores.create(name="corpus")
    with ThreadPoolExecutor(4) as pool:
        files = list(
            pool.map(
                lambda item: client.files.create(file=(f"{item[0]}.txt", item[1].encode()), purpose="assistants"),
                documents().items(),
            )
        )
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id for file in files])
    assert batch.file_counts.completed == len(files), batch.file_counts
    return store.id


def rank(client: openai.OpenAI, store_id: str, question: str, name: str, weights: tuple[int, int]) -> int | None:
    """The place of the right document among the first `TOP` different ones, from 1; None if it is not there."""
    hybrid = {"embedding_weight": weights[0], "text_weight": weights[1]}
    page = client.vector_stores.search(
        store_id, query=question, max_num_results=20, extra_body={"ranking_options": {"hybrid_search": hybrid}}
    )
    found = list(dict.fromkeys(result.filename.removesuffix(".txt") for result in page))[:TOP]
    return found.index(name) + 1 if name in found else None


def measure(stack: Stack, step: Callable[[str], Any]) -> dict[str, Any]:
    """The shares of the questions that each ranking answers, the hybrid one first."""
    start = time.monotonic()
    with step("Documents into a vector store"):
        store_id = fill(stack.client)
    ingestion = time.monotonic() - start
    asked = questions()
    rankings: list[dict[str, Any]] = []
    for title, weights in RANKINGS.items():
        start = time.monotonic()
        with step(f"{len(asked)} questions, {title}"):
            ranks = [rank(stack.client, store_id, question, name, weights) for question, name in asked]
        rankings.append(
            {
                "ranking": title,
                "first": sum(place == 1 for place in ranks) / len(asked),
                "top": sum(place is not None for place in ranks) / len(asked),
                "reciprocal": sum(1 / place for place in ranks if place) / len(asked),
                "seconds": (time.monotonic() - start) / len(asked),
            }
        )
    return {
        "documents": len(documents()),
        "questions": len(asked),
        "ingestion_seconds": ingestion,
        "rankings": rankings,
    }
