"""Describes the tools: `registry.json` of the engine's layer is what the engine knows of deployed tools.

It is `{module: {"class_name", "functions": {name: {"description", "parameters", "needs_approval"}}}}`, each from the
class that the module's `handler` was made of. The engine itself describes those that their `tool.toml` calls built in.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from layers.tool_folders import ToolFolder, WrongTool, as_one_line, shown

Json = dict[str, Any]
DESCRIBE = Path(__file__).with_name("describe.py")
MAX_SECONDS = 120
"""A module that is still being imported after this time never ends: on Lambda it would have 10 s."""
BUILT_IN = ("code_interpreter", "file_search")


def registry(tools: Sequence[ToolFolder], engine: Path, packages: Callable[[ToolFolder], Path | None]) -> Json:
    """Describe tools.

    Args:
        engine: the folder that holds the package `assistant_engine`.
        packages: returns the folder of a tool's own packages, for this interpreter.

    Raises:
        WrongTool: one can't be described, or two have the same name.
    """
    described = [tool for tool in tools if not tool.settings.built_in]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda tool: describe(tool, engine, packages(tool)), described))
    _check_names(described, found)
    return {tool.name: description for tool, description in zip(described, found, strict=True)}


def describe(tool: ToolFolder, engine: Path, packages: Path | None = None) -> Json:
    """Describe one tool, in a process that finds the modules that its function will find and no other tool's.

    Raises:
        WrongTool: it can't be imported or described.
    """
    paths = [str(engine), *([str(packages)] if packages else [])]
    command = [sys.executable, "-P", str(DESCRIBE), str(tool.path)]
    name = shown(tool.module, tool.path.parent)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WrongTool(f"{name}: the import did not end within {MAX_SECONDS} s") from None
    lines = done.stderr.splitlines()
    if done.returncode != 0:
        raise WrongTool(as_one_line(lines[-1]) if lines else f"{name}: the import ended Python ({done.returncode})")
    try:
        description: Json = json.loads(done.stdout)
    except ValueError:
        raise WrongTool(f"{name}: the import ended Python") from None
    return description


def _check_names(tools: Sequence[ToolFolder], found: Sequence[Json]) -> None:
    """Refuse two classes, or two functions, of one name: a model knows a function by its name alone.

    Raises:
        WrongTool: names the second.
    """
    owners: dict[tuple[str, str], str] = {}
    for tool, description in zip(tools, found, strict=True):
        file, cls = shown(tool.module, tool.path.parent), description["class_name"]
        if ("class", cls) in owners:
            raise WrongTool(f"{file}: {cls}: {owners['class', cls]} has a class of this name")
        owners["class", cls] = file
        for name in description["functions"]:
            if name in BUILT_IN:
                raise WrongTool(f"{file}: {cls}.{name}: a built-in tool has this name")
            if ("function", name) in owners:
                raise WrongTool(f"{file}: {cls}.{name}: {owners['function', name]} has a function of this name")
            owners["function", name] = f"{file} ({cls})"
