"""What every release kept data in, the next one still has: its update replaces none of it."""

import json
import tomllib
from pathlib import Path

import pytest

from scripts.release_data import FOLDER, kept_by
from tests.support.templates import ROOT, Template

RELEASES = sorted(FOLDER.glob("*.json"))


def test_the_version_has_its_file() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"{version}.json" in [path.name for path in RELEASES], "run `python -m scripts.release_data`"


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_an_update_replaces_nothing_that_keeps_data(prod: Template, release: Path) -> None:
    """If the version is not out yet, `python -m scripts.release_data` writes the file anew; else data would be lost."""
    kept, now = json.loads(release.read_text()), kept_by(prod.body)
    assert len(kept) >= 30
    functions = {body.get("FunctionName") for body in now.values()}
    # A function may go; one of the same name under another logical id can't be created while the old one exists.
    gone = {
        name for name, was in kept.items() if name not in now and was.get("FunctionName", "") not in functions | {""}
    }
    assert {name: (was, now.get(name)) for name, was in kept.items() if was != now.get(name) and name not in gone} == {}


def test_the_tables_the_bucket_and_the_secrets_are_among_it() -> None:
    for release in RELEASES:
        kinds = [body["Type"] for body in json.loads(release.read_text()).values()]
        assert kinds.count("AWS::DynamoDB::Table") == 3
        assert kinds.count("AWS::S3::Bucket") >= 1
        assert kinds.count("AWS::SecretsManager::Secret") >= 2
