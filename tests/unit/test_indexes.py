"""The two engines behind one interface, each against moto's S3 and S3 Vectors.

moto keeps vectors but has no `QueryVectors`: here it is answered by comparing all of them, after botocore has checked
the request against AWS's own model of it. So what is asked of S3 Vectors is proven, how it answers is not.
"""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.s3vectors.models import s3vectors_backends

from assistant_engine.domain.json_data import Json
from assistant_engine.search.chunking import Chunk, chunks_of
from assistant_engine.search.engine import Search
from assistant_engine.search.indexes import BucketIndex, Index, Parts, VectorsIndex
from assistant_engine.search.parts import PART_CHUNKS, key_of, pack
from assistant_engine.search.words import words_of

BUCKET, VECTORS = "data", "oae-vectors"
DIMENSIONS = 64
HEAD = {"thread_id": "vs_1", "embedding": {"model": "words", "dimensions": 0}}
TEXTS = {
    "file-a": "The library lends books for four weeks.",
    "file-b": "Boil the pasta for nine minutes.",
    "file-c": "The warranty covers defects for two years.",
    "file-d": "Lightning struck the turbine on the hill.",
}


def embed(texts: Sequence[str], settings: Json, kind: str) -> list[list[float]]:
    """Vectors that are near where texts share words."""
    rows = np.full((len(texts), DIMENSIONS), 0.01)
    for row, text in zip(rows, texts, strict=True):
        for word, count in words_of(text).items():
            row[word % DIMENSIONS] += count
    return [[float(value) for value in row] for row in rows]


def member(file_id: str, chunks: int = 1, parts: int = 1, **attributes: Any) -> Json:
    return {
        "thread_id": "vs_1",
        "file_id": file_id,
        "filename": f"{file_id}.txt",
        "ingestion": f"of-{file_id}",
        "status": "completed",
        "attributes": "null" if not attributes else str(attributes).replace("'", '"'),
        "chunks": chunks,
        "parts": parts,
    }


class Aws:
    """moto's S3 and S3 Vectors, with a `QueryVectors` of our own."""

    def __init__(self) -> None:
        self.s3: Any = boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.vectors: Any = boto3.client("s3vectors")
        self.vectors.create_vector_bucket(vectorBucketName=VECTORS)
        self.queries: list[Json] = []
        events = self.vectors.meta.events
        events.register("provide-client-params.s3vectors.QueryVectors", self._note)
        events.register("before-call.s3vectors.QueryVectors", self._answer)

    def _note(self, params: Json, **_: Any) -> None:
        self.queries.append(params)

    def _answer(self, **_: Any) -> tuple[Any, Json]:
        asked = self.queries[-1]
        assert asked["topK"] <= 100
        index = self.index(asked["indexName"])
        query = np.array(asked["queryVector"]["float32"])
        wanted = asked.get("filter", {}).get("file", {}).get("$in")
        near = [
            (float(1 - query @ np.array(vector.data["float32"])), vector.key)
            for vector in index.vectors.values()
            if wanted is None or vector.metadata["file"] in wanted
        ]
        vectors = [{"key": key} for _, key in sorted(near)[: asked["topK"]]]
        http = type("Http", (), {"status_code": 200, "headers": {}})()
        return http, {"vectors": vectors, "distanceMetric": index.distance_metric}

    def index(self, name: str) -> Any:
        backend = s3vectors_backends["123456789012"]["aws"]
        return backend.get_index(vector_bucket_name=VECTORS, index_name=name, index_arn="")

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Aws()


@pytest.fixture(params=["bucket", "s3vectors"])
def index(request: pytest.FixtureRequest, aws: Aws) -> Index:
    bucket = BucketIndex(aws.s3, BUCKET)
    return bucket if request.param == "bucket" else VectorsIndex(bucket, aws.vectors, VECTORS, small=0)


def fill(index: Index) -> list[Json]:
    members = [member(file_id) for file_id in TEXTS]
    for file, text in zip(members, TEXTS.values(), strict=True):
        chunks = list(chunks_of(text, 800, 400))
        index.put(file, 0, pack(chunks, embed([text], {}, "document"), None))
    return members


def names(index: Index, aws: Aws, members: list[Json], query: str, **more: Any) -> list[str]:
    search = Search(index, Parts(aws.s3, BUCKET), embed)
    return [result.file_id for result in search([(HEAD, members)], [query], {}, more.get("filters"), 2)]


def test_the_nearest_file_is_found(index: Index, aws: Aws) -> None:
    members = fill(index)
    assert names(index, aws, members, "books of the library")[0] == "file-a"
    assert names(index, aws, members, "lightning and the turbine")[0] == "file-d"


def test_both_engines_give_the_same_scores(aws: Aws) -> None:
    bucket = BucketIndex(aws.s3, BUCKET)
    large = VectorsIndex(bucket, aws.vectors, VECTORS, small=0)
    members = fill(large)
    for query in ("pasta", "How long does the warranty last?", "nothing of the kind"):
        found = [
            Search(index, Parts(aws.s3, BUCKET), embed)([(HEAD, members)], [query], {}, None, 4)
            for index in (bucket, large)
        ]
        assert found[0] == found[1]


def test_a_filter_leaves_only_what_matches(index: Index, aws: Aws) -> None:
    members = fill(index)
    members[0]["attributes"] = '{"kind": "other"}'
    of_kind = {"type": "ne", "key": "kind", "value": "other"}
    assert "file-a" not in names(index, aws, members, "books of the library", filters=of_kind)


def test_a_file_that_two_stores_hold_is_found_once(index: Index, aws: Aws) -> None:
    other = {**HEAD, "thread_id": "vs_2"}
    stores: list[tuple[Json, list[Json]]] = []
    for head in (HEAD, other):
        members = [{**file, "thread_id": head["thread_id"]} for file in fill(index)]
        for file, text in zip(members, TEXTS.values(), strict=True):
            index.put(file, 0, pack([Chunk(0, text)], embed([text], {}, "document"), None))
        stores.append((head, members))
    search = Search(index, Parts(aws.s3, BUCKET), embed)
    assert sorted(result.file_id for result in search(stores, ["books of the library"], {}, None, 50)) == sorted(TEXTS)
    # It is looked for where its attributes match.
    stores[0][1][0]["attributes"] = '{"old": true}'
    recent = {"type": "ne", "key": "old", "value": True}
    assert sorted(result.file_id for result in search(stores, ["library"], {}, recent, 50)) == sorted(TEXTS)


def test_a_part_is_kept_once(index: Index, aws: Aws) -> None:
    file = member("file-a")
    assert index.kept(file, 0) is None
    data = pack([Chunk(0, "text")], [[1.0] * DIMENSIONS], None)
    index.put(file, 0, data)
    assert index.kept(file, 0) == len(data)
    index.put(file, 0, data)
    assert aws.objects() == [key_of(file, 0)]


@pytest.mark.parametrize("small", [100, 0])
def test_words_find_a_file_before_its_vectors_are_made(aws: Aws, small: int) -> None:
    index = VectorsIndex(BucketIndex(aws.s3, BUCKET), aws.vectors, VECTORS, small)
    *done, last = fill(index)
    index.remove("vs_1", last["file_id"], last["ingestion"])
    making = {**last, "status": "in_progress"}
    text = TEXTS[last["file_id"]]
    index.put_words(making, 0, pack([Chunk(0, text)], [], None))
    search = Search(index, Parts(aws.s3, BUCKET), embed)

    def found(members: list[Json], query: str, ranking: Json) -> list[str]:
        return [result.file_id for result in search([(HEAD, members)], [query], ranking, None, 50)]

    assert found([*done, making], "lightning on the hill", {})[0] == last["file_id"]
    assert found([making], "lightning on the hill", {}) == [last["file_id"]]
    # What has neither vectors nor any of the words is no result.
    assert found([making], "pasta", {}) == []
    assert found([making], "lightning", {"ranker": "none"}) == []
    # An item may be read a moment before the vectors come.
    index.put(making, 0, pack([Chunk(0, text)], embed([text], {}, "document"), None))
    index.remove_words(making)
    assert found([making], "lightning", {}) == [last["file_id"]]
    assert found([making], "lightning", {"ranker": "none"}) == [last["file_id"]]
    assert len(aws.objects()) == len(TEXTS)


def test_a_removed_file_is_found_no_more(index: Index, aws: Aws) -> None:
    members = fill(index)
    index.remove("vs_1", "file-a", "of-file-a")
    index.remove("vs_1", "file-a", "of-file-a")
    assert len(aws.objects()) == 3
    # Its item may be read a moment before it goes.
    assert "file-a" not in names(index, aws, members, "books of the library")


