"""Measures what a function imports before it can serve, what that takes, and how large functions and layers are.

Each import is made by a fresh interpreter that sees what the function would see: its own code, its layers (built for
this machine's interpreter) and the runtime's boto3. Which functions there are, and what each of them has, is read from
a synthesised template. Some functions are compared with those of commit 1d9ec9b, which have the packages as they are on
PyPI; the runs of both alternate.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from layers.build import CACHE, ROOT

Json = dict[str, Any]
Step = Callable[[str], Any]

TIMES = 5
"""How often each import is timed; the median counts."""

BEFORE = "1d9ec9b"
"""The commit that functions are compared with."""

COMPARED = {
    "api": "api",
    "export": "export",
    "in_progress": "steps",
    "queued": "steps",
    "record_failure": "steps",
    "requires_action": "steps",
    "sweeper": "steps",
}
"""The functions that are compared, and the folder that each one's code was in at that commit."""

MOST = {"in_progress": 58, "api": 42, "stream": 45}
"""Most CPU of an import, in multiples of the interpreter's own start and end."""

STREAMING = ROOT / "layers" / "streaming"
"""The runtime of the functions that stream, which they start with in addition to their own code."""

RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""What the Python runtime of Lambda brings."""

MEGABYTE = 1_000_000

BUDGETS = {
    "in_progress": (430, 11.5),
    "ingestion": (395, 11.5),
    "api": (430, 11.0),
    "stream": (430, 11.0),
    "poll": (430, 11.0),
    "graphql": (470, 11.0),
    "tool-file_search": (485, 25.0),
    "tool-": (280, 10.5),
    "": (235, 3.2),
}
"""Modules, beside the standard library's, and megabytes of them that importing a function's handler may take. The first
name that the function's begins with counts: the first two have the client of the model; `api` has Powertools and
pydantic, tools pydantic, all others boto3 and the engine alone.
"""

PACKAGE_BUDGET = 0.6
"""Megabytes of a function's own code, unpacked."""

LAYER_BUDGETS = {
    "engine": 2.7,
    "graphql": 3.0,
    "openai": 45.0,
    "parsers": 60.0,
    "powertools": 10.0,
    "python_data": 259.0,
    "speech": 12.0,
}
"""Megabytes of a layer for this machine, unpacked. Lambda takes 262 of a function with all of its layers."""

_REPORT = """
import json, os, sys
known = set(sys.stdlib_module_names)
files = {
    name: getattr(module, "__file__", None) for name, module in sys.modules.items()
    if name.partition(".")[0] not in known and not name.startswith("_")
}
size = sum(os.path.getsize(path) for path in set(filter(None, files.values())) if os.path.exists(path))
print(json.dumps({"modules": sorted(files), "bytes": size}))
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it is deployed.

    Attributes:
        name: without the stack's prefix.
        code: the folder, or the archive, of its own code.
        module: of its handler.
        layers: their names.
        variables: of its environment, "null" for what is known after the deployment only.
        packages: folders that take the place of the layers.
    """

    name: str
    code: Path
    module: str
    layers: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    packages: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """Return where it finds what it imports, other than Lambda's own packages."""
        layers = [CACHE / "host" / layer / "python" for layer in self.layers]
        return [self.code, *(self.packages or layers), *([STREAMING] if self.streams else [])]

    @property
    def streams(self) -> bool:
        """Return whether it runs under the project's own runtime, and not AWS's."""
        return "AWS_LAMBDA_EXEC_WRAPPER" in dict(self.variables)

    @property
    def start(self) -> str:
        """Return the program that imports what its first event needs."""
        return f"import streaming_runtime, {self.module}" if self.streams else f"import {self.module}"

    @property
    def budget(self) -> tuple[int, float]:
        """Most modules and megabytes that its import may take."""
        return next(budget for name, budget in BUDGETS.items() if self.name.startswith(name))


@dataclass(frozen=True, slots=True)
class Imported:
    """Holds what an import brought in: modules beside the standard library's, and the bytes of their files."""

    modules: list[str]
    bytes: int

    @property
    def packages(self) -> set[str]:
        """The top-level packages."""
        return {name.partition(".")[0] for name in self.modules}


def functions(template: Path) -> list[Function]:
    """The Python functions of a synthesised template, which lies beside its assets."""
    resources: Json = json.loads(template.read_text())["Resources"]
    prefix = template.name.removesuffix(".template.json") + "-"
    found = []
    for body in resources.values():
        properties = body["Properties"] if body["Type"] == "AWS::Lambda::Function" else {}
        # Those without a name were made by the CDK for itself.
        if "FunctionName" in properties and str(properties["Runtime"]).startswith("python"):
            layers = [resources[layer["Ref"]]["Properties"]["LayerName"] for layer in properties.get("Layers", [])]
            found.append(
                Function(
                    properties["FunctionName"].removeprefix(prefix),
                    template.parent / ("asset." + properties["Code"]["S3Key"].removesuffix(".zip")),
                    properties["Handler"].rpartition(".")[0],
                    tuple(layer.removeprefix(prefix) for layer in layers),
                    tuple(
                        (name, value if isinstance(value, str) else "null")
                        for name, value in properties["Environment"]["Variables"].items()
                    ),
                )
            )
    return found


