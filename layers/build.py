"""Fills the cache of layers: `python -m layers.build [--target lambda|host]`.

Writes `.build/layers/<target>/<layer>/python/`, and the same as `<layer>.zip`, which the CDK app takes:

- `engine`: this folder's `engine/assistant_engine`, with `registry.json`, the description of the deployed tools;
- one for each `layers/<layer>/requirements.txt`, and `tool-<module>` for each `lambdas/tools/<module>/` with such a
  file; a C file in the layer's folder becomes a shared library;
- `library-<name>` for each `layers/libraries/<name>/requirements.txt`: no layer, but what the sandbox fetches when code
  imports it.

A layer whose inputs are those of its stamp is left alone, without a look at the network. Target `lambda` is the Lambda
runtime, `host` this interpreter.
"""

import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from layers.byte_code import RUNTIME_PYTHON, Compiler, magic, modules
from layers.byte_code import BuildError as BuildError
from layers.lazy import make_lazy
from layers.native import compile_library
from layers.registry import registry
from layers.tool_folders import NOT_CODE, ToolFolder, as_one_line, files_of, tool_folders

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".build" / "layers"
ENGINE = ROOT / "layers" / "engine" / "assistant_engine"
RUNTIME_PLATFORM = "aarch64-manylinux_2_28"
ENGINE_LAYER = "engine"
LIBRARIES = ROOT / "layers" / "libraries"
UNUSED = ("tests", "include", "*.c", "*.h", "*.pyx", "*.pxd", "*.pyi", "*.a", "__pycache__")
"""Files that a layer leaves out: the packages' tests (a fifth of Lambda's size limit), the sources of compiled code,
and byte code that the packages bring."""
LAZY = "lazy.txt"
"""In a layer's folder: patterns of modules whose imports are made lazy, one a line (see `layers.lazy`)."""
LEFT_OUT = "left-out.txt"
"""In a layer's folder: patterns of more that is left out, one a line, below the layer's `python`."""
COMPILED = "compiled.txt"
"""In a layer's folder: the modules that are compiled, one a line, where not all are (see `layers.typical`)."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Layer:
    """Describes how a layer is made.

    Attributes:
        made_from: all that decides about its files.
        fill: puts them into a folder.
        compiled: the file that lists the modules to compile; all are if there is none.
    """

    name: str
    made_from: tuple[bytes, ...]
    fill: Callable[[Path], None]
    compiled: Path


def build(target: str, cache: Path = CACHE, report: Report = lambda line: None) -> list[str]:
    """Bring every layer of `target` (`lambda` or `host`) up to date and return the names of those that were built.

    Args:
        report: is told, line by line, what is being done.

    Raises:
        BuildError: a package could not be installed, or nothing here can compile.
        WrongTool: a tool can't be deployed as it is.
    """
    folder = cache / target

    def stale(layers: Sequence[Layer]) -> list[Layer]:
        return [layer for layer in layers if not _is_fresh(folder, target, layer)]

    *packages, engine = _layers(target)
    if not stale([*packages, engine]):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), Compiler(target, folder) as compiler, ThreadPoolExecutor(2) as pool:
        refresh = partial(_refresh, folder, target, compiler, report)
        # What is wrong with a tool is said before the packages are installed, which may take minutes.
        built = stale([engine])
        for layer in built:
            refresh(layer)
        # The largest layers first. One is packed, or installed, while the compiler is busy with another.
        built += (rest := stale(packages))
        list(pool.map(refresh, rest))
    return [layer.name for layer in built]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes that build in a folder waiting: what is stale is looked up after them."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _layers(target: str) -> list[Layer]:
    layers = []
    for name, lock in sorted(locks().items(), key=lambda item: -item[1].stat().st_size):
        made_from = [
            lock.read_bytes(),
            *("\n".join(_patterns(lock, name)).encode() for name in (LEFT_OUT, LAZY)),
            *(source.read_bytes() for source in _c_files(lock)),
        ]
        layers.append(Layer(name, tuple(made_from), partial(_install, target, lock), lock.with_name(COMPILED)))
    sources = [
        *_sources(ENGINE),
        *(path for tool in tool_folders() if not tool.settings.built_in for path in files_of(tool.path, NOT_CODE)),
        *(ROOT / "layers" / name for name in ("registry.py", "describe.py", "tool_folders.py")),
    ]
    made_from = [part for path in sources for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())]
    return [*layers, Layer(ENGINE_LAYER, tuple(made_from), _copy_engine, ENGINE.with_name(COMPILED))]


def locks() -> dict[str, Path]:
    """Return the lock file of each layer of packages, by the layer's name."""
    found = {path.parent.name: path for path in sorted((ROOT / "layers").glob("*/requirements.txt"))}
    found |= {f"library-{path.parent.name}": path for path in sorted(LIBRARIES.glob("*/requirements.txt"))}
    return found | {tool.layer: tool.lock for tool in tool_folders() if tool.lock}


def _patterns(lock: Path, name: str) -> list[str]:
    listed = lock.with_name(name)
    return listed.read_text().splitlines() if listed.is_file() else []


def _c_files(lock: Path) -> list[Path]:
    return sorted(lock.parent.glob("*.c"))


def _sources(folder: Path, *, byte_code: bool = False) -> Iterable[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if byte_code or "__pycache__" not in path.parts)


