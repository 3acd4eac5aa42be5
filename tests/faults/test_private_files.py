"""Files with keys, conversations or reports are their owner's alone, whatever the umask and whatever was there."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistants import private, report
from local import given, model_choice
from local import up as local
from tests.support.driver import Driver
from tests.support.examples import RUN
from tests.support.interpreter import Interpreter
from tests.support.local_stack import DIRECTORY

pytestmark = pytest.mark.offline_model


@pytest.fixture
def generous() -> Iterator[None]:
    """A umask that takes no right away."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("generous")
def test_a_file_is_private_from_its_first_byte_also_where_a_wider_one_was(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as opened_before:
        private.write(path, "KEY=secret")
        assert opened_before.read() == "old"
    assert (mode(path), path.read_text()) == (0o600, "KEY=secret")
    assert [each.name for each in tmp_path.iterdir()] == ["env"]
    path.chmod(0o666)
    with os.fdopen(private.create(path), "w") as log:
        assert mode(path) == 0o600
        log.write("line")
    target = tmp_path / "target"
    target.write_text("kept")
    path.unlink()
    path.symlink_to(target)
    os.close(private.create(path))
    assert target.read_text() == "kept" and not path.is_symlink()


@pytest.mark.usefixtures("generous")
def test_a_report_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".local" / "reports"
    folder.mkdir(parents=True)
    monkeypatch.setattr(report, "FOLDER", folder)
    monkeypatch.setattr(report, "html", lambda recorded, now: "what was said")
    records: Any = SimpleNamespace(read=lambda run: None)
    written = report.write(records, RUN)
    assert (mode(folder), mode(written)) == (0o700, 0o600)


@pytest.mark.usefixtures("generous")
def test_a_key_file_of_the_user_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "ROOT", tmp_path)
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=sk-of-the-file\n")
    assert mode(file) == 0o666
    assert model_choice.chosen()
    assert mode(file) == 0o600


def test_what_the_local_stack_writes_is_private(stack: local.Local) -> None:
    assert mode(DIRECTORY) == 0o700
    written = ["env", "deployed.json", *(path.name for path in DIRECTORY.glob("*.log"))]
    assert len(written) >= 4
    for name in written:
        assert mode(DIRECTORY / name) == 0o600, name
    assert stack.settings["ASSISTANTS_API_KEY"] in (DIRECTORY / "env").read_text()


def test_a_sandbox_does_not_read_the_keys(driver: Driver, stack: local.Local) -> None:
    """Where the stack runs as root, its sandboxes are users of their own; elsewhere they are the stack's user."""
    code = f"""
try:
    print(open({str(DIRECTORY / "env")!r}).read())
except OSError as error:
    print(type(error).__name__)
"""
    logs = Interpreter(driver).run(code).logs
    if os.getuid() == 0:
        # It may not look into the folder, or has no such folder in its view of the file system.
        assert logs in ("PermissionError", "FileNotFoundError")
        assert stack.settings["ASSISTANTS_API_KEY"] not in logs
