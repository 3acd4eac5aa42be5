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
    *sorted(ROOT.glob("layers/*/requirements.txt")),
    *sorted(ROOT.glob("lambdas/tools/*/requirements.txt")),
]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_every_pin_has_hashes(lock: Path) -> None:
    text = re.sub(r"\\\n", " ", lock.read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.\[\],-]+==[\w.!+-]+( ;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$", line), line[:80]


def test_setup_installs_what_the_hashes_say_and_nothing_else() -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "pip install" in line]
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
