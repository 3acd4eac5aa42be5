"""What importing each function's handler costs: `python -m bench.cold_start [--times N]`.

Each import is made by a fresh interpreter that sees what the function would see: its own code, its layers (built for
this machine's interpreter) and the runtime's boto3. With it stands what the first event adds: the DynamoDB client, and
the model's. Machines differ, and so does one from minute to minute, so times are given as multiples of the
interpreter's own start, too.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from layers.build import CACHE, ROOT, build

RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""What the Python runtime of Lambda brings."""

STORE = "from assistant_engine.step import store; store()"
MODEL = "import openai; openai.OpenAI(api_key='none', max_retries=0)"


@dataclass(frozen=True)
class Function:
    """A function: its name, the folder and module of its handler, its layers, and what its first event makes."""

    name: str
    folder: str
    module: str
    layers: tuple[str, ...]
    first_event: str = ""


FUNCTIONS = (
    Function("queued", "steps", "queued", ("engine", "openai"), STORE),
    Function("in_progress", "steps", "in_progress", ("engine", "openai"), f"{STORE}; {MODEL}"),
    Function("requires_action", "steps", "requires_action", ("engine",), STORE),
    Function("record_failure", "steps", "record_failure", ("engine",), STORE),
    Function("sweeper", "steps", "sweeper", ("engine",), STORE),
    Function("api", "api", "api", ("engine", "powertools", "openai"), STORE),
    Function("ingestion", "ingestion", "ingestion", ("engine", "openai", "parsers"), f"{STORE}; {MODEL}"),
    Function(
        "tool-file_search", "tools/file_search", "search", ("engine", "openai", "tool-file_search"), f"{STORE}; {MODEL}"
    ),
    Function("tool-finance", "tools/finance", "finance", ("engine", "openai")),
)


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU and of the clock, the median of several times."""

    cpu: float
    wall: float


def measure(paths: list[Path], statement: str, times: int) -> Cost:
    """What an interpreter that sees only `paths` takes for a statement, its own start and end included."""
    _run(paths, statement)  # byte code of what was never imported is written once
    costs = []
    for _ in range(times):
        before, start = _cpu_of_children(), time.perf_counter()
        _run(paths, statement)
        costs.append((1_000 * (_cpu_of_children() - before), 1_000 * (time.perf_counter() - start)))
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def by_package(paths: list[Path], statement: str) -> list[tuple[str, float]]:
    """Milliseconds that the modules of each package take by themselves, the largest first."""
    packages: Counter[str] = Counter()
    for line in _run(paths, statement, "-X", "importtime").splitlines():
        if found := re.match(r"import time: +(\d+) \| +\d+ \| +([\w.]+)", line):
            name = found[2].partition(".")[0]
            packages["standard library" if name in sys.stdlib_module_names else name] += int(found[1])
    return [(name, microseconds / 1_000) for name, microseconds in packages.most_common()]


def _run(paths: list[Path], statement: str, *options: str) -> str:
    """Run a statement with nothing of this environment, neither its packages nor its variables; what it wrote."""
    command = [sys.executable, "-I", "-S", *options, "-c", f"import sys; sys.path[:0] = sys.argv[1:]\n{statement}"]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "BUCKET": "none",
    }
    ran = subprocess.run([*command, *map(str, paths)], env=environment, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(ran.stderr)
    return ran.stderr


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _runtime(folder: Path) -> Path:
    """A folder with the packages of Lambda's runtime and no others."""
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec and spec.origin
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What importing each function's handler costs.")
    parser.add_argument("--times", type=int, default=9)
    times: int = parser.parse_args().times
    build("host")
    with tempfile.TemporaryDirectory() as temporary:
        runtime = _runtime(Path(temporary))
        bare = measure([], "pass", times)
        table = Table(title=f"Python {sys.version.split()[0]}, median of {times}; interpreter alone {bare.cpu:.0f} ms")
        for column in ("function", "import: CPU ms", "wall ms", "ratio", "with the first event's clients", "ratio"):
            table.add_column(column, justify="left" if column == "function" else "right")
        table.add_column("packages of the import, ms of their own")
        for function in FUNCTIONS:
            layers = [CACHE / "host" / layer / "python" for layer in function.layers]
            paths = [ROOT / "lambdas" / function.folder, *layers, runtime]
            statement = f"import {function.module}"
            imported = measure(paths, statement, times)
            first = measure(paths, f"{statement}; {function.first_event}", times) if function.first_event else imported
            packages = [f"{name} {cost:.0f}" for name, cost in by_package(paths, statement)[:6]]
            table.add_row(
                function.name,
                *(f"{imported.cpu:.0f}", f"{imported.wall:.0f}", f"{imported.cpu / bare.cpu:.1f}"),
                *(f"{first.cpu:.0f}", f"{first.cpu / bare.cpu:.1f}"),
                ", ".join(packages),
            )
    Console(width=180, highlight=False).print(table)


if __name__ == "__main__":
    main()
