"""docs/migration.md, as a person follows it: from what they have to the first run on this stack."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from local.paths import ROOT
from tests.support import totals
from tests.support.driver import Driver
from tests.support.earlier_tables import ASSISTANT as OLD_ASSISTANT
from tests.support.earlier_tables import THREAD as OLD_THREAD
from tests.support.earlier_tables import later, plant

pytestmark = pytest.mark.offline_model

PAGE = ROOT / "docs" / "migration.md"
BLOCKS = re.compile(r"```(sh|python)\n(.*?)```", re.DOTALL)
SAID = "Where were we?"
PERSON = "augusta"
"""Stands for the page's `ada`: other tests of this stack have a user of that name, whose runs may wait."""


@pytest.fixture
def folder(stack: local.Local, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page's commands name; the stack is the one that they find."""
    monkeypatch.setattr(stack_finder, "find", lambda environment: stack_finder.Stack(stack.settings))
    monkeypatch.setattr(stack_finder, "ROOT", tmp_path)
    (tmp_path / ".build").symlink_to(ROOT / ".build")  # the layers that are deployed, with their tools
    monkeypatch.chdir(tmp_path)
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def blocks(section: str) -> list[tuple[str, str]]:
    """The blocks of code of a section, each with its language."""
    text = PAGE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return BLOCKS.findall(text)


def follow(section: str, *, instead: Callable[[str], str] = lambda line: line, ends: tuple[int, ...] = (0,)) -> None:
    """Run the commands of a section."""
    for language, text in blocks(section):
        if language != "sh":
            continue
        for line in instead(text).splitlines():
            assert line.startswith("python -m assistants "), line
            try:
                main(shlex.split(line)[3:])
            except SystemExit as ended:
                assert ended.code in ends, line


def ask(thread: str, assistant: str, text: str) -> str:
    """Run the page's own program in a process of its own, on this thread; what it prints."""
    [program] = [text for language, text in blocks("An export of the Assistants API") if language == "python"]
    program = program.replace("thread_abc123", thread).replace("asst_abc123", assistant)
    assert SAID in program
    program = program.replace(json.dumps(SAID), repr(text))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def export(folder: Path, thread: str, assistant: str) -> None:
    said = {"object": "thread.message", "thread_id": thread, "role": "user", "content": "I was called Ada."}
    objects: list[dict[str, Any]] = [
        {
            "object": "assistant",
            "id": assistant,
            "created_at": 1_699_000_000,
            "name": "A",
            "model": "gpt-4o",
            "tools": [],
        },
        {"object": "thread", "id": thread, "created_at": 1_699_000_001, "metadata": {"user_id": PERSON}},
        {**said, "id": "msg_1", "created_at": 1_699_000_002},
    ]
    (folder / "export").mkdir()
    (folder / "export" / "all.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))


def test_an_export_of_openai_goes_on_where_it_was(folder: Path, driver: Driver, model_server: Any) -> None:
    export(folder, "thread_Abc1", "asst_Abc1")

    follow("An export of the Assistants API")

    assert ask("thread_Abc1", "asst_Abc1", "say Hello again.").split(maxsplit=1) == ["completed", "Hello again.\n"]
    [answer, asked, old] = driver.messages("thread_Abc1")[::-1]
    assert (answer["role"], asked["role"], old["content"][0]["text"]["value"]) == (
        "assistant",
        "user",
        "I was called Ada.",
    )
    assert model_server.requests("I was called Ada.")


def test_the_earlier_engine_s_tables_go_on_where_they_were(folder: Path, driver: Driver) -> None:
    export(folder, "thread_Abc2", "asst_Abc2")
    prefix = plant(later(), driver.client("dynamodb"))

    follow(
        "The tables of openai_assistant_engine",
        instead=lambda text: text.replace("--prefix old-", f"--prefix {prefix}"),
    )

    assert ask(OLD_THREAD, OLD_ASSISTANT, "say Worth it.") == "completed Worth it.\n"


def test_a_dump_and_a_running_stack_are_brought_and_a_person_is_erased(
    folder: Path, driver: Driver, stack: local.Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(folder, "thread_Abc3", "asst_Abc3")
    follow("An export of the Assistants API")
    monkeypatch.setenv("OLD_BASE_URL", stack.settings["ASSISTANTS_BASE_URL"])
    monkeypatch.setenv("OLD_KEY", stack.settings["ASSISTANTS_API_KEY"])
    (folder / "threads.txt").write_text("thread_Abc3\n")

    # The stack is its own source: everything is there already, or has gone on since.
    follow("A running server", instead=_expanded, ends=(0, 1))
    follow("A dump of another stack", ends=(0, 1))
    assert "I was called Ada." in (folder / "dump" / "threads.jsonl").read_text()

    totals.ERASED.update(("asst_Abc1", "asst_Abc3"))
    follow("A person's data", instead=lambda text: text.replace(" ada", f" {PERSON}"))
    began = time.time()
    driver.invoke("sweeper", {})
    assert "the retention of default is not swept" not in driver.log_lines(began)
    with pytest.raises(Exception, match="No thread found"):
        driver.store.threads.get("thread_Abc3")
    main(["projects", "set", "--retention-days", "0"])


def _expanded(text: str) -> str:
    return text.replace('"$OLD_BASE_URL"', os.environ["OLD_BASE_URL"]).replace('"$OLD_KEY"', os.environ["OLD_KEY"])
