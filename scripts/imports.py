"""Reads which module of the project imports which, from the source."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = "assistant_engine"
PACKAGES = (
    *("assistants", "bench", "cdk", "integrations", "lambdas", "layers", "local", "samples", "scripts", "tests"),
    "verify",
)
FOLDERS = {ENGINE: ROOT / "layers" / "engine" / ENGINE, **{name: ROOT / name for name in PACKAGES}}
"""The folders of the project's modules, by the name that they are imported under."""

Imports = Mapping[str, frozenset[str]]


def modules() -> dict[str, Path]:
    """Return the files of all modules by their dotted names (`assistant_engine.store.runs`, `lambdas.api.files`)."""
    names: dict[Path, str] = {}
    for name, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            dotted = ".".join((name, *path.relative_to(folder).with_suffix("").parts))
            names.setdefault(path, dotted.removesuffix(".__init__"))  # The engine's are in `layers`, too.
    return {name: path for path, name in names.items()}


def imports() -> Imports:
    """Return, for each module of the project, the names that it imports anywhere in it.

    A module of the project has its dotted name; any other is named as it is written (`boto3`, `collections.abc`).
    """
    known = modules()
    return {name: frozenset(_resolved(name, path, known)) for name, path in known.items()}


def _resolved(importer: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    package = importer if path.stem == "__init__" else importer.rpartition(".")[0]
    # Modules in `lambdas` import each other by their bare names, as in a function's package.
    siblings = f"{package}." if importer.startswith("lambdas.") else ""
    for said in _said(ast.parse(path.read_text()), package):
        module = said.rpartition(".")[0]
        name = next((name for name in (said, module, siblings + said, siblings + module) if name in known), said)
        if name != importer:
            yield name


def _said(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield `module` and `module.name` for each import of a module, or of a name from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
