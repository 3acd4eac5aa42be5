"""Lists what typical programs load: `python -m layers.typical` writes `compiled.txt` in the folders of layers.

Byte code of all modules of a large layer doesn't fit into Lambda's limit, and takes long to make, so such a layer has a
program `typical.py` that uses its packages as most code does. The modules that it loads are compiled; the list is
committed, so that every machine builds the same layer.
"""

import os
import subprocess
import sys
from pathlib import Path

from layers.build import CACHE, COMPILED, build, locks

_REPORT = """
import os, runpy, sys
program, folder = sys.argv[1], os.path.realpath(sys.argv[2]) + os.sep
sys.path[:0] = sys.argv[2:]
runpy.run_path(program, run_name="__main__")
for module in list(sys.modules.values()):
    file = os.path.realpath(getattr(module, "__file__", None) or "")
    if file.startswith(folder) and file.endswith(".py"):
        print("loaded", file.removeprefix(folder))
"""


def programs() -> dict[str, Path]:
    """Return the typical programs, by the names of their layers."""
    found = {name: lock.with_name("typical.py") for name, lock in locks().items()}
    return {name: program for name, program in found.items() if program.is_file()}


def loaded(layer: str, program: Path) -> list[str]:
    """Run a layer's program; return the modules of the layer that it loads, as sorted paths below its folder.

    A library finds the packages for data, as in the sandbox.
    """
    layers = [layer, *(["python_data"] if layer.startswith("library-") else [])]
    folders = [str(CACHE / "host" / name / "python") for name in layers]
    command = [sys.executable, "-I", "-W", "ignore", "-c", _REPORT, str(program), *folders]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found = [line.removeprefix("loaded ") for line in ran.stdout.splitlines() if line.startswith("loaded ")]
    return sorted({Path(name).as_posix() for name in found})


def main() -> None:
    """Write the list of each layer that has a typical program."""
    build("host")
    for layer, program in programs().items():
        names = loaded(layer, program)
        program.with_name(COMPILED).write_text("".join(f"{name}\n" for name in names))
        print(f"{layer}: {len(names)} modules are compiled.")


if __name__ == "__main__":
    main()
