"""Text that outgrows an item: objects of the bucket."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from assistant_engine.domain.json_data import Json

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

INLINE_BYTES = 32 * 1024
"""Text over this size goes to the bucket: an item holds 400 KB, and every read of it is paid for by size."""


class Blobs:
    """Text that outgrows an item: objects under `text/`, one for each owner, never changed once referred to."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._client: S3Client | None = None

    @property
    def client(self) -> "S3Client":
        """The S3 client, made when text first needs it: most requests never do."""
        if self._client is None:
            self._client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))
        return self._client

    def pack(self, name: str, document: Any, key: str, inline_bytes: int = INLINE_BYTES) -> Json:
        """The attributes that hold a document: its JSON text in the item, or the bucket key that it was put under.

        Args:
            inline_bytes: text over this size goes to the bucket; less for an item that is written again and again.

        Put it before the transaction that refers to it: a transaction that then fails leaves bytes that nothing
        refers to, never a reference to nothing.
        """
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        encoded = text.encode()
        if len(encoded) <= inline_bytes:
            return {name: text}
        self.client.put_object(Bucket=self.bucket, Key=key, Body=encoded, ContentType="application/json")
        return {f"{name}_key": key}

    def unpack(self, name: str, item: Json) -> Any:
        """The document that `pack` stored as `name`."""
        if name in item:
            return json.loads(item[name])
        return json.loads(self.read(item[f"{name}_key"]))

    def unpack_all(self, name: str, items: list[Json]) -> list[Any]:
        """The documents of several items, those in the bucket read side by side."""
        texts = iter(self.read_all([item[f"{name}_key"] for item in items if name not in item]))
        return [json.loads(item[name] if name in item else next(texts)) for item in items]

    def unpack_each(self, name: str, items: list[Json], at_once: int = 10) -> Iterator[Any]:
        """The documents of several items as they are asked for, so many read side by side."""
        for start in range(0, len(items), at_once):
            yield from self.unpack_all(name, items[start : start + at_once])

    def delete_below(self, prefix: str) -> None:
        """Delete every object under a prefix."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                self.client.delete_object(Bucket=self.bucket, Key=item["Key"])

    def folders(self, prefix: str) -> list[str]:
        """The next parts of the keys below a prefix, each with that and a slash at its end (`outputs/finance/`)."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        return [part["Prefix"] for page in pages for part in page.get("CommonPrefixes", [])]

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def read(self, key: str) -> str:
        """The text of an object."""
        return self.read_bytes(key).decode()

    def read_bytes(self, key: str) -> bytes:
        """The bytes of an object."""
        body: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def read_all(self, keys: list[str]) -> list[str]:
        """The texts of several objects, read side by side."""
        if len(keys) < 2:
            return [self.read(key) for key in keys]
        _ = self.client  # made here, once, and not by each of the threads
        with ThreadPoolExecutor(max_workers=10) as pool:
            return list(pool.map(self.read, keys))
