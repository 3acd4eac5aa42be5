"""Packages of a layer import what they pass on when it is asked for, and give what they gave before."""

import subprocess
import sys
from pathlib import Path

import pytest

from layers.lazy import make_lazy

PACKAGE = {
    "__init__.py": "from .pack import Thing\nfrom . import inner\nfrom pack import one\nfrom .odd import odd\n",
    "pack.py": "from .inner import Thing as Thing\nfrom . import inner as inner\n",
    "inner.py": "class Thing: ...\n",
    "one.py": "import sys\nVALUE = 1\n",
    "odd.py": "def odd(): ...\n",
    "used/__init__.py": "from ..inner import Thing\nfrom ..one import VALUE as own\n__all__ = ['Thing']\nown + 1\n",
    "all/__init__.py": "from ..used import *\n",
    "looks/__init__.py": "from ..inner import Thing\nfor name in list(locals()): ...\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a package."""
    for name, text in PACKAGE.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(folder: Path, program: str) -> str:
    """What a program prints that sees the folder and the packages of this environment."""
    places = [str(folder), *filter(None, sys.path)]
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {places!r}\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


LOADED = "print(sorted(name for name in sys.modules if name.startswith('pack.')))"


def test_what_is_passed_on_is_imported_when_it_is_asked_for(folder: Path) -> None:
    assert make_lazy(folder, ["pack/**/__init__.py"]) == ["pack/__init__.py", "pack/used/__init__.py"]
    # A function named as its submodule is imported at once: the submodule would take its place.
    assert run(folder, f"import pack\n{LOADED}") == "['pack.odd']"
    assert run(folder, "from pack import Thing, one, odd; print(Thing.__module__, one.VALUE, odd())") == (
        "pack.inner 1 None"
    )
    assert run(folder, "import pack; print(pack.inner.Thing is pack.Thing, 'Thing' in dir(pack))") == "True True"


def test_what_a_module_uses_itself_is_imported_at_once(folder: Path) -> None:
    make_lazy(folder, ["pack/**/__init__.py"])
    assert run(folder, f"import pack.used\nprint(pack.used.own); {LOADED}") == (
        "1\n['pack.odd', 'pack.one', 'pack.used']"
    )
    assert run(folder, "from pack.all import *; print(Thing)") == "<class 'pack.inner.Thing'>"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(folder, "import pack; pack.missing")
    assert "AttributeError: module 'pack' has no attribute 'missing'" in failed.value.stderr


def test_the_package_manager_s_own_copy_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    """uv links files of a layer to those of its cache, from which other environments get them."""
    kept = tmp_path / "kept.py"
    kept.hardlink_to(folder / "pack" / "__init__.py")
    assert "pack/__init__.py" in make_lazy(folder, ["pack/__init__.py"])
    assert kept.read_text() == PACKAGE["__init__.py"]
