"""Reads bodies of type multipart/form-data."""

import binascii
import quopri
from dataclasses import dataclass, field
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from assistant_engine.domain.errors import InvalidRequest

_FIELDS = 100


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file in a form: its name and media type as the client gave them, and its bytes."""

    filename: str
    media_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form: the fields in their order, and the files by the name of their field."""

    fields: list[tuple[str, str]]
    files: dict[str, FormFile]

    def only_file(self, name: str) -> FormFile:
        """Get the file of a form that has just this one.

        Raises:
            InvalidRequest: it is missing, or the form has others.
        """
        for other in self.files:
            if other != name:
                raise InvalidRequest(f"Unknown parameter: '{other[:64]}'.", param=other[:64], code="unknown_parameter")
        if name not in self.files:
            raise InvalidRequest(
                f"Missing required parameter: '{name}', a file.", param=name, code="missing_required_parameter"
            )
        return self.files[name]


@dataclass(slots=True)
class _Part:
    """A part of a form: its headers by their names in lower case, and its data."""

    headers: dict[str, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)


def read_form(content_type: str | None, body: bytes) -> Form:
    """Read the form in a request's body.

    Raises:
        InvalidRequest: it is not a form.
    """
    try:
        kind, options = parse_options_header(content_type)
    except UnicodeEncodeError:
        kind, options = b"", {}
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequest("The body must be multipart/form-data with a boundary.", code="invalid_content_type")
    form = Form([], {})
    try:
        parts = _parts(body, options[b"boundary"])
        if parts is None or len(parts) > _FIELDS:
            raise InvalidRequest(
                "We could not parse the form in the body of your request: it is cut short or has too many fields."
            )
        for part in parts:
            _add(form, part)
    except ValueError as error:
        # Cut: it may repeat what it could not read.
        reason = str(error)[:200]
        raise InvalidRequest(f"We could not parse the form in the body of your request: {reason}") from None
    return form


def _parts(body: bytes, boundary: bytes) -> list[_Part] | None:
    """The parts of a body; None if it ends before their end.

    Raises:
        FormParserError: it is not a form.
    """
    parts: list[_Part] = []
    name, value = bytearray(), bytearray()
    ends: list[bool] = []

    def on_header_end() -> None:
        parts[-1].headers[name.decode("latin-1").lower()] = bytes(value.strip(b" \t"))
        name.clear()
        value.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": lambda: parts.append(_Part()),
            "on_header_field": lambda data, start, end: name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: value.extend(data[start:end]),
            "on_header_end": on_header_end,
            "on_part_data": lambda data, start, end: parts[-1].data.extend(data[start:end]),
            "on_end": lambda: ends.append(True),
        },
    )
    parser.write(body)
    parser.finalize()
    return parts if ends else None


def _add(form: Form, part: _Part) -> None:
    """Add a part to a form.

    Raises:
        InvalidRequest, ValueError: it is not one of a form.
    """
    disposition = bytes(part.headers.get("content-disposition", b""))
    _, options = parse_options_header(disposition)
    if b"name" not in options:
        raise FormParserError("a part has no name.")
    name, data = options[b"name"].decode(), _data(part)
    filename = _extended_filename(disposition)
    if filename is None and b"filename" in options:
        filename = options[b"filename"].decode()
    if filename is None:
        form.fields.append((name, data.decode()))
        return
    if name in form.files:
        raise InvalidRequest(f"Invalid '{name}': it is given twice.", param=name, code="invalid_value")
    media_type = part.headers.get("content-type")
    form.files[name] = FormFile(filename, media_type.decode("latin-1") if media_type is not None else None, data)


def _extended_filename(disposition: bytes) -> str | None:
    """The `filename*` of a header (RFC 5987, RFC 6266), which goes before `filename`; None where no one can read it.

    RFC 7578 has no place for it in forms, which is why the parser leaves it out, but older clients send it.
    """
    header = Message()
    header["Content-Disposition"] = disposition.decode("latin-1")
    for name, value in header.get_params([], "content-disposition"):
        if name.lower() == "filename" and isinstance(value, tuple):
            charset, _, text = value
            try:
                return str(text.encode("latin-1").decode(charset or "utf-8"))
            except (LookupError, UnicodeError):
                return None
    return None


def _data(part: _Part) -> bytes:
    """The data of a part, decoded where a header says that it is encoded.

    Raises:
        ValueError: nothing can decode it.
    """
    encoding = part.headers.get("content-transfer-encoding", b"binary").lower()
    if encoding in (b"binary", b"8bit", b"7bit"):
        return bytes(part.data)
    if encoding == b"base64":
        return binascii.a2b_base64(part.data)
    if encoding == b"quoted-printable":
        return quopri.decodestring(part.data)
    raise FormParserError("a part has an unknown Content-Transfer-Encoding.")
