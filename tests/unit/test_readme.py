"""The documents name tests and files that exist; each promise names its test."""

import json
import re
from typing import Any

import pytest

from assistant_engine import tool
from local.tools import ROOT

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


def test_every_file_that_the_readme_points_to_exists() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []
