"""A conversation that is copied from the console is a program that runs: in Python, in JavaScript and with curl."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from playwright.sync_api import Browser, expect

from local import up as local
from local.paths import ROOT
from tests.support.clients import connect
from tests.support.console import SECONDS, Console, signed_in
from tests.support.driver import ASK, LABORATORY, Driver

pytestmark = [pytest.mark.browser, pytest.mark.offline_model]

expect.set_options(timeout=SECONDS)

ANSWER = "Because 'it' \"is\" \\so $HOME `date`"
NOTES = "the ferry's $notes & more.txt"
PROGRAMS = {
    "Python": ("conversation.py", [sys.executable, "-W", "ignore"]),
    "JavaScript": ("conversation.mjs", ["node"]),
    "curl": ("conversation.sh", ["sh"]),
}


@pytest.fixture
def console(browser: Browser, base_url: str, api_key: str) -> Iterator[Console]:
    with signed_in(browser, base_url, api_key) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(stack: local.Local, api_key: str) -> openai.OpenAI:
    return connect(stack, api_key)


def copied(console: Console, language: str) -> str:
    page = console.page
    page.get_by_role("button", name="Copy as code").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=language).click()
    dialog.get_by_role("button", name="Copy", exact=True).click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Escape")
    return text


def output_of(text: str, language: str, folder: Path, key: str) -> str:
    """Run a program in a folder, and return what it prints."""
    name, command = PROGRAMS[language]
    (folder / name).write_text(text)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    environment = {**os.environ, "OPENAI_API_KEY": key}
    done = subprocess.run(
        [*command, name], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def newest_threads(client: openai.OpenAI, assistant: str) -> list[str]:
    query: Any = {"params": {"assistant_id": assistant}}
    found: Any = client.get("/threads", cast_to=object, options=query)
    return [thread["id"] for thread in found["data"]]


def test_a_conversation_with_a_file_and_calls_is_copied_as_programs_that_run(
    console: Console, client: openai.OpenAI, driver: Driver, api_key: str, tmp_path: Path
) -> None:
    page = console.page
    assistant = driver.assistant(functions=LABORATORY, tools=[ASK, {"type": "file_search"}])
    console.open(f"playground?assistant={assistant}")
    notes = tmp_path / NOTES
    notes.write_text("The ferry leaves at noon.")
    page.get_by_label("Attach files").set_input_files(notes)
    console.say('call publish {"text": "it"}\ncall ask {"question": "Why?"}')
    console.status("requires_action")
    page.get_by_role("button", name="Approve").click()
    page.get_by_label("Output").fill(ANSWER)
    page.get_by_role("button", name="Submit all").click()
    console.status("completed")
    console.say('say Twice "quoted" it\'s')
    expect(page.locator("article.message.assistant").last).to_contain_text("Twice")
    console.status("completed")
    for language in PROGRAMS:
        before = newest_threads(client, assistant)
        program = copied(console, language)
        assert api_key not in program
        told = output_of(program, language, tmp_path, api_key)
        assert "published it" in told and "Twice" in told, (language, told)
        [thread] = set(newest_threads(client, assistant)) - set(before)
        messages = client.beta.threads.messages.list(thread, order="asc").data
        texts = ["".join(part.text.value for part in each.content if part.type == "text") for each in messages]
        assert len(texts) == 4 and "published it" in texts[1] and json.dumps(ANSWER) in texts[1], language
        assert texts[3] == 'Twice "quoted" it\'s', language
        [attached] = messages[0].attachments or []
        assert client.files.retrieve(attached.file_id or "").filename == NOTES, language


def test_a_conversation_that_was_there_is_gone_on_with_by_its_copies(
    console: Console, driver: Driver, api_key: str, tmp_path: Path
) -> None:
    begun = driver.ended(driver.begin("say First"), "completed")
    console.open(f"playground?thread={begun.thread_id}")
    messages = console.page.get_by_role("log")
    expect(messages.get_by_text("First", exact=True)).to_be_visible()
    console.say("say Second")
    expect(messages.get_by_text("Second", exact=True)).to_be_visible()
    console.status("completed")
    for number, language in enumerate(PROGRAMS):
        assert "Second" in output_of(copied(console, language), language, tmp_path, api_key)
        assert len(driver.messages(begun.thread_id)) == 2 * (3 + number)
