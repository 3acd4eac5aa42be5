"""A run as the console saves it and as the command line reports it: two files that tell the same."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistants import report
from assistants.run_trace import RunTraces
from assistants.stack import Stack
from local import up as local
from tests.support.console import SECONDS, Console, signed_in
from tests.support.driver import Driver
from tests.support.eventful_run import SAID, eventful_run

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def run(driver: Driver) -> Run:
    """A run that an assistant with instructions carries out for somebody."""
    said = "<script>document.title = 'saved'</script>"
    return eventful_run(driver, said, metadata={"user_id": "ada"}, instructions="Be exact.")


@pytest.fixture
def reported(stack: local.Local, run: Run, tmp_path: Path) -> Path:
    return report.write(RunTraces(Stack(stack.settings)), run, tmp_path / "reported.html")


@pytest.fixture
def saved(browser: Browser, base_url: str, api_key: str, run: Run, tmp_path: Path) -> Iterator[Path]:
    with signed_in(browser, base_url, api_key) as console:
        yield kept(console, run, tmp_path / "saved.html")


def kept(console: Console, run: Run, path: Path) -> Path:
    page = console.page
    console.open(f"threads/{run.thread_id}/runs/{run.id}")
    page.locator("img").first.wait_for()
    console.settle()
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Save").click()
    downloaded.value.save_as(path)
    return path


def texts(found: Locator) -> list[str]:
    return [re.sub(r"\s+", " ", text).strip() for text in found.all_inner_texts()]


def told(page: Page) -> dict[str, str]:
    """Return the figures and the facts of a page by their names."""
    tiles = [re.split(r"\n+", text.strip(), maxsplit=2) for text in page.locator(".tile").all_inner_texts()]
    facts = zip(texts(page.locator("dt")), texts(page.locator("dd")), strict=True)
    return {**{tile[0]: " ".join(tile[1:]) for tile in tiles}, **dict(facts)}


def test_a_saved_run_and_the_report_of_it_tell_the_same(
    browser: Browser, run: Run, driver: Driver, reported: Path, saved: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    pages = [context.new_page(), context.new_page()]
    for page, path in zip(pages, (reported, saved), strict=True):
        assert "<script" not in path.read_text()
        page.goto(path.as_uri())
        whole = re.sub(r"\s+", " ", page.locator("body").inner_text())
        assert all(each in whole for each in (run.id, run.thread_id, run.assistant_id, driver.execution(run)))
        for step in driver.steps(run.thread_id, run.id):
            for call in step["step_details"].get("tool_calls", []):
                assert_shown(call, whole)
        assert "429" in whole and "<script>document.title = 'saved'</script>" in whole and SAID.splitlines()[1] in whole
        assert page.locator("img").count() == 2
        assert page.locator("img").evaluate_all(
            "images => images.every((image) => image.complete && image.naturalWidth > 100)"
        )
    ours, theirs = map(told, pages)
    for name in ("Project", "Model", "Instructions", "Tools"):
        assert ours[name] == theirs[name], name
    assert ours["Cost"].split()[0] == theirs["Cost"].split()[0]
    assert json.loads(ours["Metadata"]) == json.loads(theirs["Metadata"]) == {"user_id": "ada"}
    used = run.usage
    for name in (f"{used.total_tokens:,}", f"{used.prompt_tokens:,} in, {used.completion_tokens:,} out"):
        assert name in ours["Tokens"] and name in theirs["Tokens"]
    # The command line reads the execution, and the console the record: both have each call, in order.
    labels = [texts(pages[0].locator("#timeline .label.inner")), texts(pages[1].locator(".bar-row.inner .bar-label"))]
    calls = [
        re.findall(r"^(?!model backoff|backoff)(model call \d+|\w+)", "\n".join(found), re.MULTILINE)
        for found in labels
    ]
    assert list(dict.fromkeys(calls[0])) == list(dict.fromkeys(calls[1]))
    context.close()


def test_the_report_shows_every_step_in_a_browser(browser: Browser, run: Run, driver: Driver, reported: Path) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme="light")
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(reported.as_uri())
    assert page.title() == f"{run.id} · completed"

    steps = driver.steps(run.thread_id, run.id)
    assert len(steps) == 4
    assert page.locator(".step").count() == len(steps)
    for step in steps:
        shown = page.locator(f"[id='{step['id']}']")
        assert shown.is_visible()
        assert step["type"] in shown.inner_text()
    [prices, code, asked, said] = [page.locator(f"[id='{step['id']}']").inner_text() for step in steps]
    assert "182.4" in prices and "LookupError" in prices and '"NONE"' in prices
    assert "plt.plot([1, 2])" in code and "<b>drawn</b>" in code
    assert '"question": "Friday?"' in asked and "Friday & <i>Saturday</i>" in asked
    assert "msg_" in said
    assert "<script>document.title = 'saved'</script>" in page.locator("#messages").inner_text()

    labels = page.locator("#timeline .label:not(.inner)").all_inner_texts()
    states = [label.split()[0] for label in labels]
    entered = [state for state in driver.states(driver.execution(run)) if state not in ("route", "call_each")]
    assert states == entered
    inner = page.locator("#timeline .label.inner").all_inner_texts()
    assert [label.split()[0] for label in inner] == [
        *("model", "model", "get_stock_price", "get_stock_price"),
        *("model", "code_interpreter", "model", "ask", "model"),
    ]
    track = page.locator("#timeline .track").first.bounding_box()
    assert track
    for bar in page.locator("#timeline .bar").all():
        box = bar.bounding_box()
        assert box and box["width"] >= 3
        assert track["x"] - 1 <= box["x"] and box["x"] + box["width"] <= track["x"] + track["width"] + 4
    drawn = "image => image.complete && image.naturalWidth > 100"
    assert page.locator("img").evaluate_all(f"images => images.every({drawn})")
    assert page.locator("img").count() == 2

    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) != light
    page.set_viewport_size({"width": 420, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert troubles == []
    page.close()


def assert_shown(call: Json, whole: str) -> None:
    """Each text of a call is there, however its space is laid out."""
    if call["type"] == "function":
        given = [*json.loads(call["function"]["arguments"]).values(), call["function"]["name"]]
        assert all(str(each) in whole for each in given)
        assert re.sub(r"\W", "", call["function"]["output"]) in re.sub(r"\W", "", whole)
    else:
        assert re.sub(r"\s+", " ", call["code_interpreter"]["input"]).strip() in whole
        assert "<b>drawn</b>" in whole


def test_a_run_that_failed_is_told_alike(
    browser: Browser, base_url: str, api_key: str, stack: local.Local, driver: Driver, tmp_path: Path
) -> None:
    failed = driver.ended(driver.begin("fail 400"), "failed")
    page = report.html(RunTraces(Stack(stack.settings)).read(failed), datetime.now(UTC))
    with signed_in(browser, base_url, api_key) as console:
        console.open(f"threads/{failed.thread_id}/runs/{failed.id}")
        shown = console.page.locator("[data-ending=failed]")
        shown.wait_for()
        assert failed.last_error
        for each in failed.last_error.values():
            assert each in page and each in shown.inner_text()
