"""Mails as the internet carries them (.eml, .mht)."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from parsers import markup, plain
from parsers.reading import ATTACHMENT, Warn

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MAX_DEPTH = 10


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield headers and text of a mail, and of the mails that it encloses."""
    yield from _message(message_from_bytes(path.read_bytes(), policy=policy.default), warn, 0)


def _message(message: Any, warn: Warn, depth: int) -> Iterator[str]:
    for name in _HEADERS:
        if value := _header(message, name):
            yield f"{name}: {value}"
    yield ""
    body = message.get_body(("plain", "html"))
    if body is not None:
        yield _text(body, warn)
    for part in _others(message, body):
        if part.get_content_type() == "message/rfc822" and depth < _MAX_DEPTH:
            for enclosed in part.get_payload():
                yield from _message(enclosed, warn, depth + 1)
        elif part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            yield _text(part, warn)
        elif part.get_content_disposition() == "attachment" or part.get_filename():
            warn(ATTACHMENT.format((part.get_filename() or "without a name")[:100]))


def _others(message: Any, body: Any) -> Iterator[Any]:
    """Yield the parts that are neither the body nor another form of it."""
    if not message.is_multipart() or message.get_content_type() == "message/rfc822":
        return
    for part in message.iter_parts():
        if part is body or (body is not None and message.get_content_type() == "multipart/alternative"):
            if part is not body and part.is_multipart():
                yield from _others(part, body)
        elif part.is_multipart() and part.get_content_type() != "message/rfc822":
            yield from _others(part, body)
        else:
            yield part


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except Exception:  # The library raises many kinds for headers that break the rules.
        return ""


def _text(part: Any, warn: Warn) -> str:
    data = part.get_payload(decode=True) or b""
    charset = part.get_content_charset()
    if part.get_content_subtype() == "html":
        return markup.text_of(data, warn, charset)
    if charset:
        try:
            return bytes(data).decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    return plain.decoded(data, warn) if data else ""
