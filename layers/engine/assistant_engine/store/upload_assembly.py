"""Puts the parts of an upload together as the bytes of a file, in the bucket.

The bytes of a part are under `uploads/<upload id>/<part id>` until the upload is completed or cancelled, else for as
long as the bucket's lifecycle rule keeps them.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from assistant_engine.domain.errors import InvalidRequest, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.files import Files

PIECE_BYTES = 8 * 1024**2
"""Parts are put together in pieces of this size or a part more. S3 takes no piece below 5 MB except the last."""

_THREADS = 4


def part_key(upload_id: str, part_id: str) -> str:
    """Return where the bucket has the bytes of a part."""
    return f"uploads/{upload_id}/{part_id}"


def pieces(keys: list[str], sizes: list[int]) -> Iterator[list[str]]:
    """Yield the parts in their order, put into groups of at least `PIECE_BYTES`; the last may be smaller."""
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


def busy(upload_id: str) -> Unavailable:
    """Return what is raised when the work is not done yet, or another request does it."""
    return Unavailable(f"Upload {upload_id} is still being put together. Please try again.", code="upload_in_progress")


class Assembly:
    """The bytes of uploads in the bucket."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def begin(self, file: Json) -> str:
        """Begin a multipart upload under the file's key; its id."""
        made: str = self._blobs.client.create_multipart_upload(
            **self._at(file["id"]), ChecksumAlgorithm="CRC32", **Files.tagging(file)
        )["UploadId"]
        return made

    def assemble(
        self, upload_id: str, file: Json, multipart: str, groups: list[list[str]], md5: str | None, deadline: float
    ) -> None:
        """Put the bytes together under the file's key, a few pieces in memory at a time.

        Args:
            file: `OpenAIFile`.
            multipart: the id of the multipart upload; empty for a file of one piece.
            groups: the keys of the parts, by piece.
            md5: of the whole file, in hex, to be checked; or None.
            deadline: on the monotonic clock, in seconds.

        Raises:
            InvalidRequest: `md5` is another.
            Unavailable: the deadline has passed; what was done stays done.
        """
        at = self._at(file["id"])
        if not multipart:
            data = self._read(groups[0])
            _check(hashlib.md5(data, usedforsecurity=False).hexdigest(), md5)
            self._blobs.client.put_object(**at, Body=data, **Files.tagging(file))
            return
        try:
            self._assemble_pieces({**at, "UploadId": multipart}, groups, md5, deadline, upload_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            # Another delivery of this request completed it: what it put there is what we would have.

    def _at(self, file_id: str) -> Json:
        return {"Bucket": self._blobs.bucket, "Key": Files.key(file_id)}

    def _assemble_pieces(
        self, at: Json, groups: list[list[str]], md5: str | None, deadline: float, upload_id: str
    ) -> None:
        done = {part["PartNumber"]: part for part in self._uploaded(at)}
        digest = hashlib.md5(usedforsecurity=False)
        with ThreadPoolExecutor(_THREADS) as pool:
            wanted = [piece if md5 or number not in done else [] for number, piece in enumerate(groups, 1)]
            uploading: deque[Future[None]] = deque()
            for number, data in enumerate(_ahead(pool, self._read, wanted), 1):
                digest.update(data)
                if number not in done:
                    uploading.append(pool.submit(self._upload_piece, at, number, data))
                if len(uploading) >= _THREADS:
                    uploading.popleft().result()
                if time.monotonic() > deadline:
                    raise busy(upload_id)
            for future in uploading:
                future.result()
        _check(digest.hexdigest(), md5)
        parts: Any = [
            {name: part[name] for name in ("PartNumber", "ETag", "ChecksumCRC32") if name in part}
            for part in self._uploaded(at)
        ]
        self._blobs.client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})

    def _uploaded(self, at: Json) -> list[Json]:
        pages = self._blobs.client.get_paginator("list_parts").paginate(**at)
        return [part for page in pages for part in page.get("Parts", [])]

    def _upload_piece(self, at: Json, number: int, data: bytes) -> None:
        self._blobs.client.upload_part(**at, PartNumber=number, Body=data, ChecksumAlgorithm="CRC32")

    def _read(self, keys: list[str]) -> bytes:
        client = self._blobs.client
        return b"".join(client.get_object(Bucket=self._blobs.bucket, Key=key)["Body"].read() for key in keys)

    def forget(self, upload_id: str, file_id: str | None, multipart: str, part_ids: list[str]) -> None:
        """Remove what the bucket holds of an upload. What is missed here, the bucket's lifecycle rules remove."""
        client = self._blobs.client
        if file_id and multipart:
            try:
                client.abort_multipart_upload(**self._at(file_id), UploadId=multipart)
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchUpload":
                    raise
        for start in range(0, len(part_ids), 1000):
            keys = [part_key(upload_id, part_id) for part_id in part_ids[start : start + 1000]]
            client.delete_objects(
                Bucket=self._blobs.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )


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
