"""Vector stores, their files and file batches, at the hands of the `openai` package."""

import os
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import VectorStore

from assistant_engine.store import Store
from assistant_engine.store.expressions import Update
from assistant_engine.store.vector_stores import head_key

SECONDS = 120
LIBRARY = b"The municipal library lends each book for four weeks. A loan may be renewed twice."
PASTA = b"# Pasta\n\nBoil the pasta for nine minutes in salted water."
WARRANTY = b"The warranty covers defects for two years after purchase."


@pytest.fixture
def vector_store(client: openai.OpenAI) -> Iterator[VectorStore]:
    made = client.vector_stores.create(name="Handbook", metadata={"team": "support"})
    yield made
    client.vector_stores.delete(made.id)


@pytest.fixture(scope="module")
def filled(client: openai.OpenAI) -> Iterator[VectorStore]:
    """A store of three files that are ready, each with attributes."""
    made = client.vector_stores.create()
    texts = {"library.txt": LIBRARY, "pasta.md": PASTA, "warranty.txt": WARRANTY}
    attributes: list[dict[str, str | float | bool]] = [
        {"topic": "lending", "year": 2021, "public": True},
        {"topic": "cooking", "year": 2023.5, "public": False},
        {"topic": "sales", "year": 2024},
    ]
    uploaded = [client.files.create(file=item, purpose="assistants") for item in texts.items()]
    client.vector_stores.file_batches.create_and_poll(
        made.id,
        files=[{"file_id": file.id, "attributes": given} for file, given in zip(uploaded, attributes, strict=True)],
        poll_interval_ms=200,
    )
    store = client.vector_stores.retrieve(made.id)
    assert store.file_counts.completed == 3
    yield store
    client.vector_stores.delete(made.id)


def upload(client: openai.OpenAI, name: str = "a.txt", data: bytes = LIBRARY) -> str:
    return client.files.create(file=(name, data), purpose="assistants").id


def found(client: openai.OpenAI, store: VectorStore, query: str | list[str], **more: object) -> list[str]:
    return [result.filename for result in client.vector_stores.search(store.id, query=query, **more)]  # type: ignore[arg-type]


def test_a_store_is_there_in_the_next_call(client: openai.OpenAI, vector_store: VectorStore) -> None:
    assert vector_store.id.startswith("vs_")
    assert (vector_store.object, vector_store.name, vector_store.status) == ("vector_store", "Handbook", "completed")
    assert vector_store.file_counts.total == vector_store.usage_bytes == 0
    assert (vector_store.expires_after, vector_store.expires_at) == (None, None)
    assert client.vector_stores.retrieve(vector_store.id) == vector_store


def test_name_metadata_and_expiry_are_modified(client: openai.OpenAI, vector_store: VectorStore) -> None:
    days = 7
    modified = client.vector_stores.update(
        vector_store.id, name="Manual", metadata={}, expires_after={"anchor": "last_active_at", "days": days}
    )
    assert (modified.name, modified.metadata) == ("Manual", {})
    assert modified.expires_after
    assert modified.last_active_at
    assert modified.expires_at == modified.last_active_at + days * 86_400
    assert client.vector_stores.retrieve(vector_store.id) == modified
    again = client.vector_stores.update(vector_store.id, expires_after=None, name=None)
    assert (again.name, again.expires_after, again.expires_at) == ("", None, None)


def test_stores_are_listed_page_by_page(client: openai.OpenAI) -> None:
    made = [client.vector_stores.create(name=f"{number}").id for number in range(4)]
    try:
        ascending = client.vector_stores.list(order="asc", after=made[0], limit=2)
        assert [store.id for store in ascending if store.id in made] == made[1:]
        newest = client.vector_stores.list(limit=1)
        assert (newest.data[0].id, newest.has_more) == (made[-1], True)
    finally:
        for store_id in made:
            client.vector_stores.delete(store_id)
    assert not {store.id for store in client.vector_stores.list(limit=100)} & set(made)


