"""Measures how often file search finds the right document.

`corpus/documents.md` holds some two hundred short documents, made up for this and so alike that words alone do not
tell them apart; `corpus/documents.tsv` asks for one of them in other words. `corpus/languages.md` holds the same few
subjects in German, Russian, Japanese, Arabic, Hindi and Thai, each asked for in its own language. The documents go
through the API, as files in one batch; then each question is asked three times: hybrid, by vectors alone, by keywords
alone.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai

from bench.stack import Stack

CORPUS = Path(__file__).parent / "corpus"
TOP = 5
RANKINGS = {"hybrid": (1, 1), "vectors alone": (1, 0), "keywords alone": (0, 1)}


def documents(corpus: str) -> dict[str, str]:
    """The documents of a corpus by name."""
    return dict(re.findall(r"^## (.+)\n(.+)$", (CORPUS / f"{corpus}.md").read_text(), re.MULTILINE))


def questions(corpus: str) -> list[tuple[str, str]]:
    """Each question and the name of the document that answers it."""
    lines = (CORPUS / f"{corpus}.tsv").read_text().splitlines()
    return [(question, name) for question, name in (line.split("\t") for line in lines)]


def fill(client: openai.OpenAI, corpus: str) -> str:
    """Put the documents of a corpus into a new vector store; its id."""
    store = client.vector_stores.create(name="corpus")
    with ThreadPoolExecutor(4) as pool:
        files = list(
            pool.map(
                lambda item: client.files.create(file=(f"{item[0]}.txt", item[1].encode()), purpose="assistants"),
                documents(corpus).items(),
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
    """Return what `measured` says of the English corpus, and of the other one as `languages`."""
    return {**measured(stack, step, "documents"), "languages": measured(stack, step, "languages")}


def measured(stack: Stack, step: Callable[[str], Any], corpus: str) -> dict[str, Any]:
    """The shares of a corpus's questions that each ranking answers, the hybrid one first."""
    start = time.monotonic()
    with step(f"The corpus {corpus} into a vector store"):
        store_id = fill(stack.client, corpus)
    ingestion = time.monotonic() - start
    asked = questions(corpus)
    rankings: list[dict[str, Any]] = []
    for title, weights in RANKINGS.items():
        start = time.monotonic()
        with step(f"{len(asked)} questions, {title}"):
            ranks = [rank(stack.client, store_id, question, name, weights) for question, name in asked]
        rankings.append({"ranking": title, **shares(ranks), "seconds": (time.monotonic() - start) / len(asked)})
        if corpus == "languages":  # The first two letters of a name say which one.
            places = list(zip([name[:2] for _, name in asked], ranks, strict=True))
            rankings[-1]["reciprocals"] = {
                language: shares([place for of, place in places if of == language])["reciprocal"]
                for language in dict.fromkeys(of for of, _ in places)
            }
    return {
        "documents": len(documents(corpus)),
        "questions": len(asked),
        "ingestion_seconds": ingestion,
        "rankings": rankings,
    }


def shares(ranks: Sequence[int | None]) -> dict[str, float]:
    """The shares of ranks that are the first and that are there at all, and their mean reciprocal."""
    return {
        "first": sum(place == 1 for place in ranks) / len(ranks),
        "top": sum(place is not None for place in ranks) / len(ranks),
        "reciprocal": sum(1 / place for place in ranks if place) / len(ranks),
    }
