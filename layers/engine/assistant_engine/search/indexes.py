"""Keeps chunks, and finds those that a search has to read.

`BucketIndex` keeps them in the bucket and reads all of a store's: exact, and fast enough for small stores.
`VectorsIndex` keeps the vectors in Amazon S3 Vectors as well, and asks it which parts to read. What is read is ranked
in the same way, so both give the same scores.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from assistant_engine.domain.json_data import Json
from assistant_engine.search.parts import (
    PART_CHUNKS,
    Part,
    key_of,
    prefix_of,
    unpack,
    vectors_of,
    words_key_of,
    words_prefix_of,
)
from assistant_engine.store import objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3vectors import S3VectorsClient
    from types_boto3_s3vectors.type_defs import PutInputVectorTypeDef

SMALL_STORE_CHUNKS = 20_000
"""A store with more chunks is searched through S3 Vectors, where that is deployed."""

CACHE_BYTES = 512 * 1024**2

_THREADS = 16
_TOP = 100  # results of one QueryVectors (S3 Vectors limit)
MAX_VECTORS = 500
"""In one PutVectors or DeleteVectors (S3 Vectors limit)."""
MAX_VECTOR_BYTES = 16 * 1024**2
"""Of the vectors in one PutVectors, as JSON. S3 Vectors takes requests of 20 MiB; the rest is for what boto3 adds."""
_OBJECTS = 1000  # in one DeleteObjects (S3 limit)
_FILES_IN_FILTER = 200


class Index(Protocol):
    """Keeps the parts of files, and finds those worth ranking."""

    def kept(self, member: Json, part: int) -> int | None:
        """The size of a part that is kept already, by an ingestion that was cut short; None of others."""

    def put(self, member: Json, part: int, data: bytes) -> None:
        """Keep a part. The same part may be kept twice."""

    def put_words(self, member: Json, part: int, data: bytes) -> None:
        """Keep a part that has no vectors yet."""

    def remove_words(self, member: Json) -> None:
        """Remove the parts without vectors of a file that has all of its vectors."""

    def remove(self, store_id: str, file_id: str, ingestion: str) -> None:
        """Remove the parts that an ingestion kept."""

    def drop(self, store_id: str) -> None:
        """Remove all parts of a store."""

    def nominate(self, members: Sequence[Json], vectors: Sequence[Any], filtered: bool) -> list[tuple[Json, int]]:
        """The parts that may hold the best chunks for these query vectors, as (file's item, part).

        Args:
            members: the files to look in, all of one store.
            filtered: whether they are fewer than the store has.
        """


class Parts:
    """The objects of parts in the bucket; those read last are kept in memory, as nothing ever changes them."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self.client = client
        self.bucket = bucket
        self._kept: OrderedDict[str, Part] = OrderedDict()

    def load(self, wanted: Sequence[tuple[Json, int]]) -> list[tuple[Json, Part]]:
        """The parts, without those that were removed meanwhile."""
        with ThreadPoolExecutor(_THREADS) as pool:
            loaded = list(pool.map(lambda each: self._newest(*each), wanted))
        self._trim()
        return [(member, part) for (member, _), part in zip(wanted, loaded, strict=True) if part is not None]

    def _newest(self, member: Json, part: int) -> Part | None:
        """The part with its vectors, or without them while they are made."""
        found = self._load(key_of(member, part))
        return found or (self._load(words_key_of(member, part)) if member["status"] == "in_progress" else None)

    def _load(self, key: str) -> Part | None:
        if kept := self._kept.get(key):
            self._kept.move_to_end(key)
            return kept
        found = objects.find(self.client, self.bucket, key)
        if found is None:
            return None
        part = self._kept[key] = unpack(found["Body"].read())
        return part

    def _trim(self) -> None:
        size = sum(part.size for part in self._kept.values())
        while size > CACHE_BYTES:
            _, part = self._kept.popitem(last=False)
            size -= part.size


class BucketIndex:
    """Parts in the bucket alone."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def kept(self, member: Json, part: int) -> int | None:
        return objects.size_of(self._client, self._bucket, key_of(member, part))

    def put(self, member: Json, part: int, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key_of(member, part), Body=data)

    def put_words(self, member: Json, part: int, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=words_key_of(member, part), Body=data)

    def remove_words(self, member: Json) -> None:
        self._delete(self.keys(words_prefix_of(member)))

    def remove(self, store_id: str, file_id: str, ingestion: str) -> None:
        self._delete(self.keys(prefix_of(store_id, file_id, ingestion)))

    def drop(self, store_id: str) -> None:
        self._delete(self.keys(prefix_of(store_id)))

    def keys(self, prefix: str) -> list[str]:
        """The keys of the parts below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _delete(self, keys: list[str]) -> None:
        for batch in _batches(keys, _OBJECTS):
            self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
            )

    def nominate(self, members: Sequence[Json], vectors: Sequence[Any], filtered: bool) -> list[tuple[Json, int]]:
        return [(member, part) for member in members for part in range(member["parts"])]