def test_a_deleted_store_is_gone(client: openai.OpenAI) -> None:
    store_id = client.vector_stores.create().id
    deleted = client.vector_stores.delete(store_id)
    assert (deleted.id, deleted.object, deleted.deleted) == (store_id, "vector_store.deleted", True)
    for work in (
        lambda: client.vector_stores.retrieve(store_id),
        lambda: client.vector_stores.delete(store_id),
        lambda: client.vector_stores.update(store_id, name="x"),
        lambda: client.vector_stores.search(store_id, query="x"),
        lambda: client.vector_stores.files.list(store_id),
        lambda: client.vector_stores.files.create(store_id, file_id="file-x"),
    ):
        with pytest.raises(openai.NotFoundError, match="No vector store found with id"):
            work()


def test_a_file_is_in_progress_then_completed(client: openai.OpenAI, vector_store: VectorStore) -> None:
    file_id = upload(client)
    attached = client.vector_stores.files.create(
        vector_store.id,
        file_id=file_id,
        attributes={"topic": "lending", "year": 2021, "share": 0.5, "public": True},
        chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}},
    )
    assert (attached.id, attached.object, attached.status) == (file_id, "vector_store.file", "in_progress")
    polled = client.vector_stores.files.poll(file_id, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    assert (polled.status, polled.last_error) == ("completed", None)
    assert polled.attributes == {"topic": "lending", "year": 2021, "share": 0.5, "public": True}
    assert polled.chunking_strategy
    assert polled.chunking_strategy.type == "static"
    assert polled.chunking_strategy.static.max_chunk_size_tokens == 200
    store = client.vector_stores.retrieve(vector_store.id)
    assert (store.file_counts.completed, store.file_counts.total, store.status) == (1, 1, "completed")
    assert store.usage_bytes == polled.usage_bytes > len(LIBRARY)
    content = client.vector_stores.files.content(file_id, vector_store_id=vector_store.id)
    assert [part.text for part in content] == [LIBRARY.decode()]


def test_a_file_attached_anew_replaces_itself(client: openai.OpenAI, vector_store: VectorStore) -> None:
    file_id = upload(client)
    files = client.vector_stores.files
    first = files.create_and_poll(file_id, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    files.create(vector_store.id, file_id=file_id, attributes={"edition": 2})
    again = files.poll(file_id, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    assert again.attributes == {"edition": 2}
    store = client.vector_stores.retrieve(vector_store.id)
    assert (store.file_counts.completed, store.file_counts.total) == (1, 1)
    assert store.usage_bytes == first.usage_bytes
    assert len(found(client, store, "library")) == 1


def test_files_are_listed_in_the_order_of_attachment(client: openai.OpenAI, vector_store: VectorStore) -> None:
    names = [upload(client, f"{number}.txt") for number in range(3)]
    order = [names[1], names[2], names[0]]
    for file_id in order:
        client.vector_stores.files.create(vector_store.id, file_id=file_id)
    assert [file.id for file in client.vector_stores.files.list(vector_store.id, order="asc", limit=1)] == order
    newest = client.vector_stores.files.list(vector_store.id, limit=2)
    assert ([file.id for file in newest.data], newest.has_more) == (order[:0:-1], True)
    for file_id in order:
        client.vector_stores.files.poll(file_id, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    assert not client.vector_stores.files.list(vector_store.id, filter="in_progress").data
    assert len(client.vector_stores.files.list(vector_store.id, filter="completed").data) == 3
    with pytest.raises(openai.BadRequestError, match="expected the id of a file in this vector store"):
        client.vector_stores.files.list(vector_store.id, after="file-none")


def test_a_batch_counts_its_files_and_survives_a_broken_one(client: openai.OpenAI, vector_store: VectorStore) -> None:
    alone = upload(client, "alone.txt")
    client.vector_stores.files.create(vector_store.id, file_id=alone)
    good, broken = upload(client), upload(client, "broken.pdf", b"%PDF-1.7 and nothing more")
    batches = client.vector_stores.file_batches
    batch = batches.create_and_poll(
        vector_store.id, file_ids=[good, broken, good], attributes={"kind": "b"}, poll_interval_ms=200
    )
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 1, 1)
    assert (batch.file_counts.total, batch.file_counts.in_progress) == (2, 0)
    listed = {file.id: file for file in batches.list_files(batch.id, vector_store_id=vector_store.id)}
    assert set(listed) == {good, broken}
    assert listed[good].attributes == {"kind": "b"}
    error = listed[broken].last_error
    assert error
    assert (error.code, "broken" in error.message) == ("invalid_file", True)
    [failed] = batches.list_files(batch.id, vector_store_id=vector_store.id, filter="failed").data
    assert failed.id == broken
    client.vector_stores.files.poll(alone, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    counts = client.vector_stores.retrieve(vector_store.id).file_counts
    assert (counts.completed, counts.failed, counts.total) == (2, 1, 3)


def test_a_batch_that_is_cancelled_leaves_nothing_in_progress(client: openai.OpenAI, vector_store: VectorStore) -> None:
    file_ids = [upload(client, f"{number}.txt") for number in range(8)]
    batch = client.vector_stores.file_batches.create(vector_store.id, file_ids=file_ids)
    assert (batch.status, batch.file_counts.total) == ("in_progress", 8)
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=vector_store.id)
    counts = cancelled.file_counts
    assert counts.in_progress == 0
    assert cancelled.status == ("cancelled" if counts.cancelled else "completed")
    assert counts.completed + counts.cancelled == 8
    store = client.vector_stores.retrieve(vector_store.id).file_counts
    assert (store.completed, store.cancelled, store.total) == (counts.completed, counts.cancelled, 8)
    assert client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=vector_store.id) == cancelled


def test_a_store_takes_files_when_it_is_created(client: openai.OpenAI) -> None:
    file_id = upload(client)
    store = client.vector_stores.create(file_ids=[file_id], chunking_strategy={"type": "auto"})
    assert (store.status, store.file_counts.in_progress) == ("in_progress", 1)
    polled = client.vector_stores.files.poll(file_id, vector_store_id=store.id, max_wait_seconds=SECONDS)
    assert polled.status == "completed"
    client.vector_stores.delete(store.id)


def test_a_detached_file_is_found_no_more(client: openai.OpenAI, vector_store: VectorStore) -> None:
    file_id = upload(client)
    client.vector_stores.files.create_and_poll(file_id, vector_store_id=vector_store.id, max_wait_seconds=SECONDS)
    assert found(client, vector_store, "library") == ["a.txt"]
    deleted = client.vector_stores.files.delete(file_id, vector_store_id=vector_store.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (file_id, "vector_store.file.deleted", True)
    assert found(client, vector_store, "library") == []
    store = client.vector_stores.retrieve(vector_store.id)
    assert (store.file_counts.total, store.usage_bytes) == (0, 0)
    assert client.files.retrieve(file_id).id == file_id
    for work in (
        client.vector_stores.files.retrieve,
        client.vector_stores.files.delete,
        client.vector_stores.files.content,
    ):
        with pytest.raises(openai.NotFoundError, match="No file found with id"):
            work(file_id, vector_store_id=vector_store.id)


def test_deleting_a_file_takes_it_out_of_every_store(client: openai.OpenAI, vector_store: VectorStore) -> None:
    file_id = upload(client)
    other = client.vector_stores.create(file_ids=[file_id])
    client.vector_stores.files.create(vector_store.id, file_id=file_id)
    client.files.delete(file_id)
    for store_id in (other.id, vector_store.id):
        assert client.vector_stores.retrieve(store_id).file_counts.total == 0
    client.vector_stores.delete(other.id)


def test_attributes_are_replaced(client: openai.OpenAI, filled: VectorStore) -> None:
    [first, *_] = client.vector_stores.files.list(filled.id, order="asc").data
    files = client.vector_stores.files
    try:
        modified = files.update(first.id, vector_store_id=filled.id, attributes={"topic": "books"})
        assert modified.attributes == {"topic": "books"}
        of_books = {"type": "eq", "key": "topic", "value": "books"}
        assert found(client, filled, "renewal", filters=of_books) == ["library.txt"]
        assert files.update(first.id, vector_store_id=filled.id, attributes=None).attributes is None
    finally:
        files.update(first.id, vector_store_id=filled.id, attributes=first.attributes)


def test_the_best_file_comes_first_with_its_text_and_score(client: openai.OpenAI, filled: VectorStore) -> None:
    results = client.vector_stores.search(filled.id, query="How long may I keep a borrowed book?").data
    assert (results[0].filename, results[0].content[0].text) == ("library.txt", LIBRARY.decode())
    assert results[0].attributes == {"topic": "lending", "year": 2021, "public": True}
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] < scores[0] <= 1


def test_a_result_has_the_best_score_that_any_query_gives_it(client: openai.OpenAI, filled: VectorStore) -> None:
    page = client.vector_stores.search(filled.id, query=["How is pasta cooked?", "How long is the warranty?"])
    assert {result.filename for result in page.data[:2]} == {"pasta.md", "warranty.txt"}


def test_results_are_as_many_and_as_good_as_asked_for(client: openai.OpenAI, filled: VectorStore) -> None:
    question = "How many minutes does pasta boil?"
    assert len(found(client, filled, question, max_num_results=2)) == 2
    scores = [result.score for result in client.vector_stores.search(filled.id, query=question)]
    between = (scores[0] + scores[1]) / 2
    assert found(client, filled, question, ranking_options={"score_threshold": between}) == ["pasta.md"]
    assert found(client, filled, question, ranking_options={"score_threshold": 1.0}) == []


def test_keywords_and_vectors_weigh_what_they_are_told(client: openai.OpenAI, filled: VectorStore) -> None:
    def scores(**weights: float) -> dict[str, float]:
        options = {"hybrid_search": {f"{name}_weight": weight for name, weight in weights.items()}}
        page = client.vector_stores.search(filled.id, query="warranty", extra_body={"ranking_options": options})
        return {result.filename: result.score for result in page}

    keywords = scores(embedding=0, text=1)
    assert keywords["warranty.txt"] > 0
    assert keywords["pasta.md"] == keywords["library.txt"] == 0
    vectors = scores(embedding=3, text=0)
    assert max(vectors, key=lambda name: vectors[name]) == "warranty.txt"
    alone = client.vector_stores.search(filled.id, query="warranty", ranking_options={"ranker": "none"})
    assert {result.filename: result.score for result in alone} == vectors


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"type": "eq", "key": "topic", "value": "cooking"}, {"pasta.md"}),
    ({"type": "ne", "key": "topic", "value": "cooking"}, {"library.txt", "warranty.txt"}),
    ({"type": "gt", "key": "year", "value": 2023}, {"pasta.md", "warranty.txt"}),
    ({"type": "gte", "key": "year", "value": 2024}, {"warranty.txt"}),
    ({"type": "lt", "key": "year", "value": 2023.5}, {"library.txt"}),
    ({"type": "lte", "key": "year", "value": 2023.5}, {"library.txt", "pasta.md"}),
    ({"type": "in", "key": "topic", "value": ["sales", "lending"]}, {"library.txt", "warranty.txt"}),
    ({"type": "nin", "key": "topic", "value": ["sales", "lending"]}, {"pasta.md"}),
    ({"type": "eq", "key": "public", "value": True}, {"library.txt"}),
    ({"type": "eq", "key": "public", "value": 1}, set()),
    ({"type": "ne", "key": "public", "value": True}, {"pasta.md", "warranty.txt"}),
    ({"type": "gt", "key": "topic", "value": "d"}, {"library.txt", "warranty.txt"}),
    ({"type": "lt", "key": "absent", "value": 1}, set()),
    (
        {
            "type": "or",
            "filters": [
                {"type": "eq", "key": "topic", "value": "sales"},
                {
                    "type": "and",
                    "filters": [
                        {"type": "lt", "key": "year", "value": 2022},
                        {"type": "eq", "key": "public", "value": True},
                    ],
                },
            ],
        },
        {"library.txt", "warranty.txt"},
    ),
]


