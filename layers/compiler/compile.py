"""Compiles folders of modules: `compile.py BASE`, on the Python that is to load the byte code.

Standard input has a JSON object in each line, `{"folder": path below BASE, "files": [path below the folder]}`. For
each, standard output gets `{"magic", "skipped": [file that is no valid Python]}` when its byte code is written.

Each module gets an "unchecked hash" `.pyc` (PEP 552): Lambda unpacks every file with the same old date, so byte code
that is checked by date would be stale. The bytes depend on the source and on Python's release alone.
"""

import importlib.util
import json
import marshal
import sys
import warnings
from pathlib import Path

RUNTIME_FOLDER = "/opt/python"
"""The folder where Lambda puts the modules of layers; tracebacks show it."""
UNCHECKED_HASH = 0b01


def compile_module(folder: Path, file: str) -> bool:
    """Write a module's byte code; return whether it is valid Python."""
    source = (folder / file).read_bytes()
    try:
        code = compile(source, f"{RUNTIME_FOLDER}/{file}", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return False
    header = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + importlib.util.source_hash(source)
    written = Path(importlib.util.cache_from_source(str(folder / file), optimization=""))
    written.parent.mkdir(exist_ok=True)
    written.write_bytes(header + marshal.dumps(code))
    return True


def main() -> None:
    """Answer every line of standard input."""
    warnings.simplefilter("ignore")
    base = Path(sys.argv[1])
    for line in sys.stdin:
        work = json.loads(line)
        folder = base / work["folder"]
        skipped = [file for file in work["files"] if not compile_module(folder, file)]
        print(json.dumps({"magic": importlib.util.MAGIC_NUMBER.hex(), "skipped": skipped}), flush=True)


if __name__ == "__main__":
    main()
