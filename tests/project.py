"""Copies of the project, to deploy with something changed: another release, or one more tool."""

import shutil
import subprocess
import sys
from pathlib import Path

PARTS = ("app.py", "cdk.json", "cdk", "lambdas", "layers")


def copy(source: Path, target: Path) -> Path:
    """Copy what is deployed; the layers that are built are shared, and nothing in the copy changes the source's."""
    target.mkdir(exist_ok=True)
    for name in PARTS:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, target / name)
    cache = target / ".build" / "layers" / "host"
    cache.mkdir(parents=True)
    for built in (source / ".build" / "layers" / "host").iterdir():
        if built.suffix == ".stamp":
            shutil.copy(built, cache)
        else:
            (cache / built.name).symlink_to(built.resolve())
    return target


def add_tools(project: Path, tools: Path) -> None:
    """Drop every tool folder of `tools` into a copy, and build the engine's layer that describes them."""
    shutil.copytree(tools, project / "lambdas" / "tools", dirs_exist_ok=True)
    subprocess.run([sys.executable, "-m", "layers.build", "--target", "host"], cwd=project, check=True)