@pytest.mark.parametrize(("filters", "names"), FILTERS, ids=[f"{f['type']}-{f.get('value')}" for f, _ in FILTERS])
def test_filters_by_attributes(
    client: openai.OpenAI, filled: VectorStore, filters: dict[str, object], names: set[str]
) -> None:
    assert set(found(client, filled, "anything", filters=filters)) == names


@pytest.mark.parametrize(
    ("request_body", "param"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": []}, "query"),
        ({"query": 7}, "query"),
        ({"query": "x", "max_num_results": 0}, "max_num_results"),
        ({"query": "x", "max_num_results": 51}, "max_num_results"),
        ({"query": "x", "ranking_options": {"score_threshold": 1.5}}, "ranking_options.score_threshold"),
        ({"query": "x", "ranking_options": {"ranker": "best"}}, "ranking_options.ranker"),
        ({"query": "x", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters.type"),
        ({"query": "x", "filters": {"type": "in", "key": "a", "value": "b"}}, "filters.value"),
        ({"query": "x", "filters": {"type": "eq", "key": "a", "value": ["b"]}}, "filters.value"),
        (
            {"query": "x", "filters": {"type": "and", "filters": [{"type": "eq", "key": "a"}]}},
            "filters.filters[0].value",
        ),
    ],
)
def test_wrong_searches_are_refused(
    client: openai.OpenAI, filled: VectorStore, request_body: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(f"/vector_stores/{filled.id}/search", cast_to=object, body=request_body)
    assert refused.value.param == param


def test_wrong_files_are_refused(client: openai.OpenAI, vector_store: VectorStore) -> None:
    with pytest.raises(openai.NotFoundError, match="No such File object: file-none"):
        client.vector_stores.files.create(vector_store.id, file_id="file-none")
    with pytest.raises(openai.NotFoundError, match="No such File object: file-none"):
        client.vector_stores.create(file_ids=["file-none"])
    with pytest.raises(openai.BadRequestError, match="not both"):
        client.vector_stores.file_batches.create(vector_store.id, file_ids=["a"], files=[{"file_id": "a"}])
    with pytest.raises(openai.BadRequestError, match="must not exceed half"):
        client.vector_stores.files.create(
            vector_store.id,
            file_id="a",
            chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51}},
        )
    with pytest.raises(openai.NotFoundError, match="No file batch found"):
        client.vector_stores.file_batches.retrieve("vsfb_none", vector_store_id=vector_store.id)
    assert client.vector_stores.retrieve(vector_store.id).file_counts.total == 0


def test_the_same_idempotency_key_means_the_same_store(client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": f"stores-{time.time_ns()}"}
    first = client.vector_stores.create(name="one", extra_headers=headers)
    assert client.vector_stores.create(name="one", extra_headers=headers) == first
    with pytest.raises(openai.ConflictError):
        client.vector_stores.create(name="two", extra_headers=headers)
    client.vector_stores.delete(first.id)


def test_an_expired_store_is_shown_and_no_longer_used(client: openai.OpenAI, store: Store) -> None:
    made = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    expired = Update(os.environ["MESSAGES_TABLE"], head_key(made.id)).set(expires_at=int(time.time()) - 1, due_at=2**40)
    store.database.update(expired)
    assert client.vector_stores.retrieve(made.id).status == "expired"
    for work in (
        lambda: client.vector_stores.search(made.id, query="x"),
        lambda: client.vector_stores.files.create(made.id, file_id="file-x"),
        lambda: client.vector_stores.update(made.id, name="x"),
    ):
        with pytest.raises(openai.BadRequestError, match="has expired"):
            work()
    client.vector_stores.delete(made.id)
