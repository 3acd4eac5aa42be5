"""Lets packages of a layer import what they only pass on when it is asked for, as `lazy import` of PEP 810 does.

The packages' `__init__` import everything that somebody may want: `openai.types` alone is 468 modules, most of them
pydantic models, which are made at each cold start. A function that posts a request and reads the answer as JSON wants
none of them. Which modules are lazy stands in `layers/<layer>/lazy.txt`; names, modules and values stay the same.

Python has lazy imports from 3.15 on. Until Lambda has that, a module's `__getattr__` (PEP 562) does the same.
"""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

_APPENDED = """

# Written by layers/lazy.py: what this module only passes on is imported when it is asked for.
_LAZY = {sources}


def __getattr__(name):
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    module, attribute = _LAZY[name]
    if attribute:
        value = getattr(__import__(module, fromlist=[attribute]), attribute)
    else:
        value = import_module(module)
    globals()[name] = value
    return value


def __dir__():
    return sorted({{*globals(), *_LAZY}})
"""
_ALL = '\n\n__all__ = [name for name in {*globals(), *_LAZY} if not name.startswith("_")]\n'
"""Without `__all__`, `import *` would not see what is lazy."""

Sources = Mapping[str, tuple[str, str]]
"""For each name the module that it is from, and its name there; "" for the module itself."""


def make_lazy(folder: Path, patterns: Sequence[str]) -> list[str]:
    """Make the imports of the modules below a folder that match a pattern lazy; return the paths of those that changed.

    A statement is made lazy if it imports from the module's own package, and the module does not use what it imports.
    """
    changed = []
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        relative = path.relative_to(folder)
        text = path.read_text()
        if made := _lazy(text, relative.parent.as_posix().replace("/", "."), path.parent):
            path.unlink()  # It may be a link to the package manager's own copy.
            path.write_text(made)
            changed.append(relative.as_posix())
    return changed


def _lazy(text: str, package: str, folder: Path) -> str | None:
    module = ast.parse(text)
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    if used & {"globals", "locals", "vars", "__getattr__"}:
        return None  # It may look at its names without naming them.
    sources: dict[str, tuple[str, str]] = {}
    lines = text.splitlines()
    for statement in module.body:
        names = _passed_on(statement, package) if isinstance(statement, ast.ImportFrom) else {}
        # A name that is its submodule's, too, would be the submodule once that is imported.
        if used.isdisjoint(names) and not any((folder / f"{name}.py").exists() for name in names if names[name][1]):
            sources |= names
            if names:
                lines[statement.lineno - 1 : statement.end_lineno] = [""] * _height(statement)
    if not sources:
        return None
    # Once its submodules were imported, a package had them as attributes.
    for source, _ in list(sources.values()):
        inner = source.removeprefix(f"{package}.").partition(".")[0]
        if source.startswith(f"{package}."):
            sources.setdefault(inner, (f"{package}.{inner}", ""))
    return "\n".join(lines) + _APPENDED.format(sources=repr(sources)) + ("" if "__all__" in used else _ALL)


def _passed_on(statement: ast.ImportFrom, package: str) -> Sources:
    """Return what a statement imports from its own package: nothing if it imports all names, or is of another one."""
    module = statement.module or ""
    if statement.level:
        outer = package.split(".")[: package.count(".") + 2 - statement.level]
        module = ".".join([*outer, module] if module else outer)
    if module.partition(".")[0] != package.partition(".")[0] or statement.names[0].name == "*":
        return {}
    return {
        # The package is asked for nothing of its own: it would ask itself again.
        alias.asname or alias.name: (f"{module}.{alias.name}", "") if module == package else (module, alias.name)
        for alias in statement.names
    }


def _height(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) - statement.lineno + 1
