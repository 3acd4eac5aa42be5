"""Uploads: files that come in parts. The upload and each of its parts are items under the upload's id."""

import hashlib
import time
from collections.abc import Callable

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import Update, put, query
from assistant_engine.store.files import PREFIX as FILE_PREFIX
from assistant_engine.store.files import Files
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.items import project_of
from assistant_engine.store.upload_assembly import Assembly, busy, part_key, pieces

LIFETIME_SECONDS = 3600
"""How long parts can be added to an upload, and the upload be completed."""

KEPT_SECONDS = 24 * 3600
"""How long an upload is remembered after that."""


class Uploads:
    """Uploads in the API's shape (`Upload`, `UploadPart`), of the project that their files will belong to."""

    def __init__(
        self,
        connection: Connection,
        files: Files,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.assistants_table
        self._idempotency_table = connection.messages_table
        self._files = files
        self._assembly = Assembly(connection.blobs)
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
        return put(self._table, item, Attr("assistant_id").not_exists())

    def _write(self, actions: list[Json], answer: Json, now: Seconds, idempotency: Idempotency | None) -> None:
        if not idempotency:
            self._db.transact(actions)
            return
        idempotency.check(self._db, self._idempotency_table)
        try:
            self._db.transact([*actions, idempotency.action(self._idempotency_table, answer, now)])
        except ConditionFailed:
            idempotency.check(self._db, self._idempotency_table)
            raise

    def add_part(
        self, upload_id: str, data: bytes, now_ms: Milliseconds, idempotency: Idempotency | None = None
    ) -> Json:
        """Keep a part; the part as `UploadPart`.

        Raises:
            NotFound: no upload has this id.
            InvalidRequest: it is no longer pending.
            Replayed, Conflict: the idempotency key was used.
        """
        item = self._pending(upload_id)
        part_id = ids.new_id("part_", now_ms)
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=part_key(upload_id, part_id), Body=data)
        record = {**_key(upload_id, part_id), "bytes": len(data), "ttl": item["ttl"]}
        part = _part(upload_id, part_id)
        self._write([self._put(record)], part, seconds_of(now_ms), idempotency)
        return part

    def complete(
        self, upload_id: str, part_ids: list[str], md5: str | None, now_ms: Milliseconds, *, seconds: float = 22
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
        if _is_completed_so(item, arrangement):
            return _upload(item)
        _require_pending(item)
        try:
            sizes = self._sizes(upload_id, part_ids)
        except InvalidRequest:
            # Another request may have completed it just now: then its parts are gone.
            item = self._item(upload_id)
            if _is_completed_so(item, arrangement):
                return _upload(item)
            raise
        if sum(sizes) != item["document"]["bytes"]:
            raise InvalidRequest(
                f"The parts hold {sum(sizes)} bytes, but the upload was announced with {item['document']['bytes']}."
            )
        groups = list(pieces([part_key(upload_id, part_id) for part_id in part_ids], sizes))
        item = self._claim(item, arrangement, len(groups), now_ms)
        self._assembly.assemble(upload_id, _file(item), item["multipart"], groups, md5, deadline)
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
            item = self._db.update(self._update(upload_id).set(status="cancelled"))
        except ConditionFailed:
            return self.cancel(upload_id)
        part_ids = [part_id for part_id, _ in self._parts(upload_id)]
        self._assembly.forget(upload_id, item.get("file_id"), item.get("multipart", ""), part_ids)
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
        _require_pending(item)
        return item

    def _update(self, upload_id: str) -> Update:
        """Return an update of an upload that is still pending."""
        return Update(self._table, _key(upload_id, upload_id)).when(Attr("status").eq("pending"))

    def _parts(self, upload_id: str) -> list[tuple[str, int]]:
        """The ids and sizes of the parts, in the order of their arrival."""
        key = Key("assistant_type").eq(upload_id) & Key("assistant_id").begins_with("part_")
        items = self._db.query_all(query(self._table, key))
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

    def _claim(self, item: Json, arrangement: str, groups: int, now_ms: Milliseconds) -> Json:
        """The upload with the file's id and the multipart upload that this arrangement of parts is put together in.

        Another arrangement gets another file id, so that bytes once put together are never written over by others.
        """
        if item.get("arrangement") == arrangement:
            return item
        upload_id, file_id = item["document"]["id"], ids.new_id(FILE_PREFIX, now_ms)
        claim = {"arrangement": arrangement, "file_id": file_id, "claimed_at": seconds_of(now_ms), "multipart": ""}
        if groups > 1:
            claim["multipart"] = self._assembly.begin(_file({**item, **claim}))
        seen = (
            Attr("arrangement").eq(item["arrangement"]) if "arrangement" in item else Attr("arrangement").not_exists()
        )
        try:
            return self._db.update(self._update(upload_id).set(claim).when(seen))
        except ConditionFailed:
            raise busy(upload_id) from None

    def _commit(self, item: Json, part_ids: list[str]) -> Json:
        """One transaction: the file exists and the upload is completed. Then the parts are no longer needed."""
        file, upload_id = _file(item), item["document"]["id"]
        completed = self._update(upload_id).set(status="completed").when(Attr("arrangement").eq(item["arrangement"]))
        try:
            self._db.transact([self._files.put(file, item["media_type"]), completed.action()])
        except ConditionFailed:
            now = self._item(upload_id)
            if _is_completed_so(now, item["arrangement"]):
                return _upload(now)
            self._files.delete_bytes(item["file_id"])
            self._pending(upload_id)
            raise busy(upload_id) from None
        self._assembly.forget(upload_id, None, "", part_ids)
        return _upload({**item, "status": "completed"})


def _key(upload_id: str, own_id: str) -> Json:
    return {"assistant_type": upload_id, "assistant_id": own_id}


def _is_completed_so(item: Json, arrangement: str) -> bool:
    return bool(item["status"] == "completed" and item["arrangement"] == arrangement)


def _require_pending(item: Json) -> None:
    if item["status"] != "pending":
        raise InvalidRequest(f"Upload {item['document']['id']} is {item['status']}.", param="upload_id")


def _part(upload_id: str, part_id: str) -> Json:
    created_at = ids.milliseconds_of(part_id) // 1000
    return {"id": part_id, "object": "upload.part", "created_at": created_at, "upload_id": upload_id}


def _file(item: Json) -> Json:
    """The file that the upload becomes."""
    upload, created_at = item["document"], item["claimed_at"]
    file = new_file(item["file_id"], upload["filename"], upload["bytes"], upload["purpose"], created_at)
    if item.get("lifetime"):
        file["expires_at"] = created_at + item["lifetime"]
    return file


def _upload(item: Json) -> Json:
    upload = {**item["document"], "status": item["status"], "file": None}
    if item["status"] == "completed":
        upload["file"] = _file(item)
    return upload
