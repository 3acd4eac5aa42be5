"""Takes pictures of the console's views: light and dark, wide and narrow.

`make docs` runs it against the local stack, with a conversation of its own. They are in `.build/pictures`, to be looked
at; the two that the README shows are kept in `docs/`. Needs Debian's chromium.
"""

import shutil
import sys
import warnings
from pathlib import Path

from openai import OpenAI
from playwright.sync_api import Browser, Page, sync_playwright

from local import up as local
from local.paths import ROOT

CHROMIUM = "/usr/bin/chromium"
PICTURES = ROOT / ".build" / "pictures"
SIZES = {"wide": (1280, 820), "narrow": (390, 780)}
KEPT = {"playground-light-wide": "console-playground.png", "run-light-wide": "console-run.png"}
SHOWN = {"playground": ".message.assistant img", "thread": ".message img", "run": ".timeline", "usage": ".figures"}
"""What is there once a view is whole, where that takes a moment."""
QUESTION = "Draw a bar chart of these sales: January 120, February 90, March 150, April 180."
GUIDE = b"""The harbour of Meersburg. The ferry to Konstanz leaves at noon and at six from the east pier.

Tickets are sold on board. Bicycles travel free of charge on weekdays."""


def main() -> None:
    """Fill the local stack, and take the pictures."""
    if not Path(CHROMIUM).exists():
        sys.exit("Pictures of the console need Debian's chromium: apt-get install chromium.")
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*deprecated")  # The API itself.
    stack = local.up(step=local.shown)
    address, key = stack.settings["ASSISTANTS_BASE_URL"], stack.settings["ASSISTANTS_API_KEY"]
    views = _filled(OpenAI(base_url=address, api_key=key), stack.model or "gpt-6-luna")
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            for size in SIZES:
                _take(browser, f"{address}/console", key, views, scheme, size)
        browser.close()
    for taken, kept in KEPT.items():
        shutil.copy(PICTURES / f"{taken}.png", ROOT / "docs" / kept)
    taken_in_all = len(list(PICTURES.iterdir()))
    print(f"{taken_in_all} pictures are in {PICTURES.relative_to(ROOT)}. `make down` stops the local stack.")


def _filled(client: OpenAI, model: str) -> dict[str, str]:
    """Make what there is to see; return the views by their names, each with its address in the page."""
    store = client.vector_stores.create(name="Harbour guide")
    file = client.files.create(file=("harbour.md", GUIDE), purpose="assistants")
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assistant = client.beta.assistants.create(
        model=model,
        name="Analyst",
        instructions="You answer with figures and draw charts.",
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    metadata = {"user_id": "ada"}
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": QUESTION}], "metadata": metadata},
    )
    client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "fail 400"}], "metadata": {"user_id": "grace"}},
    )
    return {
        "playground": f"playground?thread={run.thread_id}",
        "threads": "threads",
        "thread": f"threads/{run.thread_id}",
        "runs": "runs",
        "run": f"threads/{run.thread_id}/runs/{run.id}",
        "assistants": "assistants",
        "assistant": f"assistants/{assistant.id}",
        "functions": "functions",
        "files": "files",
        "stores": "stores",
        "store": f"stores/{store.id}",
        "usage": "usage",
    }


def _take(browser: Browser, address: str, key: str, views: dict[str, str], scheme: str, size: str) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    page.get_by_label("API key").wait_for()
    _picture(page, f"sign-in-{scheme}-{size}")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    for name, view in views.items():
        page.goto(f"{address}#/{view}")
        page.locator(SHOWN.get(name, "main[data-view]")).first.wait_for()
        page.wait_for_load_state("networkidle")
        if name == "store":
            page.get_by_label("What to look for").fill("When does the ferry leave?")
            page.get_by_role("button", name="Search").click()
            page.locator(".passage").first.wait_for()
        if name == "functions":
            page.locator("[data-function] summary").first.click()
        _picture(page, f"{name}-{scheme}-{size}")
    context.close()


def _picture(page: Page, name: str) -> None:
    page.wait_for_timeout(700)  # Pictures in the page are decoded.
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
