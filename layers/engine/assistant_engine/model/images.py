"""Images on their way to the model: their bytes in place of file ids and addresses.

The model's server may stand inside a network that a caller must not reach, so it is never asked to fetch anything: what
an address points at is fetched here, where that is checked, and sent along as a `data:` URL.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.image_types import data_of, image_type
from assistant_engine.domain.json_data import Json
from assistant_engine.model import request
from assistant_engine.model.body import Image
from assistant_engine.store.files import MAX_IMAGE_BYTES, Files
from assistant_engine.web.fetch import fetch

MAX_BYTES = 64 * 1024**2
"""All images of one model call, as base64. Their bytes are in memory, three quarters of that."""

FETCH_SECONDS = 20
"""Time for all images of one model call; the step has 30 s beside the time for the model."""

_AT_ONCE = 8


def put_bytes(items: list[Json], files: Files) -> None:
    """Put an `Image` in place of each file id and address in the input items of a model call.

    Args:
        items: `input` of `POST /responses`; changed in place.

    Raises:
        NotFound: an image file was deleted.
        InvalidRequest: one is no image, too large or can't be fetched, or all together are too large.
    """
    parts = request.images_of(items)
    size = 0
    for part in parts:
        if "file_id" in part:
            part["image_url"] = Image(*files.image(part.pop("file_id")))
        elif part["image_url"].startswith("data:"):
            part["image_url"] = _given(part["image_url"])
        else:
            continue
        size = _checked(size, part["image_url"])
    deadline = time.monotonic() + FETCH_SECONDS
    addresses = list(dict.fromkeys(part["image_url"] for part in parts if isinstance(part["image_url"], str)))
    fetched: dict[str, Image] = {}
    room = _Room((MAX_BYTES - size) * 3 // 4)  # Base64 makes four bytes of three.
    for start in range(0, len(addresses), _AT_ONCE):
        some = addresses[start : start + _AT_ONCE]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            images = pool.map(lambda url: _fetched(url, deadline, room), some)
            for address, image in zip(some, images, strict=True):
                size = _checked(size, image)
                fetched[address] = image
    for part in parts:
        if isinstance(part["image_url"], str):
            part["image_url"] = fetched[part["image_url"]]


class _Room:
    """The bytes that all images together may still have, so that no more of them are held at any moment."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Take some of it.

        Raises:
            InvalidRequest: it is used up.
        """
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise _too_large()


def _fetched(url: str, deadline: float, room: _Room) -> Image:
    timeout = max(0.1, deadline - time.monotonic())
    _, data = fetch(url, most_bytes=MAX_IMAGE_BYTES, timeout=timeout, taken=room.take)
    kind = image_type(data)
    if kind is None:
        raise InvalidRequest("What an image_url points at is not an image. Supported are PNG, JPEG, GIF and WebP.")
    return Image(kind, data)


def _given(url: str) -> Image:
    found = data_of(url)
    if found is None:
        raise InvalidRequest("A data: URL in a message is not one of an image.")
    return Image(*found)


def _checked(size: int, image: Image) -> int:
    size += image.size
    if size > MAX_BYTES:
        raise _too_large()
    return size


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"The images that the model would be shown have more than {MAX_BYTES:,} bytes together, as base64. A "
        "truncation_strategy with last_messages shows it fewer."
    )
