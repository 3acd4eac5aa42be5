"""Mails as Outlook saves them (.msg): properties in the streams of a compound file, after [MS-OXMSG].

The library python-oxmsg gives up where texts are not in Unicode, and extract-msg is under the GPL.
"""

import codecs
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from parsers import markup, plain
from parsers.reading import ATTACHMENT, Warn

_MAX_DEPTH = 10
_SUBJECT, _SENDER, _TO, _CC, _BODY, _HTML = 0x0037, 0x0C1A, 0x0E04, 0x0E03, 0x1000, 0x1013
_COMPRESSED_RTF = 0x1009
_FILE_NAMES = (0x3707, 0x3704, 0x3001)
_ADDRESSES = (0x5D01, 0x0C1F)
_UNICODE, _BYTES, _OBJECT = "001F", "0102", "000D"
_STRING = "001E"
_TIMES = (0x00390040, 0x0E060040)
"""When it was sent, or when it came."""

_CODE_PAGE, _HTML_CODE_PAGE = 0x3FFD0003, 0x3FDE0003


def read(container: Any, warn: Warn, folder: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield headers and text of a mail, and of the mails that it encloses.

    Args:
        container: an open `olefile.OleFileIO`.
        folder: the storage of the mail.
    """
    mail = _Mail(container, folder, warn)
    address = next((text for id in _ADDRESSES if "@" in (text := mail.text(id))), "")
    yield f"Subject: {mail.text(_SUBJECT)}"
    yield f"From: {mail.text(_SENDER)}" + (f" <{address}>" if address else "")
    for name, id in (("To", _TO), ("Cc", _CC)):
        if text := mail.text(id):
            yield f"{name}: {text}"
    if sent := mail.time():
        yield f"Date: {sent:%Y-%m-%d %H:%M} UTC"
    yield ""
    body = mail.text(_BODY) or mail.html()
    if not body and mail.has(_COMPRESSED_RTF):
        warn("The text of the mail was not read: it is there as compressed RTF only.")
    yield body
    for attachment in mail.attachments():
        inner = (*attachment, f"__substg1.0_3701{_OBJECT}")
        if container.exists([*inner, "__properties_version1.0"]) and len(inner) < 2 * _MAX_DEPTH:
            yield from read(container, warn, inner)
        else:
            named = _Mail(container, attachment, warn)
            name = next((text for id in _FILE_NAMES if (text := named.text(id))), "without a name")
            warn(ATTACHMENT.format(name[:100]))


class _Mail:
    def __init__(self, container: Any, folder: tuple[str, ...], warn: Warn) -> None:
        self._container = container
        self._folder = folder
        self._warn = warn
        # The header of the properties is longer in the outermost mail, and shortest in an attachment.
        header = 32 if not folder else 24 if folder[-1].endswith(_OBJECT) else 8
        data = self._bytes("__properties_version1.0")[header:]
        self._fixed = dict(struct.iter_unpack("<I4x8s", data[: len(data) // 16 * 16]))

    def text(self, id: int) -> str:
        """Return a text property; empty if there is none."""
        if data := self._bytes(f"__substg1.0_{id:04X}{_UNICODE}"):
            return data.decode("utf-16-le", errors="replace").rstrip("\0")
        return self._decoded(self._bytes(f"__substg1.0_{id:04X}{_STRING}").rstrip(b"\0"))

    def html(self) -> str:
        """Return the text of the body as a web page; empty if there is none."""
        if data := self._bytes(f"__substg1.0_{_HTML:04X}{_BYTES}"):
            return markup.text_of(data, self._warn, self._charset(_HTML_CODE_PAGE))
        text = self.text(_HTML)
        return markup.text_of(text, self._warn) if text else ""

    def has(self, id: int) -> bool:
        """Return whether there is a binary property."""
        return bool(self._bytes(f"__substg1.0_{id:04X}{_BYTES}"))

    def time(self) -> datetime | None:
        """Return when the mail was sent or came, in UTC."""
        value = next((self._fixed[tag] for tag in _TIMES if tag in self._fixed), bytes(8))
        ticks = int.from_bytes(value, "little")  # Of 100 ns, since 1601.
        # Up to the year 2100.
        return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10) if 0 < ticks < 1.6e17 else None

    def attachments(self) -> list[tuple[str, ...]]:
        """Return the storages of the attachments."""
        depth = len(self._folder) + 1
        entries = self._container.listdir(streams=False, storages=True)
        return [
            tuple(entry)
            for entry in entries
            if len(entry) == depth
            and tuple(entry[:-1]) == self._folder
            and entry[-1].startswith("__attach_version1.0_")
        ]

    def _bytes(self, name: str) -> bytes:
        path = [*self._folder, name]
        return self._container.openstream(path).read() if self._container.exists(path) else b""

    def _charset(self, tag: int) -> str | None:
        number = int.from_bytes(self._fixed.get(tag, b"")[:4], "little")
        name = f"iso-8859-{number - 28590}" if 28590 < number < 28606 else f"cp{number}"
        try:
            return codecs.lookup(name).name
        except LookupError:
            return None

    def _decoded(self, data: bytes) -> str:
        if charset := self._charset(_CODE_PAGE):
            try:
                return data.decode(charset)
            except UnicodeDecodeError:
                pass
        return plain.decoded(data, self._warn) if data else ""
