"""Recognises images by their bytes: names, headers and media types come from outside."""

import base64
import binascii
import re

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*);base64,(?P<data>.*)", re.DOTALL)


def image_type(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP image, None of anything else.

    By the bytes it starts with; the model's API refuses a wrong type.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def data_url_fault(url: str) -> str | None:
    """Say what is wrong with a `data:` URL of an image (RFC 2397); None if nothing is."""
    parts = _DATA_URL.fullmatch(url)
    named = parts["type"].replace("image/jpg", "image/jpeg") if parts else None
    if not parts or named not in IMAGE_TYPES:
        return f"a data: URL of an image is data:<type>;base64,<data>, with one of the types {', '.join(IMAGE_TYPES)}"
    try:
        kind = image_type(base64.b64decode(parts["data"], validate=True))
    except binascii.Error:
        return "what follows ;base64, is not base64"
    if kind is None:
        return "its bytes are not an image. Supported are PNG, JPEG, GIF and WebP"
    return None if kind == named else f"its bytes are of the type {kind}"


def data_of(url: str) -> tuple[str, bytes] | None:
    """Return the media type and the bytes of an image from its `data:` URL; None for any other URL."""
    parts = _DATA_URL.fullmatch(url)
    try:
        return (parts["type"], base64.b64decode(parts["data"])) if parts else None
    except binascii.Error:
        return None
