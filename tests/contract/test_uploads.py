"""`client.uploads` against the running stack: files too large for one request."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai.types import Upload

MEGABYTE = 1_000_000


def begin(client: openai.OpenAI, size: int, filename: str = "data.bin") -> Upload:
    return client.uploads.create(
        bytes=size, filename=filename, mime_type="application/octet-stream", purpose="assistants"
    )


def add(client: openai.OpenAI, upload: Upload, *parts: bytes) -> list[str]:
    return [client.uploads.parts.create(upload.id, data=part).id for part in parts]


@pytest.mark.parametrize("size", [5, 9 * MEGABYTE, 21 * MEGABYTE + 1])
def test_a_large_file_comes_in_parts(client: openai.OpenAI, size: int) -> None:
    data = os.urandom(size)
    upload = client.uploads.upload_file_chunked(
        file=data,
        filename="large.bin",
        bytes=size,
        mime_type="application/octet-stream",
        purpose="assistants",
        part_size=4 * MEGABYTE,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
    )
    assert (upload.object, upload.status, upload.bytes) == ("upload", "completed", size)
    assert upload.file is not None
    assert (upload.file.filename, upload.file.bytes) == ("large.bin", size)
    assert client.files.retrieve(upload.file.id) == upload.file
    assert client.files.content(upload.file.id).content == data


def test_an_upload_is_pending_for_an_hour(client: openai.OpenAI) -> None:
    upload = begin(client, 3)
    assert upload.id.startswith("upload_")
    assert (upload.status, upload.file, upload.purpose) == ("pending", None, "assistants")
    assert upload.expires_at == upload.created_at + 3600
    part = client.uploads.parts.create(upload.id, data=b"abc")
    assert (part.object, part.upload_id) == ("upload.part", upload.id)


def test_the_order_is_that_of_completion(client: openai.OpenAI) -> None:
    upload = begin(client, 6)
    first, second = add(client, upload, b"abc", b"def")
    completed = client.uploads.complete(upload.id, part_ids=[second, first])
    assert completed.file is not None
    assert client.files.content(completed.file.id).content == b"defabc"


def test_completing_twice_gives_the_same_file(client: openai.OpenAI) -> None:
    size = 9 * MEGABYTE
    upload = begin(client, size)
    parts = add(client, upload, *[os.urandom(3 * MEGABYTE) for _ in range(3)])
    # One of two at once may be told to try again, which the client does.
    patient = client.with_options(max_retries=5)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: patient.uploads.complete(upload.id, part_ids=parts), range(2)))
    assert both[0] == both[1] == client.uploads.complete(upload.id, part_ids=parts)
    with pytest.raises(openai.BadRequestError, match="is completed"):
        client.uploads.complete(upload.id, part_ids=parts[::-1])
    with pytest.raises(openai.BadRequestError, match="is completed"):
        client.uploads.cancel(upload.id)


def test_a_mistake_at_completion_can_be_put_right(client: openai.OpenAI) -> None:
    upload = begin(client, 6)
    first, second = add(client, upload, b"abc", b"def")
    for wrong, message in (
        ({"part_ids": [first]}, "hold 3 bytes, but the upload was announced with 6"),
        ({"part_ids": [first, "part_none"]}, "has no part 'part_none'"),
        ({"part_ids": [first, first]}, "given twice"),
        ({"part_ids": [first, second], "md5": "0" * 32}, "MD5"),
        ({"part_ids": []}, "part_ids"),
    ):
        with pytest.raises(openai.BadRequestError, match=message):
            client.uploads.complete(upload.id, **wrong)
    assert client.uploads.complete(upload.id, part_ids=[first, second]).status == "completed"


def test_a_cancelled_upload_takes_no_more(client: openai.OpenAI) -> None:
    upload = begin(client, 3)
    part = add(client, upload, b"abc")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="is cancelled"):
        client.uploads.parts.create(upload.id, data=b"abc")
    with pytest.raises(openai.BadRequestError, match="is cancelled"):
        client.uploads.complete(upload.id, part_ids=part)


def test_unknown_uploads_are_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.uploads.cancel("upload_none")
    with pytest.raises(openai.NotFoundError):
        client.uploads.parts.create("upload_none", data=b"abc")
    with pytest.raises(openai.NotFoundError):
        client.uploads.complete("file-none", part_ids=["part_1"])


def test_a_file_over_512_mb_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="<= 536870912"):
        begin(client, 512 * 1024**2 + 1)


def test_the_same_idempotency_key_means_the_same_part(client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": f"uploads-{time.time_ns()}"}
    upload = begin(client, 3)
    first = client.uploads.parts.create(upload.id, data=b"abc", extra_headers=headers)
    assert client.uploads.parts.create(upload.id, data=b"abc", extra_headers=headers) == first
    with pytest.raises(openai.ConflictError):
        client.uploads.parts.create(upload.id, data=b"abd", extra_headers=headers)
