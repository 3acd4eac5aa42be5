"""The console in Chromium: every view, against the stack's own API."""

import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import openai
import pytest
from playwright.sync_api import Browser, Page, expect

from assistants import keys
from local import clients
from local import up as local
from tests.support import responses
from tests.support.cable import cable_to
from tests.support.clients import upload
from tests.support.console import SECONDS, Console
from tests.support.driver import ASK, LABORATORY, Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.projects import spare_project

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def address(base_url: str) -> str:
    return f"{base_url}/console"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture
def console(page: Page, address: str, api_key: str) -> Iterator[Console]:
    """The console, signed in; at the end, its scripts have complained of nothing and asked nobody else."""
    opened = Console(page, address)
    opened.sign_in(api_key)
    yield opened
    assert opened.troubles == []
    origin = address.partition("/_aws")[0]
    assert all(url.startswith((origin, "blob:", "about:")) for url in opened.requested)
    assert not any(api_key in url for url in opened.requested)


def test_the_page_is_served_whole_compressed_and_kept(address: str, stack: local.Local) -> None:
    assert f" {address}\n" in clients.introduction(stack.settings, stack.model), "`make up` names it"
    page = httpx2.get(address)
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert httpx2.get(address, headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert httpx2.get(address, headers={"Accept-Encoding": "identity"}).text == page.text
    files = re.findall(r'(?:src|href)="(console/[^"]+)"', page.text)
    assert len(files) >= 3
    for file in files:
        answer = httpx2.get(f"{address.removesuffix('console')}{file}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-security-policy"] == policy
    for other in (
        "0123/main.js",
        "main.js",
        f"{files[-1].split('/')[1]}/../version",
        f"{files[-1].split('/')[1]}/version",
    ):
        assert httpx2.get(f"{address}/{other}").status_code == 404
    assert httpx2.post(address).status_code == 405
    assert httpx2.get(f"{address}/").status_code == 308


def test_a_key_signs_in_for_this_tab_alone_and_out(page: Page, address: str, api_key: str) -> None:
    console = Console(page, address)
    page.goto(address)
    page.get_by_label("API key").fill("sk-oae-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Incorrect API key")
    console.sign_in(api_key)
    expect(page.locator(".project")).to_have_text("Project default")
    page.reload()
    expect(page.locator(".project")).to_have_text("Project default")
    assert page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 1]
    assert api_key not in page.url
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    other = page.context.new_page()
    other.goto(address)
    other.get_by_label("API key").wait_for()


def test_an_answer_is_shown_as_it_is_written_and_found_again(
    page: Page, address: str, api_key: str, model_server: ModelServer, driver: Driver
) -> None:
    question = f"marker-{uuid.uuid4()}"
    words = " ".join(f"word{number}" for number in range(30)) + "."
    answer = responses.events(responses.response(responses.text(words)))
    model_server.when(question, [Behaviour(events=answer, gap=0.3)])
    server = urlsplit(address)
    with cable_to(server.port or 80) as cable:
        console = Console(page, server._replace(netloc=f"127.0.0.1:{cable.port}").geturl())
        console.sign_in(api_key)
        console.write_assistant(f"Streams {uuid.uuid4().hex[:6]}", model=driver.model)
        console.say(question)
        said = page.locator("article.message.assistant .message-body")
        expect(said).to_contain_text("word2")
        assert "word29" not in said.inner_text()
        cable.cut()
        expect(page.get_by_text("The connection is lost")).to_be_visible()
        cable.join()
        console.status("completed")
        expect(said).to_have_text(words)
        assert page.locator("article.message").count() == 2
        assert console.troubles == []


def test_calls_are_approved_and_answered_in_place(console: Console, driver: Driver) -> None:
    page = console.page
    assistant = driver.assistant(functions=LABORATORY, tools=[ASK])
    console.open(f"playground?assistant={assistant}")
    console.say('call publish {"text": "it"}\ncall ask {"question": "Which?"}')
    console.status("requires_action")
    form = page.get_by_role("form", name="The run waits for you")
    expect(form.get_by_text('"text": "it"')).to_be_visible()
    expect(form.get_by_role("button", name="Submit all")).to_be_disabled()
    form.get_by_role("button", name="Approve").click()
    form.get_by_label("Output").fill("The blue one")
    form.get_by_role("button", name="Submit all").click()
    console.status("completed")
    said = page.locator("article.message.assistant").last
    expect(said).to_contain_text("published it")
    expect(said).to_contain_text("The blue one")
    call = page.locator("details.call").first
    expect(call).to_contain_text("publish")


