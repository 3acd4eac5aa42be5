"""Names of files in forms: as each kind of client writes them."""

import base64
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forms
from assistant_engine.domain.errors import InvalidRequest


def form(
    monkeypatch: pytest.MonkeyPatch, disposition: bytes, data: bytes = b"content", headers: bytes = b""
) -> forms.Form:
    """The form of a body with one part."""
    part = b"Content-Disposition: form-data; " + disposition + b"\r\n" + headers + b"\r\n" + data
    body = b"--xx\r\n" + part + b"\r\n--xx--\r\n"
    request = SimpleNamespace(headers={"content-type": "multipart/form-data; boundary=xx"})
    monkeypatch.setattr(forms, "event", lambda: request)
    monkeypatch.setattr(forms, "body_bytes", lambda: body)
    return forms.read_form()


NAMED = [
    (b'filename="a.txt"', "a.txt"),
    (b"filename*=UTF-8''%E2%82%AC%20rates.txt", "€ rates.txt"),
    (b"filename*=utf-8'en'na%C3%AFve%20file.txt", "naïve file.txt"),
    (b"filename=\"EURO rates.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
    (b"filename*=UTF-8''%e2%82%ac%20rates.txt; filename=\"EURO rates.txt\"", "€ rates.txt"),
    (b"filename*=iso-8859-1''%A3%20rates.txt", "£ rates.txt"),
    (b"FileName*=UTF-8''gr%C3%B6%C3%9Fe.csv", "größe.csv"),
    (b"filename*=\"UTF-8''gr%C3%B6%C3%9Fe.csv\"", "größe.csv"),
    (b"filename*=UTF-8''a%3Bb%22c.txt", 'a;b"c.txt'),
    (b"filename*0*=UTF-8''gr%C3%B6; filename*1*=%C3%9Fe.csv", "größe.csv"),
    (b"filename*=UTF-8''%E5%9B%B3.pdf ; x=y", "図.pdf"),
    (b"filename=\"plain.txt\"; filename*=UTF-8''%FF%FE", "plain.txt"),
    (b"filename=\"plain.txt\"; filename*=no-such-charset''x", "plain.txt"),
    ('filename="größe.csv"'.encode(), "größe.csv"),
    (b'filename="100%25.txt"', "100%25.txt"),
    (b'filename=""', ""),
]


@pytest.mark.parametrize(("given", "expected"), NAMED)
def test_a_file_has_the_name_that_its_client_means(
    monkeypatch: pytest.MonkeyPatch, given: bytes, expected: str
) -> None:
    made = form(monkeypatch, b'name="file"; ' + given, headers=b"Content-Type: text/csv\r\n")
    assert made.files["file"] == forms.FormFile(expected, "text/csv", b"content")
    assert made.fields == []


def test_parts_are_decoded_where_they_say_that_they_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = b"Content-Transfer-Encoding: BASE64\r\n"
    assert form(monkeypatch, b'name="a"', base64.b64encode("größe".encode()), encoded).fields == [("a", "größe")]
    quoted = b"Content-Transfer-Encoding: quoted-printable\r\n"
    assert form(monkeypatch, b'name="a"', b"gr=C3=B6=\r\n=C3=9Fe", quoted).fields == [("a", "größe")]
    with pytest.raises(InvalidRequest):
        form(monkeypatch, b'name="a"', b"x", b"Content-Transfer-Encoding: x-own\r\n")
    with pytest.raises(InvalidRequest):
        form(monkeypatch, b'name="a"', b"a", encoded)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text("filename*=0123';%\"UTF-8ae \\", max_size=60).map(str.encode)))
def test_no_header_of_a_part_is_an_error_of_ours(disposition: bytes) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        try:
            form(monkeypatch, b'name="file"; ' + disposition)
        except InvalidRequest as refused:
            assert len(refused.message) < 500