def imported(function: Function, runtime: Path) -> Imported:
    """Return what importing a function's handler brings in."""
    told = json.loads(_run(function, runtime, f"{function.start}\n{_REPORT}"))
    return Imported(told["modules"], told["bytes"])


@contextmanager
def runtime_packages() -> Iterator[Path]:
    """A folder with the packages of Lambda's runtime and no others."""
    with tempfile.TemporaryDirectory() as folder:
        for name in RUNTIME:
            spec = find_spec(name)
            assert spec and spec.origin
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (Path(folder) / source.name).symlink_to(source)
        yield Path(folder)


def _run(function: Function | None, runtime: Path, statement: str) -> str:
    """Run a statement with nothing of this environment, neither its packages nor its variables; what it printed."""
    paths = [*function.paths, runtime] if function else []
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        **dict(function.variables if function else ()),
    }
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = sys.argv[1:]\n{statement}"]
    ran = subprocess.run([*command, *map(str, paths)], env=environment, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr)
    return ran.stdout


def _cpu_milliseconds(runtime: Path, *functions: Function) -> list[float]:
    """Return the CPU of an interpreter alone, and of one for each function: the medians of runs that alternate."""
    programs = [(None, "pass"), *((function, function.start) for function in functions)]
    times: list[list[float]] = [[] for _ in programs]
    for run in range(TIMES + 1):
        for (function, program), taken in zip(programs, times, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            _run(function, runtime, program)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if run:  # The first one writes the byte code of what was never imported.
                taken.append(1_000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return [statistics.median(taken) for taken in times]


def measure(template: Path, step: Step) -> Json:
    """Import every function and weigh every package."""
    rows = []
    with runtime_packages() as runtime, tempfile.TemporaryDirectory() as folder:
        _check_out(Path(folder))
        for function in functions(template):
            with step(f"Import of {function.name}"):
                found = imported(function, runtime)
                earlier = [_earlier(function, Path(folder))] if function.name in COMPARED else []
                alone, cpu, *before = _cpu_milliseconds(runtime, function, *earlier)
            rows.append(
                {
                    "function": function.name,
                    "modules": len(found.modules),
                    "megabytes": found.bytes / MEGABYTE,
                    "budget": function.budget,
                    "cpu_ms": cpu,
                    "starts": cpu / alone,
                    "starts_before": before[0] / alone if before else None,
                    "package_megabytes": size(function.code) / MEGABYTE,
                }
            )
    return {"functions": rows, "layers": _layers()}


def broken(figures: Json) -> Iterator[str]:
    """Yield what was promised of cold starts and does not hold by these figures."""
    for row in figures["functions"]:
        if row["starts"] > MOST.get(row["function"], row["starts"]):
            yield f"{row['function']} takes {row['starts']:.0f} times as long as the interpreter to start."


def _check_out(folder: Path) -> None:
    """Put the sources of the commit before into a folder."""
    command = ["git", "-C", str(ROOT), "archive", BEFORE, "lambdas", "layers/engine"]
    packed = subprocess.run(command, capture_output=True, check=True)
    # Python's own tarfile holds to its folder from 3.11.4 on only.
    subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)


def _earlier(function: Function, folder: Path) -> Function:
    """Return a function as it was, with the packages of this environment that are in its layers now."""
    packages = folder / "-".join(function.layers)
    packages.mkdir(exist_ok=True)
    for layer in set(function.layers) - {"engine"}:
        for path in (CACHE / "host" / layer / "python").glob("*"):
            installed, link = Path(sysconfig.get_path("purelib"), path.name), packages / path.name
            if installed.exists() and not link.exists():
                link.symlink_to(installed)
    code = folder / "lambdas" / COMPARED[function.name]
    return replace(function, code=code, packages=(folder / "layers" / "engine", packages))


def _layers() -> list[Json]:
    """The size of each layer, of those built for Lambda where they are, else of this machine's."""
    rows = []
    for target in ("lambda", "host"):
        if archives := sorted((CACHE / target).glob("*.zip")):
            for archive in archives:
                unpacked = size(archive.with_suffix("")) / MEGABYTE
                zipped = archive.stat().st_size / MEGABYTE
                rows.append({"layer": archive.stem, "target": target, "zipped": zipped, "megabytes": unpacked})
            break
    return rows


def size(code: Path) -> int:
    """Bytes of a folder's files, or of an archive's, unpacked."""
    if code.is_dir():
        return sum(path.stat().st_size for path in code.rglob("*") if path.is_file())
    with zipfile.ZipFile(code) as archive:
        return sum(entry.file_size for entry in archive.infolist())
