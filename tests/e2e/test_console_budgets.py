"""Budgets in the console: what is used of them, and what one that is used up means."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from assistant_engine.store.usage import Budget
from local import up as local
from tests.support.clients import connect
from tests.support.console import SECONDS, Console, signed_in
from tests.support.driver import Driver
from tests.support.projects import spare_project

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def owned(stack: local.Local) -> Iterator[tuple[str, str]]:
    with spare_project(stack) as made:
        yield made


@pytest.fixture
def console(browser: Browser, base_url: str, owned: tuple[str, str]) -> Iterator[Console]:
    with signed_in(browser, base_url, owned[1]) as opened:
        yield opened


def test_budgets_show_what_is_used_and_a_used_one_is_told_in_words(
    console: Console, stack: local.Local, driver: Driver, owned: tuple[str, str]
) -> None:
    page, (project, key) = console.page, owned
    assistant = connect(stack, key).beta.assistants.create(model=driver.model, name="Thrifty").id
    console.open("usage")
    budgets = page.locator("section").filter(has=page.get_by_role("heading", name="Budgets of today"))
    expect(budgets).to_contain_text("None.")
    usage = driver.store.of(project).usage
    usage.set_budget(Budget(None, 1_000_000, 2_500_000_000))
    usage.set_budget(Budget(assistant, 1, None))
    page.reload()
    whole, thrifty = (
        budgets.locator(".budget").filter(has_text="The project"),
        budgets.locator(f".budget:has-text('{assistant}')"),
    )
    expect(whole).to_contain_text("0 of 1,000,000")
    expect(whole).to_contain_text("$0 of $2.50")
    expect(thrifty).to_contain_text("0 of 1")

    console.open(f"playground?assistant={assistant}")
    console.say("say Hello")
    console.status("completed")
    console.open("usage")
    expect(thrifty.get_by_role("meter")).to_have_attribute("value", "1")
    expect(thrifty).to_contain_text(re.compile(r"[1-9][0-9,]* of 1(?!\d)"))
    expect(whole).to_contain_text(re.compile(r"[1-9][0-9,]* of 1,000,000"))

    console.open("playground")
    console.say("say More")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("budget")
    expect(told).to_contain_text("python -m assistants budget show")
    expect(page.locator("article.message")).to_have_count(2)