def _stamp(target: str, layer: Layer) -> str:
    """Return the digest of all that a layer is made from.

    Of the compiler that is what can load its byte code, not which program it is: they write the same bytes.
    """
    platform = RUNTIME_PLATFORM if target == "lambda" else sysconfig.get_platform()
    names = ("build.py", "byte_code.py", "lazy.py", "native.py", "compiler/compile.py", "compiler/ziglang.txt")
    builders = [ROOT / "layers" / name for name in names]
    compiled = layer.compiled.read_bytes() if layer.compiled.is_file() else b""
    digest = hashlib.sha256()
    for part in [*(path.read_bytes() for path in builders), platform.encode(), magic(target), compiled]:
        digest.update(hashlib.sha256(part).digest())
    for part in layer.made_from:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _is_fresh(folder: Path, target: str, layer: Layer) -> bool:
    stamp = folder / f"{layer.name}.stamp"
    built = (folder / f"{layer.name}.zip").is_file() and (folder / layer.name).is_dir()
    return built and stamp.is_file() and stamp.read_text() == _stamp(target, layer)


def _refresh(folder: Path, target: str, compiler: Compiler, report: Report, layer: Layer) -> None:
    """Build `folder/<layer>` anew, its archive and its stamp too."""
    began = time.monotonic()
    stamp = folder / f"{layer.name}.stamp"
    # Made beside the old one and then renamed: a reader never sees half a layer.
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{layer.name}-") as temporary:
        made = Path(temporary) / "new" / "python"
        made.mkdir(parents=True)
        report(f"{layer.name}: collecting files")
        layer.fill(made)
        to_compile = modules(made, layer.compiled)
        report(f"{layer.name}: compiling {len(to_compile)} modules")
        for skipped in compiler.compile(made, to_compile):
            # Nothing can import it, such as a module of Python 2 that a package brings along.
            (made / skipped).unlink()
            report(f"{layer.name}: {skipped} is no valid Python and is left out")
        report(f"{layer.name}: packing")
        # An archive for this machine is read once: a smaller one would cost more than it saves. For Lambda, level 6
        # would take almost twice the time of level 4 and save 3 %.
        pack(made.parent, Path(temporary) / "new.zip", level=1 if target == "host" else 4)
        stamp.unlink(missing_ok=True)
        if (folder / layer.name).exists():
            (folder / layer.name).rename(Path(temporary) / "old")
        made.parent.rename(folder / layer.name)
        (Path(temporary) / "new.zip").rename(folder / f"{layer.name}.zip")
    stamp.write_text(_stamp(target, layer))
    report(f"{layer.name}: built in {time.monotonic() - began:.0f} s")


def pack(folder: Path, archive: Path, level: int) -> None:
    """Write a folder into an archive whose bytes depend on the files alone.

    Done once here, not at each synth and deployment: the packages for data are thousands of files.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in _sources(folder, byte_code=True):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16
            packed.writestr(entry, path.read_bytes(), compresslevel=level)


def _install(target: str, lock: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    # uv links the files to those in its cache where it can: they are removed and replaced here, never written to.
    command += ["--python", sys.executable, "--only-binary", ":all:"]
    command += ["--target", str(folder), "--requirement", str(lock)]
    if target == "lambda":
        command += ["--python-platform", RUNTIME_PLATFORM, "--python-version", RUNTIME_PYTHON]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        raise BuildError(f"{lock.relative_to(ROOT)} could not be installed: {as_one_line(installed.stderr)}")
    shutil.rmtree(folder / "bin", ignore_errors=True)
    left_out = [path for name in UNUSED for path in folder.rglob(name)]
    left_out += [path for pattern in _patterns(lock, LEFT_OUT) for path in folder.glob(pattern)]
    for path in left_out:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    (folder / ".lock").unlink(missing_ok=True)
    make_lazy(folder, _patterns(lock, LAZY))
    for source in _c_files(lock):
        compile_library(target, source, folder / f"lib{source.stem}.so")


def _copy_engine(folder: Path) -> None:
    copy = folder / ENGINE.name
    shutil.copytree(ENGINE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    described = registry(tool_folders(), ENGINE.parent, _packages_of)
    (copy / "tools" / "registry.json").write_text(json.dumps(described, indent=1, sort_keys=True))


def _packages_of(tool: ToolFolder) -> Path | None:
    """Return the folder of a tool's own packages, built for this interpreter; None if it has none."""
    if not tool.lock:
        return None
    folder = CACHE / "host"
    folder.mkdir(parents=True, exist_ok=True)
    (layer,) = [layer for layer in _layers("host") if layer.name == tool.layer]
    if not _is_fresh(folder, "host", layer):
        with Compiler("host", folder) as compiler:
            _refresh(folder, "host", compiler, lambda line: None, layer)
    return folder / tool.layer / "python"


def main() -> None:
    """Build the layers of the target named on the command line."""
    parser = argparse.ArgumentParser(description="Fill the cache of layers that the CDK app reads.")
    parser.add_argument("--target", choices=("lambda", "host"), default="lambda")
    target = parser.parse_args().target
    try:
        built = build(target, report=lambda line: print(f"Layer {line}", flush=True))
    except BuildError as error:
        sys.exit(str(error))
    print(f"Layers for {target}: {', '.join(built) + ' built' if built else 'nothing changed'}.")


if __name__ == "__main__":
    main()