def test_a_dropped_store_leaves_nothing(index: Index, aws: Aws) -> None:
    fill(index)
    index.drop("vs_1")
    index.drop("vs_1")
    assert aws.objects() == []
    with pytest.raises(ClientError, match="index could not be found"):
        aws.vectors.get_index(vectorBucketName=VECTORS, indexName="vs-1")


def test_s3_vectors_is_asked_for_the_wanted_files_only(aws: Aws) -> None:
    index = VectorsIndex(BucketIndex(aws.s3, BUCKET), aws.vectors, VECTORS, small=0)
    members = fill(index)
    assert names(index, aws, members[:2], "pasta")[0] == "file-b"
    assert "filter" not in aws.queries[-1]
    search = Search(index, Parts(aws.s3, BUCKET), embed)
    for file in members[2:]:
        file["attributes"] = '{"old": true}'
    recent = {"type": "ne", "key": "old", "value": True}
    search([(HEAD, members)], ["pasta"], {}, recent, 5)
    assert aws.queries[-1]["filter"] == {"file": {"$in": ["file-a", "file-b"]}}


def test_s3_vectors_names_what_is_gone_and_nobody_minds(aws: Aws) -> None:
    index = VectorsIndex(BucketIndex(aws.s3, BUCKET), aws.vectors, VECTORS, small=0)
    members = fill(index)
    attached_anew = {**members[0], "ingestion": "another"}
    index.put(attached_anew, 0, pack([Chunk(0, "new")], embed(["new words"], {}, "document"), None))
    found = Search(index, Parts(aws.s3, BUCKET), embed)([(HEAD, [attached_anew])], ["library"], {}, None, 5)
    assert [result.text for result in found] == ["new"]


def test_a_small_store_is_read_from_the_bucket(aws: Aws) -> None:
    index = VectorsIndex(BucketIndex(aws.s3, BUCKET), aws.vectors, VECTORS, small=4)
    assert names(index, aws, fill(index), "pasta")[0] == "file-b"
    assert not aws.queries


def test_a_long_file_has_many_parts(index: Index, aws: Aws) -> None:
    chunks = [Chunk(number * 10, f"chunk number{number}") for number in range(PART_CHUNKS + 3)]
    file = member("file-a", len(chunks), 2)
    vectors = embed([chunk.text for chunk in chunks], {}, "document")
    index.put(file, 0, pack(chunks[:PART_CHUNKS], vectors[:PART_CHUNKS], chunks[PART_CHUNKS].start))
    index.put(file, 1, pack(chunks[PART_CHUNKS:], vectors[PART_CHUNKS:], None))
    search = Search(index, Parts(aws.s3, BUCKET), embed)
    [best, *_] = search([(HEAD, [file])], [f"number{PART_CHUNKS + 1}"], {}, None, 1)
    assert best.text == f"chunk number{PART_CHUNKS + 1}"


@pytest.mark.parametrize(("dimensions", "count"), [(256, PART_CHUNKS), (4096, 300)])
def test_vectors_are_sent_within_the_limits_of_a_request(aws: Aws, dimensions: int, count: int) -> None:
    """S3 Vectors takes 500 vectors and 20 MiB in a request, counted as boto3 puts it on the wire."""
    sent: list[tuple[int, list[str]]] = []

    def answer(params: Json, **_: Any) -> tuple[Any, Json]:
        body = json.loads(params["body"])
        sent.append((len(params["body"]), [vector["key"] for vector in body["vectors"]]))
        return type("Http", (), {"status_code": 200, "headers": {}})(), {}

    aws.vectors.meta.events.register("before-call.s3vectors.PutVectors", answer)
    index = VectorsIndex(BucketIndex(aws.s3, BUCKET), aws.vectors, VECTORS)
    numbers = np.random.default_rng(1).standard_normal((count, dimensions)).tolist()
    chunks = [Chunk(number * 10, "text") for number in range(count)]
    file = member("file-a", count)
    index.put(file, 0, pack(chunks, numbers, None))
    assert all(size <= 20 * 1024**2 for size, _ in sent)
    assert all(len(keys) <= 500 for _, keys in sent)
    assert [key for _, keys in sent for key in keys] == [f"{key_of(file, 0)}/{n}" for n in range(count)]
    assert len(sent) <= 2
