"""Measures how large the sandbox's layer and libraries are, and how long the first import of a library takes.

The sandbox's own processes run here, with archives on this disk: the time to fetch one from S3 comes on top.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.stack import Stack
from cdk.configuration import SandboxLimits
from cdk.libraries import modules_of
from layers.build import CACHE, LIBRARIES, ROOT, build

Json = dict[str, Any]

TIMES = 3
"""How often each import is timed, in environments of their own; the median counts."""

_IMPORTED = {"scikit-learn": "sklearn.linear_model", "scipy": "scipy.stats", "statsmodels": "statsmodels.api"}
"""The module to import of a library, where it has another name than the library."""
_PROGRAM = """
import json, sys
import processes
from libraries import Libraries
from workspace import Workspace

limits = processes.Limits(**json.loads(sys.argv[1]))
processes.guard_this_process()
for _ in range(2):
    with Workspace() as workspace:
        libraries = Libraries(json.loads(sys.argv[3]))
        ended = processes.run(sys.argv[2], workspace, limits, limits.seconds, libraries=libraries)
        print(ended.output.strip() or ended.reason)
"""


def measure(stack: Stack, step: Callable[[str], Any]) -> Json:
    """Return sizes in MB, packed and unpacked, and the seconds of a first import and of one in the next call."""
    build("host")
    build("lambda")
    layer = CACHE / "lambda" / "python_data"
    unpacked = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    figures: Json = {"python_data": {"unpacked_mb": unpacked / 1e6}}
    for name in sorted(path.name for path in LIBRARIES.iterdir()):
        step(f"importing {name}")
        archive = CACHE / "lambda" / f"library-{name}.zip"
        with zipfile.ZipFile(archive) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        times = [_import_twice(_IMPORTED.get(name, name)) for _ in range(TIMES)]
        figures[name] = {
            "packed_mb": archive.stat().st_size / 1e6,
            "unpacked_mb": size / 1e6,
            "first_seconds": statistics.median(first for first, _ in times),
            "next_seconds": statistics.median(following for _, following in times),
        }
    for name, found in figures.items():
        step(f"{name}: " + ", ".join(f"{figure} {value:.1f}" for figure, value in found.items()))
    return figures


def _import_twice(module: str) -> tuple[float, float]:
    """Import a module in two calls of a new environment; return the seconds of each."""
    code = f"import time\nbegan = time.perf_counter()\nimport {module}\nprint(time.perf_counter() - began)"
    offered = []
    for name in sorted(path.name for path in LIBRARIES.iterdir()):
        archive = CACHE / "host" / f"library-{name}.zip"
        offered.append({"name": name, "modules": modules_of(archive), "url": archive.as_uri()})
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(
                str(path)
                for path in (
                    ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox",
                    CACHE / "host" / "python_data" / "python",
                )
            ),
            "TMPDIR": str(Path(folder)),
            "SANDBOX_NETWORK": "isolated",
            "AWS_LAMBDA_FUNCTION_NAME": "sandbox",
        }
        command = [sys.executable, "-c", _PROGRAM, json.dumps(asdict(SandboxLimits())), code, json.dumps(offered)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    first, following = map(float, ran.stdout.split())
    return first, following
