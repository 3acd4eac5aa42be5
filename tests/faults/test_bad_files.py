"""File names with tricks, and forms that are none: kept letter by letter and downloaded safely, or refused."""

from email.message import Message
from urllib.parse import unquote

import httpx2
import pytest

from tests.support.bad_input import EMOJI, made, refused
from tests.support.driver import Driver


def form(filename: str | bytes, **fields: str) -> bytes:
    """A form as no client writes one."""
    name = filename if isinstance(filename, bytes) else filename.encode()
    parts = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (field.encode(), value.encode())
        for field, value in {"purpose": "assistants", **fields}.items()
    ]
    parts.append(b'Content-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s' % (name, b"content"))
    return b"".join(b"--xx\r\n" + part + b"\r\n" for part in parts) + b"--xx--\r\n"


XX = b"multipart/form-data; boundary=xx"


def upload(api: httpx2.Client, body: bytes, content_type: bytes = XX) -> httpx2.Response:
    return api.post("/files", content=body, headers=[(b"Content-Type", content_type)])


NAMES = (
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "~",
        " ",
        "CON",
        "a;b=c.txt",
        "a%0d%0aX-Injected: yes",
        "%2e%2e%2f",
    ),
    *("photo\u202egpj.exe", "\u05e9\u05dc\u05d5\u05dd.txt", f"{EMOJI}.png", "a\nX-Injected: yes", "a\x1b[31m\t.txt"),
    *("a" * 255, EMOJI * 255, "<script>.html", "'; --.txt", "a\u2028b.txt", "e\u0301.txt", "`id`$(id).txt"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_keeps_its_name_and_is_downloaded_safely(api: httpx2.Client, driver: Driver, name: str) -> None:
    file = made(upload(api, form(name)))
    assert made(api.get(f"/files/{file['id']}"))["filename"] == name == file["filename"]
    answer = api.get(f"/files/{file['id']}/content")
    assert answer.content == b"content"
    assert "x-injected" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    # A reader of the header finds the whole name, and one of old a name without quotes and control characters.
    header = Message()
    header["Content-Disposition"] = answer.headers["content-disposition"]
    assert header.get_content_disposition() == "attachment"
    plain, _, encoded = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert unquote(encoded) == name
    assert plain.isascii() and plain.isprintable() and plain.count('"') == 2
    # In the bucket it lies under its id: its name is no path there.
    assert driver.store.files.key(file["id"]) == f"files/{file['id']}"
    assert api.delete(f"/files/{file['id']}").status_code == 200


@pytest.mark.parametrize("name", [b"", b"a" * 256, (EMOJI * 256).encode(), b"a\0.txt", b"\xed\xa0\x80", b"\xe9.txt"])
def test_a_name_that_cannot_be_kept_is_refused(api: httpx2.Client, name: bytes) -> None:
    refused(upload(api, form(name)))


def test_quotes_and_folders_in_a_name_are_read_as_forms_have_them(api: httpx2.Client) -> None:
    """Browsers escape quotes; the oldest sent a whole path of Windows, whose name is kept. A line ends a header."""
    for given, kept in (
        (b'a\\"b.txt', 'a"b.txt'),
        (b"C:\\\\x\\\\a.txt", "a.txt"),
        (b"a\\\\b.txt", "a\\b.txt"),
        (b"a\r\nX-Injected: yes\r\n\r\nb", '"a'),
    ):
        assert made(upload(api, form(given)))["filename"] == kept


def test_a_name_in_another_encoding_is_read(api: httpx2.Client) -> None:
    """RFC 5987's form, of clients that were written before forms had UTF-8."""
    extended = b"filename*=UTF-8''%E2%82%AC%20rates.txt"
    for disposition in (extended, b'filename="EURO rates.txt"; ' + extended):
        body = form("").replace(b'filename=""', disposition)
        file = made(upload(api, body))
        assert file["filename"] == "€ rates.txt"
        assert api.get(f"/files/{file['id']}/content").content == b"content"


WHOLE = form("a.txt")
FORMS = [
    (b"", XX),
    (WHOLE[:-10], XX),
    (WHOLE.replace(b"\r\n", b"\n"), XX),
    (b"junk" + WHOLE, XX),
    (b"--xx\r\n\r\n--xx--\r\n", XX),
    (b"--xx\r\n" * 10_000, XX),
    (b"--xx\r\nX: " + b"a" * 200_000 + b"\r\n\r\n--xx--", XX),
    (WHOLE.replace(b"form-data;", b"form-data; filename=evil;"), XX),
    (
        WHOLE.replace(b"filename=", b"\r\nContent-Transfer-Encoding: " + b"x" * 3_000),
        b"multipart/form-data; boundary=xx",
    ),
    (form("a.txt", purpose="assistants\0"), XX),
    (form("a.txt", **{"expires_after[seconds]": "9" * 500}), XX),
    (form("a.txt", **{"[x]": "1", "expires_after[": "1"}), XX),
    (form("a.txt", **{str(n): "1" for n in range(1_000)}), XX),
    (WHOLE, b"multipart/form-data"),
    (WHOLE, b"multipart/form-data; boundary="),
    (WHOLE, b"multipart/form-data; boundary=" + b"x" * 5_000),
    (WHOLE, b"multipart/form-data; boundary=\xff\xfe"),
    (WHOLE, b"multipart/form-data; boundary=\xe2\x82\xac"),
    (WHOLE, b"multipart/mixed; boundary=xx"),
    (WHOLE, b"application/json"),
]


@pytest.mark.parametrize(("body", "content_type"), FORMS, ids=range(len(FORMS)))
def test_a_form_that_is_none_is_refused(api: httpx2.Client, body: bytes, content_type: bytes) -> None:
    refused(upload(api, body, content_type))
