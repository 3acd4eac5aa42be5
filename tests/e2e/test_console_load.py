"""The console is small, and stays quick in a project of 10,000 runs and a thread of 10,000 messages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local import up as local
from tests.support.console import SECONDS, Console, chromium
from tests.support.crowd import Crowd, crowd
from tests.support.frames import traced

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)

MOST_BYTES = 150_000
MOST_SCRIPT_MS = 100
MOST_ROWS = 200
"""Rows that a page may hold at once, whatever the length of the list."""

SCROLL = """async ([selector, pixels, frames]) => {
    for (let frame = 0; frame < frames; frame++) {
        document.querySelector(selector).scrollTop += pixels;
        await new Promise(requestAnimationFrame);
    }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def crowded(stack: local.Local) -> Iterator[Crowd]:
    with crowd(stack) as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


@pytest.fixture
def console(page: Page, base_url: str, crowded: Crowd) -> Iterator[Console]:
    opened = Console(page, f"{base_url}/console")
    opened.sign_in(crowded.key)
    page.get_by_label("Message", exact=True).wait_for()
    yield opened
    assert opened.troubles == []


def asked(console: Console, path: str) -> int:
    """How often the page asked the API for a list."""
    return sum(f"{path}?" in url for url in console.requested)


def test_little_is_transferred_before_the_first_use(page: Page, base_url: str, api_key: str) -> None:
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    console = Console(page, f"{base_url}/console")
    console.sign_in(api_key)
    page.get_by_label("Message", exact=True).wait_for()
    console.settle()
    assert 10_000 < sum(sizes) <= MOST_BYTES


def test_ten_thousand_runs_open_and_scroll_a_page_at_a_time(browser: Browser, console: Console, crowded: Crowd) -> None:
    page = console.page
    rows = page.locator("[data-row]")
    with traced(browser, page) as longest_script:
        console.open("runs")
        expect(page.get_by_text(crowded.run_ids[0])).to_be_visible()
        assert asked(console, "/runs") <= 3
        # Two screens in each frame, a thousand rows and more.
        for _ in range(20):
            page.evaluate(SCROLL, ["[data-scroller]", 1_600, 10])
            console.settle()
        later = rows.last.get_attribute("data-id")
        assert rows.count() < MOST_ROWS
        page.evaluate(SCROLL, ["[data-scroller]", -100_000, 3])
        expect(page.get_by_text(crowded.run_ids[0])).to_be_visible()
    assert crowded.run_ids.index(later or "") > 500
    assert asked(console, "/runs") < 60, "a page of a hundred runs at a time, and the newest every few seconds"
    assert longest_script() <= MOST_SCRIPT_MS


def test_ten_thousand_messages_open_at_the_newest_and_scroll_a_page_at_a_time(
    browser: Browser, console: Console, crowded: Crowd
) -> None:
    page, path = console.page, f"/threads/{crowded.thread_id}/messages"
    rows = page.locator("[data-row]")
    with traced(browser, page) as longest_script:
        console.open(f"threads/{crowded.thread_id}")
        expect(page.get_by_text("message 9999")).to_be_visible()
        assert asked(console, path) <= 4
        for _ in range(20):
            page.evaluate(SCROLL, ["[data-scroller]", -1_600, 10])
            console.settle()
        assert rows.count() < MOST_ROWS
        expect(page.get_by_text("message 9999")).to_have_count(0)
    assert asked(console, path) < 60
    assert longest_script() <= MOST_SCRIPT_MS


def test_usage_of_a_crowd_is_read_at_once(browser: Browser, console: Console, crowded: Crowd) -> None:
    page = console.page
    with traced(browser, page) as longest_script:
        console.open("usage")
        expect(page.locator(".tile").filter(has_text="Runs")).to_contain_text("10,000")
        expect(page.get_by_text("user-0")).to_be_visible()
    assert longest_script() <= MOST_SCRIPT_MS
