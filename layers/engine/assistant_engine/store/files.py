"""Files: an item under the file's id alone, and the bytes in the bucket under `files/<file id>`."""

import mimetypes
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import IO
from urllib.parse import quote

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.image_types import image_type
from assistant_engine.domain.json_data import Json
from assistant_engine.store import objects
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.expressions import put
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.pages import Page, Window, cut, items_of, placed

PREFIX = "file-"

MAX_IMAGE_BYTES = 20 * 1024**2
"""Largest image that a message may show the model."""

_CHUNK_BYTES = 262_144

LIFETIME_DAYS = (1, 7, 30, 90, 365)
"""A file that expires is tagged `lifetime=<days>` with the least of these that it fits in: the bucket's lifecycle rules
remove the bytes of what nobody asked for again after it expired."""


class Files:
    """Files of a project in the API's shape (`OpenAIFile`).

    A file that has expired is not found, from that second on; its item goes by the table's time to live.
    """

    def __init__(
        self,
        connection: Connection,
        project: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.assistants_table
        self._idempotency_table = connection.messages_table
        self.project = project
        self._listed_under = f"{project}#file"
        self._clock = clock

    @staticmethod
    def key(file_id: str) -> str:
        """Return where the bytes of a file are in the bucket."""
        return f"files/{file_id}"

    @staticmethod
    def tags(file: Json) -> str:
        """The tags of the file's object, as S3 takes them."""
        if "expires_at" not in file:
            return ""
        days = (file["expires_at"] - file["created_at"]) / 86_400
        return f"lifetime={next(most for most in LIFETIME_DAYS if days <= most)}"

    @staticmethod
    def tagging(file: Json) -> Json:
        """Return the argument that tags the file's object as it is written: none, and no empty header, without tags."""
        tags = Files.tags(file)
        return {"Tagging": tags} if tags else {}

    def create(
        self, file: Json, media_type: str, data: bytes | IO[bytes], idempotency: Idempotency | None = None
    ) -> None:
        """Keep a file: first its bytes, then the item.

        Raises:
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._idempotency_table)
        self._blobs.client.put_object(
            Bucket=self._blobs.bucket, Key=self.key(file["id"]), Body=data, **self.tagging(file)
        )
        actions = [self.put(file, media_type)]
        if idempotency:
            actions.append(idempotency.action(self._idempotency_table, file, file["created_at"]))
        try:
            self._db.transact(actions)
        except ConditionFailed:
            self.delete_bytes(file["id"])
            if idempotency:
                idempotency.check(self._db, self._idempotency_table)
            raise

    def register(self, file: Json, media_type: str) -> None:
        """Keep a file whose bytes are in the bucket already; nothing happens if it is kept."""
        with suppress(ConditionFailed):
            self._db.transact([self.put(file, media_type)])

    def put(self, file: Json, media_type: str, created: str = "", *, again: bool = False) -> Json:
        """The action that writes the file's item.

        Args:
            created: its place in lists (`ids.listed_as`), if that is not its id.
            again: whether it may be there already, and is written anew.
        """
        item = {
            **_own_key(file["id"]),
            "project": self._listed_under,
            "created": created or file["id"],
            "purpose": file["purpose"],
            "media_type": media_type,
            "ttl": file.get("expires_at"),
            **self._blobs.pack("document", file, f"text/files/{file['id']}.json"),
        }
        return put(self._table, item, None if again else Attr("assistant_id").not_exists())

    def get(self, file_id: str) -> Json:
        """The file.

        Raises:
            NotFound: no file has this id, or it has expired.
        """
        file: Json = self._blobs.unpack("document", self._item(file_id))
        return file

    def _item(self, file_id: str) -> Json:
        item = self._db.get(self._table, _own_key(file_id)) if ids.is_id(file_id) else None
        if item is None or not self._is_there(item):
            raise not_found(file_id)
        return item

    def _is_there(self, item: Json) -> bool:
        now = self._clock()
        return item.get("project") == self._listed_under and item.get("ttl", now + 1) > now

    def first_missing(self, file_ids: Iterable[str]) -> str | None:
        """The first of these ids that is no file's, None if each is: a read for each hundred of them."""
        remaining = iter(dict.fromkeys(file_ids))
        while some := list(islice(remaining, 100)):
            found = self._db.get_all(self._table, [_own_key(file_id) for file_id in some if ids.is_id(file_id)])
            there = {item["assistant_id"] for item in found if self._is_there(item)}
            if missing := [file_id for file_id in some if file_id not in there]:
                return missing[0]
        return None

    def names(self, file_ids: Iterable[str]) -> dict[str, str]:
        """Return the names of those of the files that exist, by id: a read for each hundred of them."""
        names: dict[str, str] = {}
        remaining = iter(dict.fromkeys(file_id for file_id in file_ids if ids.is_id(file_id)))
        while some := list(islice(remaining, 100)):
            items = self._db.get_all(self._table, [_own_key(file_id) for file_id in some])
            files = self._blobs.unpack_all("document", [item for item in items if self._is_there(item)])
            names |= {file["id"]: file["filename"] for file in files}
        return names

    def page(self, window: Window, purpose: str | None = None) -> Page:
        """A page of files by time of creation. It comes from an index, so it may lag by a moment.

        Args:
            purpose: only files with this purpose.

        Raises:
            InvalidRequest: the cursor is not an id of a file.
        """
        now = self._clock()
        partition, window = ("project", self._listed_under), placed(window, self._place)
        items = (
            item
            for item in items_of(self._db, window, PREFIX, partition, "created", self._table, "by_project")
            if item.get("ttl", now + 1) > now and purpose in (None, item["purpose"])
        )
        found, has_more = cut(items, window)
        return Page((self._blobs.unpack("document", item) for item in found), has_more, window.from_end)

    def _place(self, file_id: str) -> str | None:
        item = self._db.get(self._table, _own_key(file_id))
        return item["created"] if item and item.get("project") == self._listed_under else None

    def delete(self, file_id: str) -> None:
        """Delete a file, its bytes first: a delete that was cut short can be done again.

        Raises:
            NotFound: no file has this id, or it had expired.
        """
        try:
            self._item(file_id)
        except NotFound:
            if self._is_file(file_id):
                self.bury(file_id)
            raise
        self.bury(file_id)

    def is_taken(self, file_id: str) -> bool:
        """Return whether a file of any project has this id, or had it until it expired."""
        return self._db.get(self._table, _own_key(file_id)) is not None

    def _is_file(self, file_id: str) -> bool:
        item = self._db.get(self._table, _own_key(file_id)) if ids.is_id(file_id) else None
        return item is not None and item.get("project") == self._listed_under

    def bury(self, file_id: str) -> None:
        """Remove a file of any project; nothing happens if there is none."""
        self.delete_bytes(file_id)
        self._db.delete_all(self._table, [_own_key(file_id)])

    def delete_bytes(self, file_id: str) -> None:
        """Delete what the bucket holds of a file; nothing happens if there is nothing."""
        self._blobs.client.delete_object(Bucket=self._blobs.bucket, Key=self.key(file_id))

    def read(self, file_id: str) -> bytes:
        """The bytes of a file, all in memory.

        Raises:
            NotFound: they are not there.
        """
        found = objects.find(self._blobs.client, self._blobs.bucket, self.key(file_id))
        if found is None:
            raise not_found(file_id)
        data: bytes = found["Body"].read()
        return data

    def head(self, file_id: str, count: int) -> bytes:
        """The first bytes of a file, at most `count`.

        Raises:
            NotFound: they are not there.
        """
        found = objects.find(self._blobs.client, self._blobs.bucket, self.key(file_id))
        if found is None:
            raise not_found(file_id)
        data: bytes = found["Body"].read(count)
        found["Body"].close()
        return data

    def chunks(self, file_id: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece.

        Raises:
            NotFound: they are not there.
        """
        found = objects.find(self._blobs.client, self._blobs.bucket, self.key(file_id))
        if found is None:
            raise not_found(file_id)
        chunks: Iterator[bytes] = found["Body"].iter_chunks(_CHUNK_BYTES)
        return chunks

    def image(self, file_id: str) -> tuple[str, bytes]:
        """The media type and the bytes of an image.

        Raises:
            NotFound: no file has this id.
            InvalidRequest: it is no PNG, JPEG, GIF or WebP image, or over 20 MB.
        """
        item = self._item(file_id)
        file: Json = self._blobs.unpack("document", item)
        if file["bytes"] > MAX_IMAGE_BYTES:
            raise InvalidRequest(f"The image {file_id} is too large: {file['bytes']} bytes, at most {MAX_IMAGE_BYTES}.")
        data = self.read(file_id)
        kind = image_type(data)
        if kind is None:
            raise InvalidRequest(f"The file {file_id} is not an image. Supported are PNG, JPEG, GIF and WebP.")
        return kind, data


def not_found(file_id: str) -> NotFound:
    """Return what is raised where a file is not found."""
    return NotFound(f"No such File object: {ids.shown(file_id)}", param="id")


def media_type_of(filename: str, given: str | None) -> str:
    """The media type of a file: what the client said, or else what its name says."""
    return given or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def disposition(filename: str) -> str:
    """The header `Content-Disposition` that has the file saved under its name (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _own_key(file_id: str) -> Json:
    return {"assistant_type": file_id, "assistant_id": file_id}
