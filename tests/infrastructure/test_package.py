"""The project as a package: it is built, installed and used as any other."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str, folder: Path, **variables: str) -> str:
    """Return what a command prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_project_is_installed_and_imported_anywhere(tmp_path: Path) -> None:
    source, built, site, elsewhere = (tmp_path / name for name in ("source", "built", "site", "elsewhere"))
    elsewhere.mkdir()
    # A copy, because the backend writes next to the sources.
    for name in ("assistants", "integrations", "layers/engine"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "requirements.in", "README.md"):
        shutil.copy(ROOT / name, source)
    # With the pinned build backend, which the lock installs: no network is needed.
    build = (UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(built))
    run(*build, str(source), folder=elsewhere)
    [wheel] = built.glob("*.whl")
    install = (UV, "pip", "install", "--offline", "--no-deps", "--python", sys.executable, "--target", str(site))
    run(*install, str(wheel), folder=elsewhere)
    program = "import assistant_engine; from assistant_engine import tool; print(assistant_engine.__file__)"
    imported = run(sys.executable, "-c", program, folder=elsewhere, PYTHONPATH=str(site))
    assert Path(imported.strip()).is_relative_to(site)
    shown = run(sys.executable, "-m", "assistants", "--help", folder=elsewhere, PYTHONPATH=str(site))
    assert shown.startswith("Usage: python -m assistants")
    names = {path.name for path in (site / "assistants").iterdir()}
    assert "report.html" in names
    assert (site / "assistant_engine" / "domain" / "models.json").is_file()


def test_the_build_backend_is_the_locked_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [backend] = project["build-system"]["requires"]
    assert f"\n{backend} " in (ROOT / "local" / "requirements.txt").read_text()