def test_a_chart_of_code_is_seen(console: Console, driver: Driver) -> None:
    console.write_assistant(f"Draws {uuid.uuid4().hex[:6]}", model=driver.model, tools=("Code interpreter",))
    code = "import matplotlib.pyplot as plt\\nplt.plot([1, 2])\\nplt.show()\\nprint('drawn')"
    console.say(f'call code_interpreter {{"code": "{code}"}}')
    console.status("completed")
    step = console.page.locator(".step")
    expect(step).to_contain_text("plt.plot([1, 2])")
    expect(step).to_contain_text("drawn")
    picture = step.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_a_store_is_searched_and_a_citation_opens_its_passage(
    console: Console, client: openai.OpenAI, driver: Driver
) -> None:
    page, name = console.page, f"Harbour {uuid.uuid4().hex[:6]}"
    store = client.vector_stores.create(name=name)
    file = upload(client, "ferries.txt", b"The ferry to Konstanz leaves at noon from the pier of Meersburg.")
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file], poll_interval_ms=500)
    console.open("stores")
    page.get_by_role("link", name=name).click()
    expect(page.locator(".store-files")).to_contain_text("ferries.txt")
    page.get_by_label("What to look for").fill("When does the ferry leave?")
    page.get_by_role("button", name="Search").click()
    passage = page.locator(".passage").first
    expect(passage).to_contain_text("leaves at noon")
    assert 0 < float(passage.locator(".score").inner_text()) <= 1

    resources = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = driver.assistant(tools=[{"type": "file_search"}], tool_resources=resources)
    console.open(f"playground?assistant={assistant}")
    console.say("When does the ferry to Konstanz leave?")
    console.status("completed")
    page.get_by_role("button", name=re.compile("^Citation 1")).click()
    expect(page.get_by_role("dialog")).to_contain_text("leaves at noon from the pier")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_run_is_cancelled(console: Console, driver: Driver) -> None:
    console.open(f"playground?assistant={driver.assistant(tools=[ASK])}")
    console.say("call ask {}")
    console.status("requires_action")
    console.page.get_by_role("button", name="Cancel run").click()
    console.status("cancelled")
    expect(console.page.get_by_role("alert")).to_contain_text("The run was cancelled")


def test_a_run_is_followed_to_its_end_in_the_lists_and_on_its_page(console: Console, driver: Driver) -> None:
    page = console.page
    assistant = driver.assistant(tools=[ASK])
    user = f"user-{uuid.uuid4().hex[:8]}"
    console.open(f"runs?assistant_id={assistant}")
    run = driver.begin("call ask {}", assistant_id=assistant, metadata={"user_id": user})
    row = page.locator("[data-row]")
    expect(row.locator(".status.requires_action")).to_be_visible()
    console.open(f"runs?assistant_id={assistant}&status=completed")
    expect(page.get_by_text("There are no such runs.")).to_be_visible()
    console.open(f"runs?user_id={user}&status=active")
    page.get_by_role("link", name=run.id).click()
    page.get_by_label("Output").fill("Yes")
    page.get_by_role("button", name="Submit").click()
    console.status("completed")
    timeline = page.get_by_role("table", name="Timeline")
    kinds = set(timeline.locator("[data-kind]").evaluate_all("rows => rows.map(row => row.dataset.kind)"))
    assert {"state", "model", "client"} <= kinds
    expect(page.locator("section").filter(has=page.get_by_role("heading", name="Steps"))).to_contain_text("Yes")
    link = page.get_by_role("link", name="Step Functions").get_attribute("href") or ""
    assert link.startswith("https://") and run.id in link
    page.get_by_role("link", name="Thread", exact=True).click()
    expect(page.locator("article.message")).to_have_count(2)
    console.open(f"threads?assistant_id={assistant}")
    expect(row).to_have_count(1)


def test_a_run_is_saved_as_one_file_that_asks_for_nothing(console: Console, driver: Driver, tmp_path: Path) -> None:
    page = console.page
    code = "import matplotlib.pyplot as plt\\nplt.plot([1, 2])\\nplt.show()"
    begun = driver.begin(
        f'call code_interpreter {{"code": "{code}"}}\nsay <b>Drawn</b>',
        assistant_id=driver.assistant(tools=[{"type": "code_interpreter"}]),
    )
    run = driver.ended(begun, "completed")
    console.open(f"threads/{run.thread_id}/runs/{run.id}")
    expect(page.locator("img").first).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Save").click()
    assert downloaded.value.suggested_filename == f"{run.id}.html"
    saved = tmp_path / "saved.html"
    downloaded.value.save_as(saved)
    assert "<script" not in saved.read_text()
    before = len(console.requested)
    page.goto(saved.as_uri())
    assert [url for url in console.requested[before:] if not url.startswith(("file:", "data:"))] == []
    expect(page.get_by_role("table", name="Timeline")).to_be_visible()
    expect(page.locator("body")).to_contain_text("plt.plot([1, 2])")
    assert page.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert page.locator("button, form").count() == 0
    page.goto("about:blank")
    console.requested[before:] = []


