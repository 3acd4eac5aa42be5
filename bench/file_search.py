"""How often file search finds the right document: `python -m bench.file_search`.

`corpus/documents.md` holds some two hundred short documents, made up for this and so alike that words alone do not
tell them apart; `corpus/questions.tsv` asks for one of them in other words. The documents go through the API of a local
stack, as files in one batch; then each question is asked three times: hybrid, by vectors alone, by keywords alone.
"""

import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
from rich.console import Console
from rich.table import Table

from local import up as local
from local.tools import ROOT

CORPUS = Path(__file__).parent / "corpus"
DIRECTORY = ROOT / ".local" / "bench-file-search"
PORT = 4850

TOP = 5
LEAST_FOUND = 0.9
"""Share of the questions whose document is among the first `TOP` results of the hybrid search."""

RANKINGS = {"hybrid": (1, 1), "vectors alone": (1, 0), "keywords alone": (0, 1)}


def documents() -> dict[str, str]:
    """The documents by name."""
    return dict(re.findall(r"^## (.+)\n(.+)$", (CORPUS / "documents.md").read_text(), re.MULTILINE))


def questions() -> list[tuple[str, str]]:
    """Each question and the name of the document that answers it."""
    lines = (CORPUS / "questions.tsv").read_text().splitlines()
    return [(question, name) for question, name in (line.split("\t") for line in lines)]


def fill(client: openai.OpenAI, console: Console) -> str:
    """Put the documents into a new vector store, telling how far it is; the store's id."""
    texts = documents()
    store = client.vector_stores.create(name="corpus")
    with ThreadPoolExecutor(4) as pool:
        files = list(
            pool.map(
                lambda item: client.files.create(file=(f"{item[0]}.txt", item[1].encode()), purpose="assistants"),
                texts.items(),
            )
        )
    start = time.monotonic()
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[file.id for file in files])
    while batch.file_counts.in_progress:
        time.sleep(2)
        batch = client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
        counts = batch.file_counts
        console.print(f"{counts.completed} of {counts.total} files read, {counts.failed} failed")
    console.print(f"Ingestion took {time.monotonic() - start:.0f} s.")
    return store.id


def rank(client: openai.OpenAI, store_id: str, question: str, name: str, weights: tuple[int, int]) -> int | None:
    """The place of the right document among the first `TOP` different ones, from 1; None if it is not there."""
    hybrid = {"embedding_weight": weights[0], "text_weight": weights[1]}
    page = client.vector_stores.search(
        store_id, query=question, max_num_results=20, extra_body={"ranking_options": {"hybrid_search": hybrid}}
    )
    found = list(dict.fromkeys(result.filename.removesuffix(".txt") for result in page))[:TOP]
    return found.index(name) + 1 if name in found else None


def measure(client: openai.OpenAI, console: Console) -> float:
    """Print the shares for each ranking; that of the hybrid search."""
    store_id = fill(client, console)
    asked = questions()
    table = Table("ranking", "first", f"in the top {TOP}", "mean reciprocal rank", "s a search")
    shares = {}
    for title, weights in RANKINGS.items():
        start = time.monotonic()
        ranks = [rank(client, store_id, question, name, weights) for question, name in asked]
        seconds = (time.monotonic() - start) / len(asked)
        shares[title] = sum(place is not None for place in ranks) / len(asked)
        first = sum(place == 1 for place in ranks) / len(asked)
        reciprocal = sum(1 / place for place in ranks if place) / len(asked)
        table.add_row(title, f"{first:.1%}", f"{shares[title]:.1%}", f"{reciprocal:.2f}", f"{seconds:.2f}")
        if title == "hybrid":
            for (question, name), place in zip(asked, ranks, strict=True):
                if place is None:
                    console.print(f"not found: {question} [dim]({name})[/]")
    console.print(f"{len(documents())} documents, {len(asked)} questions")
    console.print(table)
    return shares["hybrid"]


def main() -> None:
    """Measure on a local stack of its own; fails when fewer are found than promised."""
    console = Console(highlight=False)
    try:
        stack = local.up(DIRECTORY, preferred_port=PORT, use_real_model=False, step=local.shown)
        settings = stack.settings
        client = openai.OpenAI(base_url=settings["ASSISTANTS_BASE_URL"], api_key=settings["ASSISTANTS_API_KEY"])
        found = measure(client, console)
    finally:
        local.down(DIRECTORY)
        shutil.rmtree(DIRECTORY, ignore_errors=True)
    if found < LEAST_FOUND:
        sys.exit(f"The hybrid search found {found:.1%}, less than {LEAST_FOUND:.0%}.")


if __name__ == "__main__":
    main()
