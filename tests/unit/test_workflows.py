"""The workflows on GitHub: pinned, without secrets, and with no more rights than they use; and the release's papers."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from cdk.configuration import ENVIRONMENTS
from local.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def parsed(name: str) -> Any:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def test_there_is_one_for_tests_and_one_for_deployments() -> None:
    assert [path.name for path in WORKFLOWS] == ["deploy.yml", "test.yml"]


@pytest.mark.parametrize("workflow", [path.name for path in WORKFLOWS])
def test_a_workflow_is_pinned_and_holds_no_secret(workflow: str) -> None:
    text = (ROOT / ".github" / "workflows" / workflow).read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert "secrets." not in text
    assert not re.search(r"run:.*\$\{\{", text), "what is given to a workflow is data, not a part of a command"
    described = parsed(workflow)
    rights = {"contents": "read"} | ({"id-token": "write"} if workflow == "deploy.yml" else {})
    assert described["permissions"] == rights
    assert all(job["timeout-minutes"] <= 120 for job in described["jobs"].values())


def test_the_deployment_is_one_that_the_project_knows() -> None:
    described = parsed("deploy.yml")
    # YAML 1.1 reads the key `on` as true.
    assert described[True]["workflow_dispatch"]["inputs"]["environment"]["options"] == list(ENVIRONMENTS)


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"(?m)^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changelog)
    assert newest
    assert newest[1] == VERSION
    assert "MIT License" in (ROOT / "LICENSE").read_text()
