"""The page of `docs/streaming.md` in Chromium: it shows an answer as it is written, and finds it again."""

import http.server
import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from local.paths import ROOT
from tests.support import responses
from tests.support.console import chromium
from tests.support.driver import Driver
from tests.support.loopback_server import serving
from tests.support.model_server import Behaviour, ModelServer

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

WORDS = " ".join(f"word{number}" for number in range(30)) + "."


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page()


@pytest.fixture
def question() -> str:
    return f"marker-{uuid.uuid4()}"


@pytest.fixture
def address(base_url: str, api_key: str, driver: Driver, question: str) -> Iterator[str]:
    """Where the page is served, with its four blanks filled in."""
    [html] = re.findall(r"```html\n(.*?)```", (ROOT / "docs" / "streaming.md").read_text(), re.DOTALL)
    blanks = {"BASE_URL": base_url, "API_KEY": api_key, "ASSISTANT_ID": driver.assistant(), "QUESTION": question}
    for blank, value in blanks.items():
        assert html.count(blank) == 1
        html = html.replace(blank, value)

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)) as origin:
        yield origin


def test_the_page_shows_an_answer_as_it_is_written_and_finds_it_again(
    page: Page, address: str, question: str, model_server: ModelServer
) -> None:
    model_server.when(
        question, [Behaviour(events=responses.events(responses.response(responses.text(WORDS))), gap=0.3)]
    )
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(address)
    answer = page.locator("#answer")
    page.wait_for_function("document.querySelector('#answer').textContent.includes('word2')", timeout=60_000)
    assert "word29" not in (answer.text_content() or "")
    page.context.set_offline(True)
    page.wait_for_timeout(1_500)
    page.context.set_offline(False)
    page.wait_for_function("document.querySelector('#status').textContent === 'completed'", timeout=60_000)
    assert answer.text_content() == WORDS
    assert troubles == []