class VectorsIndex:
    """Parts in the bucket, and their vectors in an S3 vector bucket: an index there for each store.

    A vector's key is that of its part and the number of its chunk; `file` is the one thing that it can be filtered by.
    A file's attributes are looked up in its item instead: they can change, and may be larger than S3 Vectors takes.
    """

    def __init__(
        self, bucket: BucketIndex, client: "S3VectorsClient", vector_bucket: str, small: int = SMALL_STORE_CHUNKS
    ) -> None:
        self._bucket = bucket
        self._client = client
        self._vector_bucket = vector_bucket
        self._small = small

    def kept(self, member: Json, part: int) -> int | None:
        return self._bucket.kept(member, part)

    def put(self, member: Json, part: int, data: bytes) -> None:
        # The vectors first: a part in the bucket then means that both are there.
        key, vectors = key_of(member, part), vectors_of(data)
        at = self._at(member["thread_id"])
        made: list[PutInputVectorTypeDef] = [
            {
                "key": f"{key}/{index}",
                "data": {"float32": vector},
                "metadata": {"file": member["file_id"]},
            }
            for index, vector in enumerate(vectors)
            if any(vector)  # S3 Vectors takes no vector of zeros
        ]
        for batch in _requests(made):
            try:
                self._client.put_vectors(**at, vectors=batch)
            except self._client.exceptions.NotFoundException:
                self._create(at, len(vectors[0]))
                self._client.put_vectors(**at, vectors=batch)
        self._bucket.put(member, part, data)

    def put_words(self, member: Json, part: int, data: bytes) -> None:
        self._bucket.put_words(member, part, data)

    def remove_words(self, member: Json) -> None:
        self._bucket.remove_words(member)

    def _create(self, at: Json, dimension: int) -> None:
        try:
            self._client.create_index(**at, dataType="float32", dimension=dimension, distanceMetric="cosine")
        except self._client.exceptions.ConflictException:
            return  # Another file of the store was faster.

    def remove(self, store_id: str, file_id: str, ingestion: str) -> None:
        for key in self._bucket.keys(prefix_of(store_id, file_id, ingestion)):
            # A key that names nothing is no error.
            names = [f"{key}/{index}" for index in range(PART_CHUNKS)]
            try:
                self._client.delete_vectors(**self._at(store_id), keys=names)
            except self._client.exceptions.NotFoundException:
                break
        self._bucket.remove(store_id, file_id, ingestion)

    def drop(self, store_id: str) -> None:
        with suppress(self._client.exceptions.NotFoundException):  # It is gone already, or never held anything.
            self._client.delete_index(**self._at(store_id))
        self._bucket.drop(store_id)

    def nominate(self, members: Sequence[Json], vectors: Sequence[Any], filtered: bool) -> list[tuple[Json, int]]:
        if sum(member["chunks"] for member in members) <= self._small:
            return self._bucket.nominate(members, vectors, filtered)
        # Those whose vectors are still made are found by their words.
        wordy = self._bucket.nominate([each for each in members if each["status"] == "in_progress"], vectors, filtered)
        members = [member for member in members if member["status"] == "completed"]
        known = {(member["file_id"], member["ingestion"]): member for member in members}
        filters: list[Json] = [{}]
        if filtered:
            groups = _batches([member["file_id"] for member in members], _FILES_IN_FILTER)
            filters = [{"filter": {"file": {"$in": group}}} for group in groups]
        nominated: dict[tuple[str, str, int], None] = {}
        for vector in vectors if members else ():
            for chosen in filters:
                answer = self._client.query_vectors(
                    **self._at(members[0]["thread_id"]),
                    topK=_TOP,
                    queryVector={"float32": [float(value) for value in vector]},
                    **chosen,
                )
                for found in answer["vectors"]:
                    _, _, file_id, ingestion, part, _ = found["key"].split("/")
                    # What was removed moments ago may still be found; the items say what there is.
                    if (file_id, ingestion) in known:
                        nominated[file_id, ingestion, int(part)] = None
        return [*wordy, *((known[file_id, ingestion], part) for file_id, ingestion, part in nominated)]

    def _at(self, store_id: str) -> Json:
        return {"vectorBucketName": self._vector_bucket, "indexName": _index_name(store_id)}


def _index_name(store_id: str) -> str:
    """Return the name of a store's index: S3 Vectors takes 3 to 63 lower-case letters, digits, dots and hyphens."""
    if re.fullmatch("vs_[0-9a-z]{1,60}", store_id):
        return store_id.replace("_", "-")
    return f"vs-brought-{hashlib.sha256(store_id.encode()).hexdigest()[:32]}"


def _requests(vectors: list["PutInputVectorTypeDef"]) -> Iterator[list["PutInputVectorTypeDef"]]:
    """Vectors, as many at a time as one PutVectors takes, in number and in bytes."""
    batch: list[PutInputVectorTypeDef] = []
    size = 0
    for vector in vectors:
        length = len(json.dumps(vector)) + len(", ")
        if batch and (len(batch) == MAX_VECTORS or size + length > MAX_VECTOR_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(vector)
        size += length
    if batch:
        yield batch


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
