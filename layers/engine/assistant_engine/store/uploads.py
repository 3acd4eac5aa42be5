"""Uploads: files that come in parts. The upload and each of its parts are items under the upload's id.

The bytes of a part are in the bucket under `uploads/<upload id>/<part id>` until the upload is completed or
cancelled, else for as long as the bucket's lifecycle rule keeps them.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest, NotFound, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Blobs, ConditionFailed, Database, marshal, project_of, values
from assistant_engine.store.files import PREFIX as FILE_PREFIX
from assistant_engine.store.files import Files
from assistant_engine.store.idempotency import Idempotency

LIFETIME_SECONDS = 3600
"""How long parts can be added to an upload, and the upload be completed."""

KEPT_SECONDS = 24 * 3600
"""How long an upload is remembered after that."""

PIECE_BYTES = 8 * 1024**2
"""Parts are put together in pieces of this size or a part more. S3 takes no piece below 5 MB except the last."""

_THREADS = 4
_PENDING = "#status = :pending"


class Uploads:
    """Uploads in the API's shape (`Upload`, `UploadPart`), of the project that their files will belong to."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        table: str,
        idempotency_table: str,
        files: Files,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._idempotency_table = idempotency_table
        self._files = files
        self._clock = clock

    def create(
        self, upload: Json, media_type: str, lifetime: int | None, idempotency: Idempotency | None = None
    ) -> None:
        """Begin an upload.

        Args:
            upload: `Upload` in status `pending`, without `file`.
            lifetime: seconds from the file's creation to its expiry, or None.

        Raises:
            Replayed, Conflict: the idempotency key was used.
        """
        item = {
            **_key(upload["id"], upload["id"]),
            "belongs_to": self._files.project,
            "document": {name: value for name, value in upload.items() if name != "status"},
            "status": upload["status"],
            "expires_at": upload["expires_at"],
            "media_type": media_type,
            "lifetime": lifetime,
            "ttl": upload["expires_at"] + KEPT_SECONDS,
        }
        self._write([self._put(item)], upload, upload["created_at"], idempotency)

    def get(self, upload_id: str) -> Json:
        """The upload.

        Raises:
            NotFound: no upload has this id, or the file that it became was deleted.
        """
        upload = _upload(self._item(upload_id))
        return {**upload, "file": self._files.get(upload["file"]["id"])} if upload["file"] else upload

    def part(self, upload_id: str, part_id: str) -> Json:
        """A part of an upload, as `UploadPart`.

        Raises:
            NotFound: no upload has this id, or it has no such part.
        """
        self._item(upload_id)
        if self._db.get(self._table, _key(upload_id, part_id)) is None:
            raise NotFound(f"No part found with id '{ids.shown(part_id)}'.")
        return _part(upload_id, part_id)

    def _put(self, item: Json) -> Json:
        absent = "attribute_not_exists(assistant_id)"
        return {"Put": {"TableName": self._table, "Item": marshal(item), "ConditionExpression": absent}}

    def _write(self, actions: list[Json], answer: Json, now: int, idempotency: Idempotency | None) -> None:
        if not idempotency:
            self._db.transact(actions)
            return
        idempotency.check(self._db, self._idempotency_table)
        try:
            self._db.transact([*actions, idempotency.action(self._idempotency_table, answer, now)])
        except ConditionFailed:
            idempotency.check(self._db, self._idempotency_table)
            raise

    def add_part(self, upload_id: str, data: bytes, now_ms: int, idempotency: Idempotency | None = None) -> Json:
        """Keep a part; the part as `UploadPart`.

        Raises:
            NotFound: no upload has this id.
            InvalidRequest: it is no longer pending.
            Replayed, Conflict: the idempotency key was used.
        """
        item = self._pending(upload_id)
        part_id = ids.new_id("part_", now_ms)
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=_part_key(upload_id, part_id), Body=data)
        record = {**_key(upload_id, part_id), "bytes": len(data), "ttl": item["ttl"]}
        part = _part(upload_id, part_id)
        self._write([self._put(record)], part, now_ms // 1000, idempotency)
        return part

    def complete(
        self, upload_id: str, part_ids: list[str], md5: str | None, now_ms: int, *, seconds: float = 22
    ) -> Json:
        """Make the file of these parts in this order; the upload, with the file, in status `completed`.

        Doing it again gives the same answer. What a call could not do in its time stays done, so the next one goes on
        from there.

        Args:
            md5: of the whole file, in hex, to be checked; or None.
            seconds: time for the work. An API Gateway request takes 30 s at most.

        Raises:
            NotFound: no upload has this id.
            InvalidRequest: it is not pending, a part is unknown or given twice, or size or `md5` are not as announced.
            Unavailable: the time did not suffice, or another request does the same. To be tried again.
        """
        deadline = time.monotonic() + seconds
        arrangement = hashlib.sha256("\n".join([md5 or "", *part_ids]).encode()).hexdigest()
        item = self._item(upload_id)
        if item["status"] == "completed" and item["arrangement"] == arrangement:
            return _upload(item)
        item = self._pending(upload_id)
        sizes = self._sizes(upload_id, part_ids)
        if sum(sizes) != item["document"]["bytes"]:
            raise InvalidRequest(
                f"The parts hold {sum(sizes)} bytes, but the upload was announced with {item['document']['bytes']}."
            )
        pieces = list(_pieces([_part_key(upload_id, part_id) for part_id in part_ids], sizes))
        item = self._claim(item, arrangement, len(pieces), now_ms)
        self._assemble(item, pieces, md5, deadline)
        return self._commit(item, part_ids)

    def cancel(self, upload_id: str) -> Json:
        """Cancel the upload; the upload in status `cancelled`, also when it was cancelled before.

        Raises:
            NotFound: no upload has this id.
            InvalidRequest: it is completed or has expired.
        """
        item = self._item(upload_id)
        if item["status"] == "cancelled":
            return _upload(item)
        self._pending(upload_id)
        try:
            item = self._db.update(
                TableName=self._table,
                Key=marshal(_key(upload_id, upload_id)),
                UpdateExpression="SET #status = :cancelled",
                ConditionExpression=_PENDING,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values(cancelled="cancelled", pending="pending"),
            )
        except ConditionFailed:
            return self.cancel(upload_id)
        self._forget(item, [part_id for part_id, _ in self._parts(upload_id)])
        return _upload(item)

    def _item(self, upload_id: str) -> Json:
        item = self._db.get(self._table, _key(upload_id, upload_id)) if ids.is_id(upload_id) else None
        if item is None or not upload_id.startswith("upload_") or project_of(item) != self._files.project:
            raise NotFound(f"No upload found with id '{ids.shown(upload_id)}'.", param="upload_id")
        if item["status"] == "pending" and item["expires_at"] <= self._clock():
            item["status"] = "expired"
        return item

    def _pending(self, upload_id: str) -> Json:
        item = self._item(upload_id)
        if item["status"] != "pending":
            raise InvalidRequest(f"Upload {upload_id} is {item['status']}.", param="upload_id")
        return item

    def _parts(self, upload_id: str) -> list[tuple[str, int]]:
        """The ids and sizes of the parts, in the order of their arrival."""
        items = self._db.query_all(
            TableName=self._table,
            KeyConditionExpression="assistant_type = :upload AND begins_with(assistant_id, :prefix)",
            ExpressionAttributeValues=values(upload=upload_id, prefix="part_"),
            ConsistentRead=True,
        )
        return [(item["assistant_id"], item["bytes"]) for item in items]

    def _sizes(self, upload_id: str, part_ids: list[str]) -> list[int]:
        known = dict(self._parts(upload_id))
        for index, part_id in enumerate(part_ids):
            if part_id not in known:
                raise InvalidRequest(
                    f"Invalid part: the upload {upload_id} has no part '{part_id[:64]}'.", param=f"part_ids[{index}]"
                )
        if len(set(part_ids)) < len(part_ids):
            raise InvalidRequest("Invalid 'part_ids': a part is given twice.", param="part_ids")
        return [known[part_id] for part_id in part_ids]

    def _claim(self, item: Json, arrangement: str, pieces: int, now_ms: int) -> Json:
        """The upload with the file's id and the multipart upload that this arrangement of parts is put together in.

        Another arrangement gets another file id, so that bytes once put together are never written over by others.
        """
        if item.get("arrangement") == arrangement:
            return item
        upload_id, file_id = item["document"]["id"], ids.new_id(FILE_PREFIX, now_ms)
        claim = {"arrangement": arrangement, "file_id": file_id, "claimed_at": now_ms // 1000, "multipart": ""}
        if pieces > 1:
            file = _file({**item, **claim})
            claim["multipart"] = self._blobs.client.create_multipart_upload(
                Bucket=self._blobs.bucket,
                Key=Files.key(file_id),
                ChecksumAlgorithm="CRC32",
                **Files.tagging(file),
            )["UploadId"]
        seen = {"seen": item["arrangement"]} if "arrangement" in item else {}
        unchanged = "arrangement = :seen" if seen else "attribute_not_exists(arrangement)"
        try:
            return self._db.update(
                TableName=self._table,
                Key=marshal(_key(upload_id, upload_id)),
                UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in claim),
                ConditionExpression=f"{_PENDING} AND {unchanged}",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values(pending="pending", **claim, **seen),
            )
        except ConditionFailed:
            raise _busy(upload_id) from None

    def _assemble(self, item: Json, pieces: list[list[str]], md5: str | None, deadline: float) -> None:
        """Put the bytes together under the file's key, a few pieces in memory at a time."""
        at = {"Bucket": self._blobs.bucket, "Key": Files.key(item["file_id"])}
        if not item["multipart"]:
            data = self._read(pieces[0])
            _check(hashlib.md5(data, usedforsecurity=False).hexdigest(), md5)
            self._blobs.client.put_object(**at, Body=data, **Files.tagging(_file(item)))
            return
        at["UploadId"] = item["multipart"]
        try:
            self._assemble_pieces(at, pieces, md5, deadline, item["document"]["id"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            # Another delivery of this request completed it: what it put there is what we would have.

    def _assemble_pieces(
        self, at: Json, pieces: list[list[str]], md5: str | None, deadline: float, upload_id: str
    ) -> None:
        done = {part["PartNumber"]: part for part in self._uploaded(at)}
        digest = hashlib.md5(usedforsecurity=False)
        with ThreadPoolExecutor(_THREADS) as pool:
            wanted = [piece if md5 or number not in done else [] for number, piece in enumerate(pieces, 1)]
            uploading: deque[Future[Json]] = deque()
            for number, data in enumerate(_ahead(pool, self._read, wanted), 1):
                digest.update(data)
                if number not in done:
                    uploading.append(pool.submit(self._upload_piece, at, number, data))
                if len(uploading) >= _THREADS:
                    uploading.popleft().result()
                if time.monotonic() > deadline:
                    raise _busy(upload_id)
            for future in uploading:
                future.result()
        _check(digest.hexdigest(), md5)
        parts = [
            {name: part[name] for name in ("PartNumber", "ETag", "ChecksumCRC32") if name in part}
            for part in self._uploaded(at)
        ]
        self._blobs.client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})

    def _uploaded(self, at: Json) -> list[Json]:
        pages = self._blobs.client.get_paginator("list_parts").paginate(**at)
        return [part for page in pages for part in page.get("Parts", [])]

    def _upload_piece(self, at: Json, number: int, data: bytes) -> Json:
        response: Json = self._blobs.client.upload_part(**at, PartNumber=number, Body=data, ChecksumAlgorithm="CRC32")
        return response

    def _read(self, keys: list[str]) -> bytes:
        client = self._blobs.client
        return b"".join(client.get_object(Bucket=self._blobs.bucket, Key=key)["Body"].read() for key in keys)

    def _commit(self, item: Json, part_ids: list[str]) -> Json:
        """One transaction: the file exists and the upload is completed. Then the parts are no longer needed."""
        file, upload_id = _file(item), item["document"]["id"]
        complete = {
            "TableName": self._table,
            "Key": marshal(_key(upload_id, upload_id)),
            "UpdateExpression": "SET #status = :completed",
            "ConditionExpression": f"{_PENDING} AND arrangement = :arrangement",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(
                completed="completed", pending="pending", arrangement=item["arrangement"]
            ),
        }
        try:
            self._db.transact([self._files.put(file, item["media_type"]), {"Update": complete}])
        except ConditionFailed:
            now = self._item(upload_id)
            if now["status"] == "completed" and now["arrangement"] == item["arrangement"]:
                return _upload(now)
            self._files.delete_bytes(item["file_id"])
            self._pending(upload_id)
            raise _busy(upload_id) from None
        self._forget({**item, "multipart": ""}, part_ids)
        return _upload({**item, "status": "completed"})

    def _forget(self, item: Json, part_ids: list[str]) -> None:
        """Remove what the bucket holds of the upload. What is missed here, the bucket's lifecycle rules remove."""
        client, upload_id = self._blobs.client, item["document"]["id"]
        if item.get("multipart"):
            try:
                client.abort_multipart_upload(
                    Bucket=self._blobs.bucket, Key=Files.key(item["file_id"]), UploadId=item["multipart"]
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchUpload":
                    raise
        for start in range(0, len(part_ids), 1000):
            keys = [{"Key": _part_key(upload_id, part_id)} for part_id in part_ids[start : start + 1000]]
            client.delete_objects(Bucket=self._blobs.bucket, Delete={"Objects": keys, "Quiet": True})


def _key(upload_id: str, own_id: str) -> Json:
    return {"assistant_type": upload_id, "assistant_id": own_id}


def _part(upload_id: str, part_id: str) -> Json:
    created_at = ids.milliseconds_of(part_id) // 1000
    return {"id": part_id, "object": "upload.part", "created_at": created_at, "upload_id": upload_id}


def _part_key(upload_id: str, part_id: str) -> str:
    return f"uploads/{upload_id}/{part_id}"


def _file(item: Json) -> Json:
    """The file that the upload becomes."""
    upload, created_at = item["document"], item["claimed_at"]
    file = {
        "id": item["file_id"],
        "object": "file",
        "bytes": upload["bytes"],
        "created_at": created_at,
        "filename": upload["filename"],
        "purpose": upload["purpose"],
        "status": "processed",
    }
    if item.get("lifetime"):
        file["expires_at"] = created_at + item["lifetime"]
    return file


def _upload(item: Json) -> Json:
    upload = {**item["document"], "status": item["status"], "file": None}
    if item["status"] == "completed":
        upload["file"] = _file(item)
    return upload


def _pieces(keys: list[str], sizes: list[int]) -> Iterator[list[str]]:
    """The parts in their order, put into groups of at least `PIECE_BYTES`; the last may be smaller."""
    piece: list[str] = []
    size = 0
    for key, length in zip(keys, sizes, strict=True):
        piece.append(key)
        size += length
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _ahead(pool: ThreadPoolExecutor, work: Callable[[Any], bytes], items: Iterable[Any]) -> Iterator[bytes]:
    """`map` in order, begun at most two items ahead: all of them at once would not fit into memory."""
    begun: deque[Future[bytes]] = deque()
    for item in items:
        begun.append(pool.submit(work, item))
        if len(begun) > 2:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _check(digest: str, md5: str | None) -> None:
    if md5 and digest != md5.lower():
        raise InvalidRequest(f"The MD5 of the parts put together is {digest}, not the one given.", param="md5")


def _busy(upload_id: str) -> Unavailable:
    return Unavailable(f"Upload {upload_id} is still being put together. Please try again.", code="upload_in_progress")
