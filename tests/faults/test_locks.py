"""Every package that is installed, for development too, is locked with hashes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [
    ROOT / "requirements.txt",
    ROOT / "local" / "requirements.txt",
    ROOT / "layers" / "compiler" / "ziglang.txt",
    *sorted(ROOT.glob("layers/**/requirements.txt")),
    *sorted(ROOT.glob("lambdas/tools/*/requirements.txt")),
]
LOCKS_OF_NPM = [ROOT / "package-lock.json", ROOT / "layers" / "compiler" / "package-lock.json"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_every_pin_has_hashes(lock: Path) -> None:
    text = re.sub(r"\\\n", " ", lock.read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.\[\],-]+==[\w.!+-]+( ;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$", line), line[:80]


@pytest.mark.parametrize(
    "file", [*LOCKS, *LOCKS_OF_NPM, ROOT / "Makefile"], ids=lambda file: str(file.relative_to(ROOT))
)
def test_no_lock_and_no_makefile_names_a_registry(file: Path) -> None:
    """Where packages come from is the machine's own setting: an index, a mirror or a cache."""
    text = re.sub(r'"funding": (\{[^}]*\}|\[[^\]]*\])', "", file.read_text())  # Who gives money to a package.
    assert not re.search(r'https?://|--(extra-)?index-url|--find-links|"resolved"', text)


def test_the_project_s_own_lock_holds_pytest() -> None:
    assert re.search(r"^pytest==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_setup_installs_what_the_hashes_say_and_nothing_else() -> None:
    makefile, set_up = (ROOT / "Makefile").read_text(), (ROOT / "scripts" / "set_up.sh").read_text()
    assert "pip install" not in makefile
    installs = [line for line in set_up.splitlines() if line.startswith("  run ") and "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)
    assert "--generate-hashes" in makefile.partition("LOCK :=")[2].partition("lock:")[0]


def test_a_package_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    """`pip install -r requirements.txt`, as the README says it, checks the hashes by itself."""
    package = tmp_path / "planted-1.0-py3-none-any.whl"
    package.write_bytes(b"PK")
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"planted==1.0 --hash=sha256:{'0' * 64}\n")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--find-links", str(tmp_path)]
    ran = subprocess.run([*command, "-r", str(lock)], capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "HASHES" in ran.stderr.upper()
