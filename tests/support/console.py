"""The console in Debian's Chromium, as tests drive it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, TimeoutError, sync_playwright

from tests.support.clients import until_known_everywhere

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-sync", "--renderer-process-limit=1"),
)
PLAYWRIGHT_LACKS = (
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    "PreconnectToSearch",
)
"""The features that Playwright switches off, of those that Linux has: Chromium takes the last such switch alone."""
NOBODY_SEES = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
"""Processes that Chromium starts in advance for each window: for its address bar, and for the next page. They take half
of its time."""
SECONDS = 60_000
"""How long a page may take at most on a busy machine, in milliseconds."""


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Run a browser, with more of its switches."""
    with sync_playwright() as playwright:
        features = f"--disable-features={','.join((*PLAYWRIGHT_LACKS, *NOBODY_SEES))}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, features, *more])
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, base_url: str, key: str) -> Iterator["Console"]:
    """Open the console in a tab of its own; at the end, its scripts have complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = Console(context.new_page(), f"{base_url}/console")
    opened.sign_in(key)
    yield opened
    assert opened.troubles == []
    context.close()


class Console:
    """A tab with the console.

    Args:
        address: the console's, `<base_url>/console`.

    Attributes:
        troubles: what the page's scripts or its policy complained of; requests that the API refused are none.
        requested: the addresses of all requests.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.troubles: list[str] = []
        self.requested: list[str] = []
        self._pending = 0
        page.set_default_timeout(SECONDS)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("console", self._said)

    def _said(self, said: ConsoleMessage) -> None:
        if not said.text.startswith("Failed to load resource"):
            self.troubles.append(said.text)

    def _asked(self, request: Request) -> None:
        self.requested.append(request.url)
        self._pending += 1

    def _answered(self, request: Request) -> None:
        self._pending -= 1

    def settle(self) -> None:
        """Wait until all that the page asked for is there, and shown."""
        quiet = 0
        for _ in range(SECONDS // 100):
            self.page.wait_for_timeout(100)
            quiet = 0 if self._pending > 0 else quiet + 1
            if quiet == 3:
                return
        raise AssertionError(f"the page still waits for {self._pending} answers: {self.requested[-5:]}")

    def sign_in(self, key: str) -> None:
        """Open the console anew and sign in. A key that is not known there signs out again."""
        until_known_everywhere(key)
        self.page.goto("about:blank")
        self.page.goto(self.address)
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation").wait_for()

    def open(self, view: str) -> None:
        """Show a view by its address, such as `runs` or `threads/thread_...`."""
        self.page.goto(f"{self.address}#/{view}")
        self.page.locator("main[data-view]").wait_for()

    def write_assistant(
        self, name: str, *, model: str, tools: tuple[str, ...] = (), functions: tuple[str, ...] = ()
    ) -> None:
        """Write a new assistant in the playground, which then talks to it."""
        page = self.page
        self.open("playground")
        page.get_by_role("combobox", name="Assistant", exact=True).select_option("new")
        form = page.get_by_role("form", name="A new assistant")
        form.get_by_label("Name", exact=True).fill(name)
        form.get_by_role("combobox", name="Model", exact=True).fill(model)
        for tool in tools:
            form.get_by_label(tool).check()
        for function in functions:
            form.get_by_label(function).check()
        form.get_by_role("button", name="Create").click()
        page.get_by_role("form", name="The assistant").wait_for()

    def say(self, text: str) -> None:
        """Send a message in the playground, once the one before it is answered."""
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.locator(".composer button.primary:enabled").wait_for()
        self.page.keyboard.press("Enter")

    def status(self, status: str) -> None:
        """Wait until the playground's run, or the one that is shown, has a status."""
        try:
            self.page.locator(f":is(.state, .run-head) .status.{status}").wait_for()
        except TimeoutError:
            raise AssertionError(f"No run is {status}: {self.page.locator('main').inner_text()}") from None
