"""Compiles C for the machine that loads it, on any machine: by `zig cc`, which has the C libraries of all of them.

The compiler comes from PyPI, by the lock in `layers/compiler`, below `.build`.
"""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from layers.byte_code import BuildError

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "layers" / "compiler" / "ziglang.txt"
_FOLDERS = ROOT / ".build" / "compiler"
_C_LIBRARY = "gnu.2.28"
"""The oldest C library that what is compiled runs with, as for the packages in the layers (manylinux_2_28)."""


def compile_library(target: str, source: Path, library: Path) -> None:
    """Compile a C file to a shared library for `target` (`lambda` or `host`).

    Raises:
        BuildError: the compiler could not be installed, or refuses the file.
    """
    machine = "aarch64" if target == "lambda" else platform.machine()
    zig = _zig()
    command = [str(zig), "cc", "-target", f"{machine}-linux-{_C_LIBRARY}", "-shared", "-fPIC", "-O2", "-s"]
    # The code calls nothing of the compiler's own library, which zig would build first, in five seconds.
    command += ["-Wall", "-Werror", "-ffreestanding", "-rtlib=none", "-ldl", "-o", str(library), str(source)]
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(zig.parent / "cache")}
    # zig would keep a cache of its own in the working directory.
    with tempfile.TemporaryDirectory() as folder:
        environment["ZIG_LOCAL_CACHE_DIR"] = folder
        compiled = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if compiled.returncode != 0:
        raise BuildError(f"{source.relative_to(ROOT)} could not be compiled:\n{compiled.stderr.strip()}")


def _zig() -> Path:
    """Return the path of the compiler; uv installs it the first time."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = _FOLDERS / f"ziglang-{digest}"
    zig = folder / "ziglang" / "zig"
    if zig.is_file():
        return zig
    _FOLDERS.mkdir(parents=True, exist_ok=True)
    # A second builder never sees half of it.
    with tempfile.TemporaryDirectory(dir=_FOLDERS, prefix=".new-") as temporary:
        made = Path(temporary) / "made"
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--python", sys.executable, "--only-binary", ":all:", "--target", str(made)]
        installed = subprocess.run([*command, "--requirement", str(LOCK)], capture_output=True, text=True, check=False)
        if installed.returncode != 0:
            raise BuildError(f"The compiler for C could not be installed:\n{installed.stderr.strip()}")
        if not folder.exists():
            made.rename(folder)
    return zig
