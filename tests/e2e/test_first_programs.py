"""What `make up` shows and writes: programs that work when pasted, files to source, documentation without a key."""

import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from local import clients
from local import up as local
from local.paths import NODE, NODE_MODULES
from tests.support.local_stack import DIRECTORY

pytestmark = pytest.mark.offline_model


@pytest.fixture(scope="module")
def shown(stack: local.Local) -> str:
    return clients.introduction(stack.settings, stack.model)


@pytest.fixture(scope="module")
def programs(shown: str) -> tuple[str, str]:
    """The programs as a person copies them."""
    python, javascript = re.findall(r"^(?:from|import) .*?(?=\n\n[A-Z`])", shown, re.DOTALL | re.MULTILINE)
    return python, javascript


def test_the_python_program_works_when_pasted(programs: tuple[str, str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-"],
        input=programs[0],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "1" in ran.stdout


def test_the_javascript_program_works_when_pasted(programs: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "first.mjs").write_text(programs[1])
    ran = subprocess.run([NODE, "first.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "1" in ran.stdout


def test_address_key_and_documentation_are_shown(stack: local.Local, shown: str) -> None:
    address = stack.settings["ASSISTANTS_BASE_URL"]
    for said in (address, stack.settings["ASSISTANTS_API_KEY"], f"{address}/docs"):
        assert re.search(rf"\s{re.escape(said)}$", shown, re.MULTILINE)
    with urllib.request.urlopen(f"{address}/docs") as answer:  # noqa: S310
        assert answer.status == 200


def test_the_file_for_clients_names_nothing_of_aws(stack: local.Local) -> None:
    shell = shutil.which("sh") or "sh"
    ran = subprocess.run(
        [shell, "-c", "set -a; . ./openai.env; env"], cwd=DIRECTORY, env={}, capture_output=True, text=True, check=True
    )
    sourced = dict(line.split("=", 1) for line in ran.stdout.splitlines())
    assert {name: sourced[name] for name in sourced if name not in ("PWD", "OLDPWD", "_", "SHLVL")} == {
        "OPENAI_BASE_URL": stack.settings["ASSISTANTS_BASE_URL"],
        "OPENAI_API_KEY": stack.settings["ASSISTANTS_API_KEY"],
    }
    assert (DIRECTORY / "openai.env").stat().st_mode & 0o777 == 0o600


def test_the_key_stays_when_the_stack_forgets_it(stack: local.Local) -> None:
    secrets, secret = stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"]
    before = secrets.get_secret_value(SecretId=secret)["SecretString"]
    try:
        secrets.put_secret_value(SecretId=secret, SecretString='{"keys": []}')
        key = clients.api_key(DIRECTORY, secrets, secret)
        assert key == clients.api_key(DIRECTORY, secrets, secret) == stack.settings["ASSISTANTS_API_KEY"]
    finally:
        secrets.put_secret_value(SecretId=secret, SecretString=before)
