"""The documents name tests and files that exist; each promise names its test."""

import json
import re
from typing import Any

import pytest

from assistant_engine import tool
from local.paths import ROOT

README = (ROOT / "README.md").read_text()
DOCUMENTS = README + "\n".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_test_that_the_documents_name_exists() -> None:
    named = re.findall(r"`(test_\w+)`", DOCUMENTS)
    assert len(named) >= 50
    assert [name for name in named if f"def {name}(" not in TESTS] == []
    assert [name for name in re.findall(r"`(tests/\w+/\w+\.py)`", DOCUMENTS) if not (ROOT / name).exists()] == []


def test_every_promise_names_its_test() -> None:
    tables = re.findall(r"\| promise \| test \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOCUMENTS)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) >= 70
    assert [row for row in rows if not re.search(r"`(test_\w+|tests/\w+/\w+\.py)`", row.split("|")[2])] == []


@pytest.mark.usefixtures("a_run_that_waits")
def test_the_tool_that_the_readme_shows_works() -> None:
    [program] = re.findall(r"<!-- tool -->\n```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102
    described = tool.describe(names["Weather"])
    assert described["functions"]["get_temperature"]["parameters"]["required"] == ["city"]
    limits = {"inline_bytes": 99, "most_bytes": 99}
    call = {"thread_id": "t", "run_id": "r", "turn": 3, "tool_call_id": "c", "function_name": "get_temperature"}
    answer = names["handler"]({**call, "arguments": '{"city": "Oslo"}', **limits}, None)
    assert json.loads(answer["output"])["city"] == "Oslo"


def test_the_readme_is_short_and_its_first_screen_leads_to_an_answer() -> None:
    lines = README.splitlines()
    assert len(lines) <= 170
    first_screen = "\n".join(lines[:30])
    [commands] = re.findall(r"```\n((?:.*\n)+?)```", first_screen)
    programs = [line.partition("#")[0].strip() for line in commands.splitlines()]
    assert len(programs) == 3
    assert programs[0] == "make up"
    assert programs[1] == "set -a; . .local/openai.env; set +a"
    assert (ROOT / programs[2].split()[1]).is_file()
    assert re.search(r"^up:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def section(document: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one."""
    return document.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_who_deploys_into_a_new_account_is_told_which_quota_it_lacks_and_how_to_ask_for_it() -> None:
    told = re.search(
        r"A new account may run (\d+) functions at once.*#quotas-to-ask-for", section(README, "Deploy to AWS")
    )
    limits = section((ROOT / "docs" / "costs-and-limits.md").read_text(), "Quotas to ask for")
    assert told and f"concurrent executions, {told[1]} in a new account" in limits
    assert "request-service-quota-increase --service-code lambda --quota-code L-B99A9384" in limits


def slug(heading: str) -> str:
    """Return the anchor that a heading of Markdown has in a repository's web pages."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_link_of_the_documents_leads_somewhere() -> None:
    names = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")
    pages = [*(ROOT / name for name in names), *(ROOT / "docs").rglob("*.md")]
    anchors = {page: {slug(heading) for heading in re.findall(r"(?m)^#+ (.*)$", page.read_text())} for page in pages}
    dead = []
    for page in pages:
        for link, anchor in re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            target = (page.parent / link).resolve() if link else page
            if not target.exists() or (anchor and anchor not in anchors.get(target, ())):
                dead.append(f"{page.relative_to(ROOT)}: {link}#{anchor}")
    assert dead == []
