"""What is imported lazily from a layer is what the package, as it is on PyPI, gives."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layers.build import CACHE, LAZY, ROOT, build

SITE = Path(pytest.__file__).parent.parent
LAYERS = sorted(path.parent.name for path in (ROOT / "layers").glob(f"*/{LAZY}"))

NAMES = """
import types
names = {
    name: sorted(
        each for each, value in vars(importlib.import_module(name)).items()
        if not each.startswith("__") and not isinstance(value, types.ModuleType) and each != "annotations"
    )
    for name in given
}
"""
"""Which names packages give, other than modules."""

VALUES = """
def shown(module, name):
    value = getattr(importlib.import_module(module), name)
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"

values = {f"{name}.{each}": shown(name, each) for name, known in names.items() for each in known}
print(json.dumps([names, values]))
"""
"""What each of these names is."""


def ran(folder: Path, program: str, given: object) -> Any:
    """What a program prints, as JSON, that sees the packages of a folder first, and then those of this environment."""
    places = [str(folder), str(SITE)]
    prepared = f"import importlib, json, sys; sys.path[:0] = {places!r}\ngiven = json.load(sys.stdin)\n{program}"
    command = [sys.executable, "-I", "-S", "-c", prepared]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_lazy_package_gives_all_that_it_gave(layer: str) -> None:
    build("host")
    built = CACHE / "host" / layer / "python"
    patterns = (ROOT / "layers" / layer / LAZY).read_text().split()
    lazy = [path for pattern in patterns for path in built.glob(pattern) if "_LAZY = {" in path.read_text()]
    assert all(any(path.match(pattern.replace("**/", "")) for path in lazy) for pattern in patterns)
    packages = [path.parent.relative_to(built).as_posix().replace("/", ".") for path in lazy]
    names, values = ran(SITE, NAMES + VALUES, packages)
    assert ran(built, f"names = given\n{VALUES}", names) == [names, values]
