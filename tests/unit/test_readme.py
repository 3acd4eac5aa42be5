"""The README's promises have the tests that it names."""

import re

from local.tools import ROOT

README = (ROOT / "README.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_test_that_the_readme_names_exists() -> None:
    named = re.findall(r"`(test_\w+)`", README)
    assert len(named) >= 10
    assert [name for name in named if f"def {name}(" not in TESTS] == []


def test_every_file_that_the_readme_points_to_exists() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []
