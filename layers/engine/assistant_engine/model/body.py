"""Writes the body of a model call. Images are turned into base64 piece by piece: they may be many times as large as all
else in the function's memory.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

from assistant_engine.domain.json_data import Json

_PIECE_BYTES = 3 * 2**18
"""Bytes of an image that are turned into base64 at once: a multiple of three, so that the pieces join."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the body of a model call, in place of its `data:` URL."""

    media_type: str
    data: bytes

    @property
    def size(self) -> int:
        """Return the bytes of its `data:` URL."""
        return len(self._start) + (len(self.data) + 2) // 3 * 4

    def pieces(self) -> Iterator[bytes]:
        """Return its `data:` URL, piece by piece."""
        yield self._start
        data = memoryview(self.data)
        for start in range(0, len(data), _PIECE_BYTES):
            yield base64.b64encode(data[start : start + _PIECE_BYTES])

    @property
    def _start(self) -> bytes:
        return f"data:{self.media_type};base64,".encode()


@contextmanager
def encoded(body: Json, *, whole: bool) -> Iterator[bytes | IO[bytes]]:
    """Give the body as JSON: its bytes or, if there are images in it, a file of them.

    Args:
        body: of `POST /responses`, with an `Image` where the URL of one belongs.
        whole: whether the bytes are needed in any case, to sign them.
    """
    images: list[Image] = []
    mark = uuid4().hex  # Nothing that was said holds it.

    def marked(value: Any) -> str:
        if not isinstance(value, Image):
            raise TypeError(type(value).__name__)
        images.append(value)
        return mark

    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=marked).encode()
    if not images:
        yield text
        return
    with TemporaryFile() as file:
        for said, image in zip_longest(text.split(mark.encode()), images):
            file.write(said)
            file.writelines(image.pieces() if image else ())
        file.seek(0)
        yield file.read() if whole else file
