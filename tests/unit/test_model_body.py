"""Checks how the body of a model call is written: images as base64, and in memory once."""

import base64
import json
import tracemalloc
from types import SimpleNamespace
from typing import Any, cast

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.model.body import Image, encoded
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.messages import Messages

MEGABYTE = 1_000_000


def body(*images: Image) -> Json:
    parts = [{"type": "input_image", "image_url": image, "detail": "auto"} for image in images]
    return {"model": "a-model", "input": [{"role": "user", "content": [{"type": "input_text", "text": "ä"}, *parts]}]}


def read(made: Json, *, whole: bool) -> bytes:
    with encoded(made, whole=whole) as content:
        return content if isinstance(content, bytes) else content.read()


def test_a_body_without_images_is_its_json() -> None:
    assert read(body(), whole=False) == json.dumps(body(), ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 3 * 2**18 - 1, 3 * 2**18, 3 * 2**18 + 1])
def test_an_image_is_written_as_its_data_url(size: int, whole: bool) -> None:
    image = Image("image/png", bytes(range(256)) * (size // 256) + bytes(size % 256))
    url = f"data:image/png;base64,{base64.b64encode(image.data).decode()}"
    sent = json.loads(read(body(image, image), whole=whole))
    assert [part["image_url"] for part in sent["input"][0]["content"][1:]] == [url, url]
    assert image.size == len(url)


@pytest.mark.parametrize(("whole", "most"), [(False, 4 * MEGABYTE), (True, 36 * MEGABYTE)])
def test_images_are_not_in_memory_again_as_base64(whole: bool, most: int) -> None:
    """Four of 6 MB: the function that waits for the model has memory for their bytes, and for a body that is signed."""
    images = [Image("image/png", bytes([number]) * 6 * MEGABYTE) for number in range(4)]
    tracemalloc.start()
    try:
        with encoded(body(*images), whole=whole):
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most


def test_what_is_neither_json_nor_an_image_is_refused() -> None:
    with pytest.raises(TypeError):
        read({"input": object()}, whole=False)


def test_messages_are_read_until_their_images_are_too_many() -> None:
    """Of a thread full of images, no more are in memory than a model call may have."""
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 1_000}", "detail": "auto"}}
    items = [{"document": json.dumps({"id": f"msg_{number}", "content": [shown]})} for number in range(20)]
    database = SimpleNamespace(query=lambda request: (items, None))
    connection: Any = SimpleNamespace(database=database, blobs=Blobs("a-bucket"), messages_table="messages")
    messages = Messages(connection, cast(Any, None))
    found, more = messages.newest(ThreadId("thread_1"), 100, 10_000, 2_500, "")
    assert ([each["id"] for each in found], more) == (["msg_2", "msg_1", "msg_0"], True)