def test_runs_are_chosen_by_status_assistant_user_time_and_cost(console: Console, driver: Driver) -> None:
    page, assistant, user = console.page, driver.assistant(), f"user-{uuid.uuid4().hex[:8]}"
    run = driver.ended(driver.begin("say It", assistant_id=assistant, metadata={"user_id": user}), "completed")
    day = f"{datetime.fromtimestamp(run.created_at):%Y-%m-%d}"
    console.open("runs")
    filters, row = page.get_by_role("search", name="Filters"), page.get_by_text(run.id)
    for label, fits, fails in (
        ("Assistant", assistant, "asst_none"),
        ("User", user, "nobody"),
        ("From", day, "2999-01-01"),
        ("To", day, "2001-01-01"),
    ):
        field = filters.get_by_label(label)
        field.fill(fails)
        field.press("Tab")
        expect(row).to_have_count(0)
        field.fill(fits)
        field.press("Tab")
        expect(row).to_be_visible()
    filters.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("There are no such runs.")).to_be_visible()
    filters.get_by_label("Status").select_option("completed")
    expect(row).to_be_visible()
    filters.get_by_label("Costs at least").fill("1000")
    filters.get_by_label("Costs at least").press("Tab")
    expect(page.get_by_text("There are no such runs.")).to_be_visible()
    page.reload()
    expect(filters.get_by_label("User")).to_have_value(user)
    filters.get_by_role("button", name="Clear").click()
    expect(row).to_be_visible()


def test_a_run_that_failed_says_why_and_what_to_do(console: Console, driver: Driver) -> None:
    run = driver.ended(driver.begin("fail 400"), "failed")
    console.open(f"threads/{run.thread_id}/runs/{run.id}")
    told = console.page.locator("[data-ending=failed]")
    expect(told).to_contain_text("Refused as the message asked: 400.")
    expect(told).to_contain_text("Check the model's name")


def test_usage_keys_and_functions_are_read(console: Console, driver: Driver, stack: local.Local) -> None:
    page, assistant = console.page, driver.assistant()
    driver.ended(driver.begin("say Hello", assistant_id=assistant), "completed")
    console.open(f"usage?assistant_id={assistant}")
    expect(page.locator(".tile").filter(has_text="Runs")).to_contain_text("1")
    expect(page.locator(".figures tbody tr")).to_have_count(1)
    assert page.locator(".chart rect").count() >= 1
    console.open("usage")
    expect(page.get_by_role("group", name="assistant")).to_contain_text(assistant)
    named = [entry["name"] for entry in keys.read(stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"])]
    expect(page.locator(".keys")).to_contain_text(named[0])
    console.open("functions")
    function = page.locator("[data-function=get_stock_price]")
    function.locator("summary").first.click()
    expect(function).to_contain_text("symbol")
    expect(page.locator("[data-function=publish]")).to_contain_text("asks for approval")


def test_files_and_assistants_are_kept_in_order(console: Console, driver: Driver) -> None:
    page, name = console.page, f"Kept {uuid.uuid4().hex[:6]}"
    console.write_assistant(name, model=driver.model)
    console.open("assistants")
    page.get_by_role("link", name=name).click()
    page.get_by_label("Instructions").fill("Be brief.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Instructions")).to_have_value("Be brief.")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("main")).to_have_attribute("data-view", "assistants")
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    console.open("files")
    file = f"notes-{uuid.uuid4().hex[:6]}.txt"
    page.locator("input[type=file]").set_input_files({"name": file, "mimeType": "text/plain", "buffer": b"Noted."})
    row = page.locator("[data-row]").filter(has_text=file)
    with page.expect_download() as downloaded:
        row.get_by_role("button", name="Download").click()
    assert downloaded.value.suggested_filename == file
    assert Path(downloaded.value.path()).read_bytes() == b"Noted."
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Yes").click()
    expect(row).to_have_count(0)


def test_another_project_sees_nothing_of_it(page: Page, address: str, stack: local.Local, driver: Driver) -> None:
    run = driver.ended(driver.begin("say A secret"), "completed")
    with spare_project(stack) as (_, key):
        console = Console(page, address)
        console.sign_in(key)
        for view in ("threads", "runs", "assistants", "files", "stores"):
            console.open(view)
            expect(page.locator(".empty")).to_be_visible()
        for path in (
            f"threads/{run.thread_id}",
            f"threads/{run.thread_id}/runs/{run.id}",
            f"assistants/{run.assistant_id}",
        ):
            console.open(path)
            expect(page.get_by_role("alert").first).to_contain_text("No ")
            assert "A secret" not in page.content()
        console.open("usage")
        expect(page.locator(".tile").filter(has_text="Runs")).to_contain_text("0")
        expect(page.locator(".keys li")).to_have_count(1)
