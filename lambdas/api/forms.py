"""Reads bodies of type multipart/form-data."""

from dataclasses import dataclass

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header

from answers import MAX_BODY_BYTES
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
    fields: list[tuple[str, str]] = []
    files: dict[str, FormFile] = {}

    def on_field(field: Field) -> None:
        fields.append((_text(field.field_name or b""), _text(field.value or b"")))

    def on_file(file: File) -> None:
        name = _text(file.field_name or b"")
        if name in files:
            raise InvalidRequest(f"Invalid '{name}': it is given twice.", param=name, code="invalid_value")
        file.file_object.seek(0)
        data = file.file_object.read()
        files[name] = FormFile(_text(file.file_name or b""), file.content_type, data)

    # Files stay in memory: the whole body is there already.
    config = {"MAX_MEMORY_FILE_SIZE": MAX_BODY_BYTES, "UPLOAD_ERROR_ON_BAD_CTE": True}
    ends: list[bool] = []
    try:
        parser = FormParser(
            "multipart/form-data",
            on_field,
            on_file,
            on_end=lambda: ends.append(True),
            boundary=options[b"boundary"],
            config=config,
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError) as error:
        # Cut: it may repeat what it could not read.
        reason = str(error)[:200]
        raise InvalidRequest(f"We could not parse the form in the body of your request: {reason}") from None
    if not ends or len(fields) + len(files) > _FIELDS:
        raise InvalidRequest(
            "We could not parse the form in the body of your request: it is cut short or has too many fields."
        )
    return Form(fields, files)


def _text(data: bytes) -> str:
    return data.decode()
