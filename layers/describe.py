"""Prints the description of one tool as JSON: `python -P layers/describe.py <folder of the tool>`.

It runs in a process of its own that has the engine and the tool's packages on its path. What is wrong is one line on
the standard error stream that names the file below `lambdas`, the class and the argument.
"""

import importlib
import inspect
import json
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType


def main(folder: Path) -> None:
    """Import `<folder>/<folder's name>.py` and describe the class that its `handler` was made of."""
    described = importlib.import_module("assistant_engine.tool")
    if folder.name in sys.modules:
        sys.exit(f"{_shown(folder, folder)}: this name hides a module that tools need: rename the tool")
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # It goes by seconds: of two saves within one, the first would be described.
    try:
        with redirect_stdout(sys.stderr):  # What a module prints while it is imported is no description.
            module = importlib.import_module(folder.name)
            description = described.describe(_tool_class(module, folder))
    except described.UndescribableTool as error:
        sys.exit(f"{_shown(error.file or folder, folder)}: {error}")
    except Exception as error:
        sys.exit(f"{_place(error, folder)}: {type(error).__name__}: {_one_line(error)}{_hint(error)}")
    json.dump(description, sys.stdout)


def _tool_class(module: ModuleType, folder: Path) -> type:
    handler = getattr(module, "handler", None)
    cls = getattr(handler, "tool_class", None)
    if not inspect.isclass(cls):
        name = _shown(folder / f"{folder.name}.py", folder)
        sys.exit(f"{name}: a tool module ends with `handler = tool.handler(<its class>)`")
    return cls


def _place(error: Exception, folder: Path) -> str:
    """Return the file and the line in the tool's folder that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        return f"{_shown(Path(error.filename), folder)}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(folder):
            return f"{_shown(Path(frame.filename), folder)}:{frame.lineno}"
    return _shown(folder, folder)


def _hint(error: Exception) -> str:
    return ": list its package in requirements.txt" if isinstance(error, ModuleNotFoundError) else ""


def _one_line(error: Exception) -> str:
    return " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())


def _shown(path: Path, folder: Path) -> str:
    return f"lambdas/tools/{path.relative_to(folder.parent).as_posix()}"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
