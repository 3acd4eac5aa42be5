"""Runs the program that reads files, as the ingestion does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from layers.build import CACHE, ROOT

PROGRAM = ROOT / "lambdas" / "tools" / "file_search" / "ingestion" / "parsing.py"
MEMORY = 1024**3


def parse(
    folder: Path, name: str, data: bytes, *, memory: int = MEMORY, seconds: int = 60, first_on_path: Path | None = None
) -> dict[str, Any]:
    """Return what the program says of a file; `{"died": exit code}` if it did not live to say anything.

    Args:
        first_on_path: a folder of modules that go before those of the layer.
    """
    path = folder / "file"
    path.write_bytes(data)
    command = [sys.executable, "-S", str(PROGRAM), str(path), Path(name).suffix.lower(), str(memory), str(seconds)]
    modules = [CACHE / "host" / "parsers" / "python"]
    if first_on_path:
        modules.insert(0, first_on_path)
    environment = {"PYTHONPATH": os.pathsep.join(map(str, modules))}
    ran = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    if ran.returncode != 0:
        return {"died": ran.returncode}
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer
