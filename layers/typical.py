"""Lists what typical programs load: `python -m layers.typical` writes `layers/<layer>/compiled.txt`.

Byte code of all modules of a large layer doesn't fit into Lambda's limit, so such a layer has a program `typical.py`
that uses its packages as most code does. The modules that it loads are compiled; the list is committed, so that every
machine builds the same layer.
"""

import os
import subprocess
import sys
from pathlib import Path

from layers.build import CACHE, COMPILED, ROOT, build

_REPORT = """
import os, runpy, sys
program, folder = sys.argv[1], os.path.realpath(sys.argv[2]) + os.sep
sys.path.insert(0, folder)
runpy.run_path(program, run_name="__main__")
for module in list(sys.modules.values()):
    file = os.path.realpath(getattr(module, "__file__", None) or "")
    if file.startswith(folder) and file.endswith(".py"):
        print("loaded", file.removeprefix(folder))
"""


def loaded(program: Path, folder: Path) -> list[str]:
    """Run a program with the modules of a layer's folder; return those that it loads, as sorted paths below it."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", _REPORT, str(program), str(folder)]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found = [line.removeprefix("loaded ") for line in ran.stdout.splitlines() if line.startswith("loaded ")]
    return sorted({Path(name).as_posix() for name in found})


def main() -> None:
    """Write the list of each layer that has a typical program."""
    build("host")
    for program in sorted((ROOT / "layers").glob("*/typical.py")):
        layer = program.parent
        names = loaded(program, CACHE / "host" / layer.name / "python")
        (layer / COMPILED).write_text("".join(f"{name}\n" for name in names))
        print(f"{layer.name}: {len(names)} modules are compiled.")


if __name__ == "__main__":
    main()
