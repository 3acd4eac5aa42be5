"""Checks which pages may use the API: what the function answers a browser that asks."""

import pytest

from assistant_engine.runtime import cors, settings

LOCAL = "http://localhost:*,http://127.0.0.1:*"
ASKED = {"access-control-request-method": "POST"}


def configure(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Set the variable of the function, or take it away, and have it read again."""
    monkeypatch.delenv("CORS_ORIGINS", raising=False)
    if value is not None:
        monkeypatch.setenv("CORS_ORIGINS", value)
    settings.forget()


@pytest.fixture(autouse=True)
def origins(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, LOCAL)


def allowed(origin: str) -> bool:
    headers = cors.answer_headers({"origin": origin})
    assert headers["vary"] == "Origin"
    return headers.get("access-control-allow-origin") == origin


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:80", "http://localhost"])
def test_a_page_of_an_allowed_origin_reads_answers(origin: str) -> None:
    assert allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "", "http://localhost.evil.example:5173", "http://evil.example:localhost:1"),
        *("https://localhost:5173", "http://localhost:5173.evil.example", "http://localhost:", "http://localhost:*"),
        *("http://127.0.0.1.evil.example", "http://127x0x0x1:80", "http://localhost:80/", " http://localhost:80"),
        *("http://localhost:80\n", "http://LOCALHOST.evil:1", "file://", "http://[::1]:80"),
    ],
)
def test_a_page_of_another_origin_does_not(origin: str) -> None:
    assert not allowed(origin)
    assert cors.preflight_headers({"origin": origin, **ASKED}) is None


def test_origins_are_those_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "https://app.example,https://b.example:8443")
    assert allowed("https://app.example")
    assert allowed("https://b.example:8443")
    assert not allowed("https://b.example")
    assert not allowed("http://app.example")
    assert not allowed("https://x.app.example")
    configure(monkeypatch, "*")
    assert allowed("https://anything.example")


def test_without_the_setting_no_page_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", None):
        configure(monkeypatch, value)
        assert cors.answer_headers({"origin": "http://localhost:5173"}) == {}
        assert cors.preflight_headers({"origin": "http://localhost:5173", **ASKED}) is None


def test_a_browser_that_asks_first_is_told_what_the_openai_package_sends() -> None:
    wanted = "authorization,content-type,openai-beta,x-stainless-os,X-Stainless-Retry-Count, x-evil, x-stainless"
    headers = cors.preflight_headers(
        {"origin": "http://localhost:5173", **ASKED, "access-control-request-headers": wanted}
    )
    assert headers
    assert set(headers["access-control-allow-headers"].split(", ")) == {
        *("authorization", "content-type", "openai-beta", "idempotency-key", "last-event-id"),
        *("x-stainless-os", "x-stainless-retry-count"),
    }
    assert headers["access-control-allow-methods"] == "GET, POST, DELETE"
    assert headers["vary"] == "Origin, Access-Control-Request-Headers"
    assert headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "access-control-allow-credentials" not in headers


def test_an_options_request_that_is_no_question_is_answered_like_any_other() -> None:
    assert cors.preflight_headers({"origin": "http://localhost:5173"}) is None
    assert cors.preflight_headers(ASKED) is None


def test_a_page_may_read_what_clients_go_by() -> None:
    exposed = cors.answer_headers({"origin": "http://localhost:1"})["access-control-expose-headers"]
    assert set(exposed.split(", ")) == {"openai-poll-after-ms", "retry-after", "x-request-id"}
