"""Mails (.eml, .mht) and Outlook's own files of them (.msg)."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from parsers import markup, plain
from parsers.reading import Unreadable, Warn

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MAX_DEPTH = 10
_SENT_TO = {1: "To", 2: "Cc"}


def read(path: Path, warn: Warn) -> Iterator[str]:
    """Yield headers and text of a mail as the internet carries it, and of mails that it encloses."""
    yield from _message(message_from_bytes(path.read_bytes(), policy=policy.default), warn, 0)


def _message(message: Any, warn: Warn, depth: int) -> Iterator[str]:
    for name in _HEADERS:
        if value := _header(message, name):
            yield f"{name}: {value}"
    yield ""
    body = message.get_body(("html", "related", "plain") if depth < 0 else ("plain", "html"))
    if body is not None:
        yield _text(body, warn)
    for part in _others(message, body):
        if part.get_content_type() == "message/rfc822" and depth < _MAX_DEPTH:
            for enclosed in part.get_payload():
                yield from _message(enclosed, warn, depth + 1)
        elif part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            yield _text(part, warn)
        elif part.get_content_disposition() == "attachment" or part.get_filename():
            _report(part.get_filename(), warn)


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


def _report(name: str | None, warn: Warn) -> None:
    warn(f"The attachment {(name or 'without a name')[:100]} was not read; attach it by itself.")


def read_outlook(path: Path, warn: Warn) -> Iterator[str]:
    """Yield headers and text of a mail as Outlook saves it.

    Raises:
        Unreadable: it is broken.
    """
    from oxmsg import Message

    message = Message.load(str(path))
    yield f"Subject: {message.subject or ''}"
    yield f"From: {message.sender or ''}"
    if to := message.message_headers.get("To"):
        yield f"To: {to}"
    elif message.recipients:
        yield "To: " + ", ".join(f"{each.name} <{each.email_address}>" for each in message.recipients)
    if message.sent_date:
        yield f"Date: {message.sent_date:%Y-%m-%d %H:%M %Z}"
    yield ""
    if message.body:
        yield message.body
    elif message.html_body:
        yield markup.text_of(message.html_body, warn)
    else:
        raise Unreadable("invalid_file", "The mail holds no text that can be read.")
    for attachment in message.attachments:
        _report(attachment.file_name, warn)
