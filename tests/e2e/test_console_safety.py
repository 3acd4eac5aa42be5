"""The console shows whatever is said: nothing of it runs, nothing hides, and everybody can use every view."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local import up as local
from tests.support import hostile
from tests.support.axe import COLOURS, EACH, violations
from tests.support.console import SECONDS, Console
from tests.support.driver import Driver
from tests.support.hostile import NAME_SHOWN, SHOWN, Planted, planted
from tests.support.model_server import ModelServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.offline_model,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

expect.set_options(timeout=SECONDS)

VIEWS = {
    "playground?thread={thread}": "article.message",
    "playground?assistant={assistant}": "form",
    "threads": "[data-row]",
    "threads/{thread}": "article.message.assistant",
    "threads/{thread}/runs/{run}": ".step",
    "threads/{failed_thread}/runs/{failed}": "[data-ending=failed]",
    "runs": "[data-row]",
    "assistants": "[data-row]",
    "assistants/{assistant}": "form",
    "functions": "[data-function]",
    "files": "[data-row]",
    "stores": "[data-row]",
    "stores/{store}": ".store-files",
    "usage": ".tile",
}
"""The addresses of all views, and what is there once they are."""

NAMED = ("threads", "threads/{thread}", "runs", "assistants", "files", "stores", "stores/{store}", "usage")
"""Views that show a name or a user as others gave it."""

ONE_OF_EACH_KIND = """() => {
    const seen = new Set();
    for (const article of document.querySelectorAll("article")) {
        const elements = [...article.querySelectorAll("*")];
        const names = elements.map((each) => `${each.parentElement.localName} ${each.localName}.${each.className}`);
        const kind = [...new Set(names)].sort().join();
        if (seen.has(kind)) article.remove();
        seen.add(kind);
    }
}"""
"""Leave one of the articles that consist of the same elements in the same classes: they look the same."""

BARRED = "iframe, object, embed, base, body style, body script, form[action], [onerror], [onload], [onclick]"
FOREIGN = """(barred) => ({
    elements: document.querySelectorAll(barred).length,
    protocols: [...new Set([...document.querySelectorAll('a[href]')].map((link) => link.protocol))],
    pictures: [...document.images].map((image) => image.src).filter((source) => !/^blob:/.test(source)),
    happened: window.happened,
})"""


@pytest.fixture(scope="module")
def filled(stack: local.Local, driver: Driver, model_server: ModelServer) -> Iterator[Planted]:
    with planted(stack, driver.model, model_server) as made:
        yield made


def tab(browser: Browser, base_url: str, filled: Planted) -> Iterator[Console]:
    """A tab with the console, which sees what texts manage to do."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_init_script(hostile.INIT)
    opened = Console(context.new_page(), f"{base_url}/console")
    opened.sign_in(filled.key)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def console(browser: Browser, base_url: str, filled: Planted) -> Iterator[Console]:
    yield from tab(browser, base_url, filled)


@pytest.fixture(scope="module")
def viewer(browser: Browser, base_url: str, filled: Planted) -> Iterator[Console]:
    """A tab that shows one view after another, and nothing else."""
    yield from tab(browser, base_url, filled)


def show(console: Console, view: str, filled: Planted) -> Page:
    """Show a view with all of its folds open."""
    page = console.page
    page.goto("about:blank")  # The same view once more begins anew.
    console.open(view.format(**filled.names))
    page.locator(VIEWS[view]).first.wait_for()
    console.settle()
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
    return page


@pytest.fixture(scope="module", params=VIEWS)
def shown(viewer: Console, filled: Planted, request: pytest.FixtureRequest) -> Page:
    """A view, shown once for all tests of it."""
    return show(viewer, request.param, filled)


def test_what_others_wrote_runs_nothing(viewer: Console, shown: Page) -> None:
    found = shown.evaluate(FOREIGN, BARRED)
    assert set(found.pop("protocols")) <= {"http:", "https:", "mailto:", "blob:"}
    assert found == {"elements": 0, "pictures": [], "happened": []}
    assert viewer.troubles == []
    origin = re.match(r"https?://[^/]+", viewer.address)
    assert origin
    assert [url for url in viewer.requested if not url.startswith((origin[0], "blob:", "about:"))] == []


@pytest.mark.parametrize("shown", NAMED, indirect=True)
def test_what_others_are_called_is_seen(shown: Page) -> None:
    text = shown.locator("main").inner_text()
    assert NAME_SHOWN in text
    assert "RLO" in text and "\u202e" not in text


@pytest.mark.parametrize("who", ["user", "assistant"])
def test_every_piece_of_a_message_is_seen(console: Console, filled: Planted, who: str) -> None:
    page = show(console, "threads/{thread}", filled)
    page.locator("[data-scroller]").evaluate("(box, top) => box.scrollTo(0, top)", 0 if who == "user" else 10**6)
    message = page.locator(f"article.message.{who}").first
    shown = message.inner_text()
    for number, (piece, seen) in enumerate(SHOWN.items()):
        assert seen in shown, piece
        assert f"seen {number}." in shown, piece
        if who == "user" and "\u202e" not in piece and "\u2066" not in piece and "\u200b" not in piece:
            assert piece in shown
    assert message.is_visible()
    colours = message.evaluate("element => [getComputedStyle(element).opacity, getComputedStyle(element).visibility]")
    assert colours == ["1", "visible"]


def test_what_a_search_finds_runs_nothing_and_is_seen(console: Console, filled: Planted) -> None:
    page = show(console, "stores/{store}", filled)
    page.get_by_label("What to look for").fill("When does the ferry leave?")
    page.get_by_role("button", name="Search").click()
    passage = page.locator(".passage").first
    expect(passage).to_contain_text("leaves at noon")
    expect(passage).to_contain_text('<img src=x onerror="ran(1)">')
    assert page.evaluate(FOREIGN, BARRED)["happened"] == []
    assert violations(page) == []


def test_everybody_can_use_every_view(shown: Page) -> None:
    assert violations(shown) == []


def test_everybody_can_sign_in(browser: Browser, base_url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"{base_url}/console")
    page.get_by_label("API key").wait_for()
    assert violations(page) == []
    context.close()


def test_everybody_can_read_the_documentation(browser: Browser, base_url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"{base_url}/docs")
    # It has 9,500 elements: axe takes 7 s for each way. How an element looks, it shares with those of its kind.
    assert violations(page, EACH[:1], without=COLOURS) == []
    before = page.locator("article").count()
    page.evaluate(ONE_OF_EACH_KIND)
    assert 3 <= page.locator("article").count() < before
    assert violations(page, EACH) == []
    context.close()


def test_the_key_is_nowhere_but_in_the_tabs_session(console: Console, filled: Planted) -> None:
    page = show(console, "runs", filled)
    kept = page.evaluate("""async () => ({
        kept: [localStorage.length, document.cookie, await indexedDB.databases(), await caches.keys()],
        session: Object.values(sessionStorage),
        page: document.documentElement.outerHTML + JSON.stringify(history.state) + document.title,
        addresses: [location.href, document.referrer, ...performance.getEntries().map((entry) => entry.name)],
    })""")
    assert kept["kept"] == [0, "", [], []]
    assert kept["session"] == [filled.key]
    assert filled.key not in kept["page"] + "".join(kept["addresses"])
    assert not any(filled.key in url for url in console.requested)
