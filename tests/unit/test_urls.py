"""Checks which addresses are public, and which URLs may be fetched on somebody's word."""

import ipaddress

import pytest

from assistant_engine.web import urls
from tests.support.addresses import INSIDE, NOT_PUBLIC, OUTSIDE

UNFIT = [
    ("ftp://example.com/a", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("gopher://example.com/", "scheme"),
    ("data:image/png;base64,AAAA", "scheme"),
    ("//example.com/a", "scheme"),
    ("http://user@example.com/", "password"),
    ("http://user:secret@example.com/", "password"),
    ("http://@example.com/", "password"),
    ("http://example.com:22/", "port"),
    ("http://example.com:8080/", "port"),
    ("http://example.com:0/", "port"),
    ("http://example.com:99999/", "not a URL"),
    ("http://example.com:x/", "not a URL"),
    ("http://[::1/", "not a URL"),
    ("http://[nonsense]/", "not a URL"),
    ("http:///a", "no host"),
    ("http://./", "not a URL"),
    ("http://exa mple.com/", "spaces"),
    (" http://example.com/", "spaces"),
    ("http://example.com/\r\nHost: other", "spaces"),
    ("http://example.com\\@127.0.0.1/", "backslashes"),
    ("http://example.com/\0", "control"),
    ("http://exam%70le.com/", "not a URL"),
    ("http://127.0.0.1%2eexample.com/", "not a URL"),
    ("http://" + "a" * 64 + ".com/", "not a URL"),
    ("http://example.com/" + "a" * urls.LENGTH, "longer"),
    # One and the same address, as resolvers read it
    ("http://127.0.0.1/", NOT_PUBLIC),
    ("http://127.0.0.1./", NOT_PUBLIC),
    ("https://127.0.0.1:443/", NOT_PUBLIC),
    ("http://127.1/", NOT_PUBLIC),
    ("http://2130706433/", NOT_PUBLIC),
    ("http://0x7f000001/", NOT_PUBLIC),
    ("http://0x7f.1/", NOT_PUBLIC),
    ("http://0177.0.0.1/", NOT_PUBLIC),
    ("http://017700000001/", NOT_PUBLIC),
    ("http://0/", NOT_PUBLIC),
    ("http://\uff11\uff12\uff17.0.0.1/", NOT_PUBLIC),
    ("http://127\u30020\u30020\u30021/", NOT_PUBLIC),
    ("http://[::1]/", NOT_PUBLIC),
    ("http://[::ffff:127.0.0.1]/", NOT_PUBLIC),
    ("http://[0:0:0:0:0:ffff:7f00:1]/", NOT_PUBLIC),
    ("http://[::ffff:a9fe:a9fe]/", NOT_PUBLIC),
    ("http://169.254.169.254/latest/meta-data/iam/security-credentials/", NOT_PUBLIC),
    ("http://2852039166/", NOT_PUBLIC),
    ("http://[fd00:ec2::254]/latest/meta-data/", NOT_PUBLIC),
]
FIT = [
    ("https://example.com", ("https", "example.com", 443, "/")),
    ("HTTP://EXAMPLE.com./a?b=c#d", ("http", "example.com", 80, "/a?b=c")),
    ("http://example.com:443/", ("http", "example.com", 443, "/")),
    (
        "https://b\u00fccher.example/\u00e4 ".strip() + "?\u00f6",
        ("https", "xn--bcher-kva.example", 443, "/%C3%A4?%C3%B6"),
    ),
    ("https://[2606:4700::1111]/%20", ("https", "2606:4700::1111", 443, "/%20")),
    ("http://134744072/", ("http", "134744072", 80, "/")),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not urls.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_public(address: str) -> None:
    assert urls.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(("url", "reason"), UNFIT)
def test_a_url_that_may_not_be_fetched_is_refused_before_anything_is_resolved(url: str, reason: str) -> None:
    with pytest.raises(urls.Unfit, match=reason):
        urls.parse(url)


@pytest.mark.parametrize(("url", "parts"), FIT)
def test_a_url_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    found = urls.parse(url)
    assert (found.scheme, found.host, found.port, found.target) == parts
