"""Copies of the project, to deploy with something changed: another release, or one more tool."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from layers.build import build
from local.paths import ROOT

ADDING_A_TOOL = ROOT / "docs" / "adding-a-tool.md"
SILVAENGINE = ROOT / "docs" / "silvaengine.md"
OUR_TOOLS = ("code_interpreter", "file_search", "finance", "registers")
"""The tools that the project comes with; what was added to them is no part of the tests' stack."""
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
    (target / "node_modules").symlink_to(ROOT / "node_modules")
    return target


def configure(project: Path, **context: str) -> None:
    """Set values of the configuration, in the context of a copy's `cdk.json`."""
    settings = json.loads((project / "cdk.json").read_text())
    settings["context"] |= context
    (project / "cdk.json").write_text(json.dumps(settings))


def shown_in(page: Path) -> dict[str, str]:
    """The files that a page of the documentation shows, by the names in the comments before them."""
    shown = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert shown, f"{page} shows no file"
    return dict(shown)


def described_tools(project: Path) -> Any:
    """Return the registry of a project's tools, as the engine's layer for this machine has it."""
    if project == ROOT:
        build("host")
    engine = project / ".build" / "layers" / "host" / "engine" / "python" / "assistant_engine"
    return json.loads((engine / "tools" / "registry.json").read_text())


def replace_tools(project: Path, tools: Path, *pages: Path) -> None:
    """Drop every tool folder of `tools`, and the tools that pages show, into a copy that keeps the project's own.

    They are described in its layer.
    """
    for folder in (project / "lambdas" / "tools").iterdir():
        if folder.is_dir() and folder.name not in OUR_TOOLS:
            shutil.rmtree(folder)
    shutil.copytree(tools, project / "lambdas" / "tools", dirs_exist_ok=True)
    for name, text in (shown for page in pages for shown in shown_in(page).items()):
        if "/" in name:
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text(text)
    subprocess.run([sys.executable, "-m", "layers.build", "--target", "host"], cwd=project, check=True)
