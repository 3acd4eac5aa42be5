"""Compiles modules for the Python that loads them, on a machine that may not have that Python.

For Lambda that is `pyodide`: CPython as WebAssembly, which npm installs below `.build` by the lock in `layers/compiler`
and Node runs. Where a native CPython of the same release is at hand, that does it. Byte code does not depend on the
platform, so both write the same bytes, and every machine builds the same layers.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "layers" / "compiler" / "compile.py"
RUNTIME_PYTHON = "3.14"
RUNTIME_MAGIC = bytes.fromhex("2b0e0d0a")
"""The first bytes of byte code that CPython 3.14 loads."""
COMPILER_RELEASE = "3.14.2"
"""CPython's release in `pyodide`. Every 3.14 loads its byte code, but another release may compile differently."""
_PYODIDE_LAUNCHER = PROGRAM.with_name("pyodide.mjs")
_PYODIDE_LOCK = (PROGRAM.with_name("package.json"), PROGRAM.with_name("package-lock.json"))
_PYODIDE_FOLDERS = ROOT / ".build" / "compiler"


class BuildError(Exception):
    """A layer could not be built; the message says which one and why."""


def magic(target: str) -> bytes:
    """Return the first bytes of the byte code of `target` (`lambda` or `host`): they stand for what can load it."""
    return importlib.util.MAGIC_NUMBER if target == "host" else RUNTIME_MAGIC


class Compiler:
    """A process that compiles folders below `base` for `target`; threads may share it.

    Raises:
        BuildError: nothing on this machine can compile for Lambda's runtime, or the process died.
    """

    def __init__(self, target: str, base: Path) -> None:
        self._base = base
        self._magic = magic(target)
        self._lock = Lock()
        native = [sys.executable, "-I", str(PROGRAM), str(base)]
        self._command = native if target == "host" else _for_runtime(base)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", text=True
        )

    def __enter__(self) -> "Compiler":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def compile(self, folder: Path, modules: Sequence[str]) -> list[str]:
        """Write the byte code of modules, paths below `folder`; return those that are not valid Python."""
        assert self._process.stdin and self._process.stdout
        work = {"folder": folder.relative_to(self._base).as_posix(), "files": list(modules)}
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(work) + "\n")
                self._process.stdin.flush()
                answer = json.loads(self._process.stdout.readline())
            except (OSError, ValueError) as error:
                raise BuildError(f"The compiler of layers died: {' '.join(self._command)}") from error
        if answer["magic"] != self._magic.hex():
            raise BuildError(f"The compiler of layers writes {answer['magic']}, and {self._magic.hex()} is needed.")
        skipped: list[str] = answer["skipped"]
        return skipped


def modules(folder: Path, listed: Path) -> list[str]:
    """Return the modules of a layer that are to be compiled, as paths below its folder.

    These are the ones in the file `listed`, or all if there is no such file.
    """
    if not listed.is_file():
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    return [name for name in listed.read_text().splitlines() if (folder / name).is_file()]


def on_webassembly(program: Path, mounts: Mapping[str, Path], arguments: Sequence[str] = ()) -> list[str]:
    """Return the command that runs a program on CPython 3.14 as WebAssembly, with standard input and output.

    Args:
        mounts: folders of this machine by the path at which the program sees them.

    Raises:
        BuildError: there is no Node or npm, or `pyodide` could not be installed.
    """
    node, package = _program("node"), _pyodide()
    told = {
        "pyodide": str(package),
        "program": str(program),
        "mounts": {inside: str(folder) for inside, folder in mounts.items()},
        "arguments": list(arguments),
    }
    return [node, str(_PYODIDE_LAUNCHER), json.dumps(told)]


def _for_runtime(base: Path) -> list[str]:
    python = _runtime_python()
    if python is not None:
        return [python, "-I", str(PROGRAM), str(base)]
    return on_webassembly(PROGRAM, {"/layers": base}, ["/layers"])


def _runtime_python() -> str | None:
    """Return an interpreter of the compiler's release, or None when there is none on this machine."""
    command = [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", f"cpython@{COMPILER_RELEASE}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _pyodide() -> Path:
    """Return the folder of the package `pyodide`; npm installs it the first time."""
    lock = hashlib.sha256(b"".join(path.read_bytes() for path in _PYODIDE_LOCK)).hexdigest()[:16]
    folder = _PYODIDE_FOLDERS / lock
    package = folder / "node_modules" / "pyodide"
    if package.is_dir():
        return package
    npm = _program("npm")
    _PYODIDE_FOLDERS.mkdir(parents=True, exist_ok=True)
    # A second builder never sees half of it.
    with tempfile.TemporaryDirectory(dir=_PYODIDE_FOLDERS, prefix=".new-") as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        for path in _PYODIDE_LOCK:
            shutil.copy(path, made)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        installed = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        if installed.returncode != 0:
            raise BuildError(f"npm could not install pyodide, which compiles the layers:\n{installed.stderr.strip()}")
        if not folder.exists():
            made.rename(folder)
    return package


def _program(name: str) -> str:
    """Return Node's program of this name, the virtual environment's first."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(name, path=places)
    if found is None:
        raise BuildError(
            f"The layers' byte code is made by Node and npm, or by Python {COMPILER_RELEASE}, and {name} is not on the"
            " PATH. Without byte code, each call of the code interpreter would take seconds longer, and each cold"
            " start twice as long."
        )
    return found
