"""GraphiQL at the local stack's GraphQL address: a page that asks nothing of anywhere else."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page

from local import up as local
from local.graphiql import PARTS
from tests.support.console import chromium

pytestmark = pytest.mark.offline_model


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page()


def test_the_graphql_address_opens_in_a_browser(stack: local.Local) -> None:
    address = stack.settings["GRAPHQL_URL"]
    page = httpx2.get(address, headers={"accept": "text/html,*/*"})
    assert page.status_code == 200 and "GraphiQL" in page.text
    named = set(re.findall(r'(?:src|href)="graphql/graphiql/([^"]+)"', page.text))
    assert named == set(PARTS) and "://" not in page.text
    for name in named:
        assert len(httpx2.get(f"{address}/graphiql/{name}").content) > 5_000
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert httpx2.get(address, headers={"accept": "application/json"}).status_code == 401
    assert httpx2.get(f"{address}/graphiql/../../package.json").status_code in (401, 404)


@pytest.mark.browser
def test_graphiql_shows_the_schema_and_answers(page: Page, stack: local.Local, api_key: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = stack.settings["GRAPHQL_URL"]
    page.goto(address)
    page.fill("input[name=key]", api_key)
    page.click("button")
    page.wait_for_selector(".graphiql-execute-button", timeout=60_000)
    page.click(".graphiql-execute-button")
    page.locator(".result-window").get_by_text("Hello at").first.wait_for(timeout=60_000)
    page.click("button[aria-label='Show Documentation Explorer']")
    page.wait_for_selector("text=Mutations", timeout=60_000)
    foreign = [url for url in asked if not url.startswith((address, "data:"))]
    assert foreign == []
