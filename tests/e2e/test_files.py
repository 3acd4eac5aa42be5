"""Files and uploads at the hands of the clock, of a deadline and of another request at the same moment."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest, NotFound, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store, Window
from assistant_engine.store.files import Files
from assistant_engine.store.upload_assembly import Assembly
from assistant_engine.store.uploads import Uploads
from local.up import Local

NOW = 1_800_000_000
NOW_MS = Milliseconds(NOW * 1000)
MEGABYTE = 1_000_000
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Clock:
    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store(stack: Local) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings.items():
            patch.setenv(name, value)
        yield Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(store: Store, clock: Clock) -> Files:
    return Files(store.connection, store.project, clock)


@pytest.fixture
def uploads(store: Store, files: Files, clock: Clock) -> Uploads:
    return Uploads(store.connection, files, clock)


def new_file(data: bytes, **more: Any) -> Json:
    identity = {"id": ids.new_id("file-", NOW_MS), "object": "file", "status": "processed"}
    return {**identity, "bytes": len(data), "created_at": NOW, "filename": "a.png", "purpose": "vision", **more}


def begin(uploads: Uploads, *parts: bytes) -> tuple[str, list[str]]:
    """Begin an upload with these parts; its id and theirs."""
    upload_id = ids.new_id("upload_", NOW_MS)
    upload = {
        "id": upload_id,
        "object": "upload",
        "bytes": sum(map(len, parts)),
        "created_at": NOW,
        "expires_at": NOW + 3600,
        "filename": "a.bin",
        "purpose": "assistants",
        "status": "pending",
        "file": None,
    }
    uploads.create(upload, "application/octet-stream", None)
    return upload_id, [uploads.add_part(upload_id, part, NOW_MS)["id"] for part in parts]


def test_an_expired_file_is_not_found_from_that_second_on(files: Files, clock: Clock) -> None:
    file = new_file(PIXEL, expires_at=NOW + 3600)
    files.create(file, "image/png", PIXEL)
    clock.seconds = NOW + 3599
    assert files.get(file["id"]) == file
    assert file in list(files.page(Window(limit=100)).objects)
    clock.seconds = NOW + 3600
    for work in (files.get, files.image, files.delete):
        with pytest.raises(NotFound):
            work(file["id"])
    assert file not in list(files.page(Window(limit=100)).objects)


def test_deleting_an_expired_file_removes_its_bytes(files: Files, clock: Clock) -> None:
    file = new_file(PIXEL, expires_at=NOW + 3600)
    files.create(file, "image/png", PIXEL)
    clock.seconds = NOW + 3600
    with pytest.raises(NotFound):
        files.delete(file["id"])
    with pytest.raises(NotFound):
        files.read(file["id"])


@pytest.mark.parametrize(("lifetime", "tag"), [(3600, "1"), (86_400, "1"), (86_401, "7"), (2_592_000, "30")])
def test_the_bytes_of_a_file_outlive_it_and_not_for_ever(files: Files, lifetime: int, tag: str) -> None:
    assert files.tags(new_file(b"", expires_at=NOW + lifetime)) == f"lifetime={tag}"
    assert files.tags(new_file(b"")) == ""


def test_an_image_is_known_by_its_bytes(files: Files) -> None:
    file, text = new_file(PIXEL, filename="a.txt"), new_file(b"hello", filename="a.png")
    files.create(file, "text/plain", PIXEL)
    files.create(text, "image/png", b"hello")
    assert files.image(file["id"]) == ("image/png", PIXEL)
    with pytest.raises(InvalidRequest, match="is not an image"):
        files.image(text["id"])
    with pytest.raises(NotFound, match="No such File object: file-none"):
        files.image("file-none")


def test_the_first_missing_of_more_files_than_one_read_takes(files: Files, clock: Clock) -> None:
    made = [new_file(b"a") for _ in range(100)] + [new_file(b"a", expires_at=NOW + 3600)]
    for file in made:
        files.create(file, "text/plain", b"a")
    names = [file["id"] for file in made]
    assert files.first_missing([]) is None
    assert files.first_missing([*names, *names]) is None
    assert files.first_missing([*names, "no id", "file-none"]) == "no id"
    clock.seconds = NOW + 3600
    assert files.first_missing([*names, "file-none"]) == names[-1]


def test_an_upload_expires_after_an_hour(uploads: Uploads, clock: Clock) -> None:
    upload_id, part_ids = begin(uploads, b"abc")
    clock.seconds = NOW + 3600
    with pytest.raises(InvalidRequest, match="is expired"):
        uploads.add_part(upload_id, b"d", NOW_MS)
    with pytest.raises(InvalidRequest, match="is expired"):
        uploads.complete(upload_id, part_ids, None, NOW_MS)
    with pytest.raises(InvalidRequest, match="is expired"):
        uploads.cancel(upload_id)


def test_completing_goes_on_where_it_ran_out_of_time(uploads: Uploads, files: Files) -> None:
    parts = [os.urandom(3 * MEGABYTE) for _ in range(9)]
    upload_id, part_ids = begin(uploads, *parts)
    with pytest.raises(Unavailable, match="still being put together"):
        uploads.complete(upload_id, part_ids, None, NOW_MS, seconds=0)
    completed = uploads.complete(upload_id, part_ids, None, Milliseconds(NOW_MS + 5))
    assert completed["status"] == "completed"
    assert completed["file"]["created_at"] == NOW
    assert files.read(completed["file"]["id"]) == b"".join(parts)


def test_cancelling_while_the_parts_are_put_together_leaves_no_file(
    uploads: Uploads, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, part_ids = begin(uploads, b"abc", b"def")
    assemble = Assembly.assemble
    made: list[str] = []

    def cancelled_meanwhile(assembly: Assembly, upload: str, file: Json, *arguments: Any) -> None:
        assemble(assembly, upload, file, *arguments)
        made.append(file["id"])
        assert files.read(made[0]) == b"abcdef"
        uploads.cancel(upload_id)

    monkeypatch.setattr(Assembly, "assemble", cancelled_meanwhile)
    with pytest.raises(InvalidRequest, match="is cancelled"):
        uploads.complete(upload_id, part_ids, None, NOW_MS)
    for work in (files.get, files.read):
        with pytest.raises(NotFound):
            work(made[0])
