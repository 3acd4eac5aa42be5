"""DynamoDB and S3 as the store uses them: items as plain dicts, transactions that retry only conflicts, text that
outgrows an item in the bucket.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeGuard

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT

INLINE_BYTES = 32 * 1024
"""Text over this size goes to the bucket: an item holds 400 KB, and every read of it is paid for by size."""

TRANSACTION_ITEMS = 100
"""Most items in one transaction (DynamoDB limit)."""

_CONFLICT_ATTEMPTS = 10
_serialize = TypeSerializer().serialize
_deserializer = TypeDeserializer()


class ConditionFailed(Exception):
    """A condition of a write did not hold. That is an answer, and is never retried.

    Attributes:
        items: for each action of the transaction, the item as it stands if this action's condition failed (an empty
            dict when there is no such item), None where it held.
    """

    def __init__(self, items: list[Json | None]) -> None:
        super().__init__("a condition failed")
        self.items = items


def marshal(item: Json) -> Json:
    """A plain dict as DynamoDB's typed attributes; None values are left out."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def unmarshal(item: Json) -> Json:
    """DynamoDB's typed attributes as a plain dict; numbers become int."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def values(**named: Any) -> Json:
    """`ExpressionAttributeValues` from keyword arguments: `values(now=1)` is `{":now": {"N": "1"}}`."""
    return {f":{name}": _serialize(value) for name, value in named.items()}


def project_of(item: Json) -> str:
    """The project that an item belongs to where no index lists it: its attribute `belongs_to`."""
    project: str = item.get("belongs_to", DEFAULT_PROJECT)
    return project


def is_ours(item: Json | None) -> TypeGuard[Json]:
    """Whether an item is an object that this engine wrote: each holds its document, or says where that is.

    The tables may hold items of others, such as the earlier engine with tables of the same names and keys. For reads by
    key they do not exist, and lists leave them out.
    """
    return item is not None and ("document" in item or "document_key" in item)


IS_OURS = "(attribute_exists(document) OR attribute_exists(document_key))"
"""The same as a condition or a filter."""


class Database:
    """The DynamoDB client, with the project's rules for reading and writing."""

    def __init__(self) -> None:
        # Standard mode retries throttling with jitter; a transaction's conflicts are retried here.
        config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=2, read_timeout=10)
        self.client: Any = boto3.client("dynamodb", config=config)

    def get(self, table: str, key: Json, *, consistent: bool = True, attributes: Sequence[str] = ()) -> Json | None:
        """One item by its key, strongly consistent unless told; only `attributes` of it if given."""
        projection: Json = {}
        if attributes:
            projection = {
                "ProjectionExpression": ", ".join(f"#{i}" for i in range(len(attributes))),
                "ExpressionAttributeNames": {f"#{i}": name for i, name in enumerate(attributes)},
            }
        response = self.client.get_item(TableName=table, Key=marshal(key), ConsistentRead=consistent, **projection)
        return unmarshal(response["Item"]) if "Item" in response else None

    def get_all(self, table: str, keys: list[Json]) -> list[Json]:
        """Those items of up to 100 keys (DynamoDB limit) that exist, strongly consistent, in no certain order."""
        found: list[Json] = []
        waiting = {table: {"Keys": [marshal(key) for key in keys], "ConsistentRead": True}} if keys else {}
        while waiting:
            response = self.client.batch_get_item(RequestItems=waiting)
            found += map(unmarshal, response["Responses"].get(table, []))
            waiting = response["UnprocessedKeys"]
        return found

    def query(self, **request: Any) -> tuple[list[Json], Json | None]:
        """One page: the items and the key to go on from, None at the end. At most 1 MB is read (DynamoDB limit)."""
        response = self.client.query(**request)
        return [unmarshal(item) for item in response["Items"]], response.get("LastEvaluatedKey")

    def query_all(self, **request: Any) -> Iterator[Json]:
        """Every item, page after page."""
        while True:
            items, following = self.query(**request)
            yield from items
            if following is None:
                return
            request["ExclusiveStartKey"] = following

    def update(self, **request: Any) -> Json:
        """One conditional update; the item as it is afterwards.

        Raises:
            ConditionFailed: with the item as it stands.
        """
        try:
            response = _past_conflicts(
                lambda: self.client.update_item(
                    ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD", **request
                )
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConditionFailed([unmarshal(error.response.get("Item", {}))]) from None
        return unmarshal(response["Attributes"])

    def delete(self, table: str, key: Json) -> Json | None:
        """Delete an item; the item as it was, None if there was none."""
        response = _past_conflicts(
            lambda: self.client.delete_item(TableName=table, Key=marshal(key), ReturnValues="ALL_OLD")
        )
        return unmarshal(response["Attributes"]) if "Attributes" in response else None

    def delete_all(self, table: str, keys: list[Json]) -> None:
        """Delete items by their keys, 25 in one request (DynamoDB limit)."""
        for start in range(0, len(keys), 25):
            waiting = {table: [{"DeleteRequest": {"Key": marshal(key)}} for key in keys[start : start + 25]]}
            while waiting:
                waiting = self.client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]

    def transact(self, actions: list[Json]) -> None:
        """All of the actions or none.

        Raises:
            ConditionFailed: a condition did not hold.
        """
        for action in actions:
            for body in action.values():
                body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            _past_conflicts(lambda: self.client.transact_write_items(TransactItems=actions))
        except ClientError as error:
            if _CONDITION not in _codes(error):
                raise
            reasons = error.response["CancellationReasons"]
            failed = (unmarshal(r.get("Item", {})) if r.get("Code") == _CONDITION else None for r in reasons)
            raise ConditionFailed(list(failed)) from None


_CONDITION = "ConditionalCheckFailed"
_CONFLICTS = {
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "TransactionConflict",
    "TransactionConflictException",
}


def _codes(error: ClientError) -> set[str]:
    """The code of an error or, of a cancelled transaction, those of its actions."""
    reasons = error.response.get("CancellationReasons")
    return {reason.get("Code", "None") for reason in reasons} if reasons else {error.response["Error"]["Code"]}


def _past_conflicts(request: Callable[[], Any]) -> Any:
    """Send a request again, with full jitter, while another transaction holds one of its items at that very moment.

    botocore repeats throttled requests, but knows nothing of conflicts.
    """
    for attempt in range(_CONFLICT_ATTEMPTS):
        try:
            return request()
        except ClientError as error:
            codes = _codes(error)
            if attempt == _CONFLICT_ATTEMPTS - 1 or _CONDITION in codes or not codes & _CONFLICTS:
                raise
        time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))
    raise AssertionError("unreachable")


class Blobs:
    """Text that outgrows an item: objects under `text/`, one for each owner, never changed once referred to."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._client: Any = None

    @property
    def client(self) -> Any:
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

    def unpack_each(self, name: str, items: list[Json]) -> Iterator[Any]:
        """The documents of several items as they are asked for, ten read side by side."""
        for start in range(0, len(items), 10):
            yield from self.unpack_all(name, items[start : start + 10])

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
