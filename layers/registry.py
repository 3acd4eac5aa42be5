"""Prints the registry of the tools in a folder: `python -m layers.registry lambdas/tools`.

The registry is what the engine knows of deployed tools: `{module: {"class_name", "functions": {name: {"description",
"parameters", "needs_approval"}}}}`, each from the class that the module's `handler` was made of.
"""

import importlib
import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any


def registry(folder: Path) -> dict[str, Any]:
    """Import every `<folder>/<module>/<module>.py` and describe its tool class.

    The engine itself describes those that their `tool.toml` calls built in.
    """
    # From the engine's sources, which are on the path only where a layer is built.
    tool = importlib.import_module("assistant_engine.tool")
    described = {}
    for settings in sorted(folder.glob("*/tool.toml")):
        if tomllib.loads(settings.read_text()).get("built_in"):
            continue
        path = settings.with_name(f"{settings.parent.name}.py")
        sys.path.insert(0, str(path.parent))
        module = importlib.import_module(path.stem)
        sys.path.remove(str(path.parent))
        described[path.stem] = tool.describe(_tool_class(module))
    return described


def _tool_class(module: ModuleType) -> type:
    cls = getattr(getattr(module, "handler", None), "tool_class", None)
    if not isinstance(cls, type):
        sys.exit(f"{module.__file__}: a tool module ends with `handler = tool.handler(<its class>)`")
    return cls


if __name__ == "__main__":
    json.dump(registry(Path(sys.argv[1])), sys.stdout, indent=1, sort_keys=True)
