"""Fills the cache of layers: `python -m layers.build [--target lambda|host]`.

Writes `.build/layers/<target>/<layer>/python/`, and the same as `<layer>.zip`, which the CDK app takes:

- `engine`: this folder's `engine/assistant_engine`, with `registry.json`, the description of the deployed tools;
- one for each `layers/<layer>/requirements.txt`, and `tool-<module>` for each `lambdas/tools/<module>/` with such a
  file.

A layer whose inputs are those of its stamp is left alone, without a look at the network. Target `lambda` is the Lambda
runtime, `host` this interpreter.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".build" / "layers"
ENGINE = ROOT / "layers" / "engine" / "assistant_engine"
TOOLS = ROOT / "lambdas" / "tools"
RUNTIME_PYTHON = "3.14"
RUNTIME_PLATFORM = "aarch64-manylinux_2_28"


class BuildError(Exception):
    """A layer could not be built; the message says which one and why."""


def build(target: str, cache: Path = CACHE) -> list[str]:
    """Bring every layer of `target` (`lambda` or `host`) up to date and return the names of those that were built.

    Raises:
        BuildError: a package could not be installed, or a tool could not be described.
    """
    compiler = _compiler(target)
    built = []
    for layer, lock in _locks().items():
        made_from = [lock.read_bytes(), _identity(compiler)]
        if _refresh(cache / target, layer, made_from, partial(_install, target, lock), compiler):
            built.append(layer)
    sources = [*_sources(ENGINE), *_sources(TOOLS), ROOT / "layers" / "registry.py"]
    made_from = [part for path in sources for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())]
    if _refresh(cache / target, "engine", [*made_from, _identity(compiler)], _copy_engine, compiler):
        built.append("engine")
    if compiler is None and built:
        print(f"No python{RUNTIME_PYTHON} at hand: layers are not byte-compiled, cold starts take longer.")
    return built


def _locks() -> dict[str, Path]:
    locks = {path.parent.name: path for path in sorted((ROOT / "layers").glob("*/requirements.txt"))}
    return locks | {f"tool-{path.parent.name}": path for path in sorted(TOOLS.glob("*/requirements.txt"))}


def _sources(folder: Path, *, byte_code: bool = False) -> Iterable[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if byte_code or "__pycache__" not in path.parts)


def _compiler(target: str) -> str | None:
    """Return an interpreter whose byte code the target can use, or None when there is none on this machine."""
    if target == "host" or sys.version_info[:2] == tuple(int(part) for part in RUNTIME_PYTHON.split(".")):
        return sys.executable
    command = [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", RUNTIME_PYTHON]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _identity(compiler: str | None) -> bytes:
    return f"{compiler}|{sys.implementation.cache_tag}|{RUNTIME_PYTHON}|{RUNTIME_PLATFORM}".encode()


def _refresh(
    folder: Path, layer: str, made_from: list[bytes], fill: Callable[[Path], None], compiler: str | None
) -> bool:
    """Build `folder/layer` anew if its stamp is not that of `made_from`; return whether it was built."""
    digest = hashlib.sha256()
    for part in [Path(__file__).read_bytes(), *made_from]:
        digest.update(hashlib.sha256(part).digest())
    stamp = folder / f"{layer}.stamp"
    archive = folder / f"{layer}.zip"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest() and archive.is_file() and (folder / layer).is_dir():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    # Made beside the old one and then renamed: a reader or a second builder never sees half a layer.
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{layer}-") as temporary:
        made = Path(temporary) / "new" / "python"
        made.mkdir(parents=True)
        fill(made)
        if compiler is not None:
            _compile(compiler, made)
        pack(made.parent, Path(temporary) / "new.zip")
        stamp.unlink(missing_ok=True)
        if (folder / layer).exists():
            (folder / layer).rename(Path(temporary) / "old")
        made.parent.rename(folder / layer)
        (Path(temporary) / "new.zip").rename(archive)
    stamp.write_text(digest.hexdigest())
    return True


def pack(folder: Path, archive: Path) -> None:
    """Write a folder into an archive whose bytes depend on the files alone.

    Done once here, not at each synth and deployment: the packages for data are thousands of files.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in _sources(folder, byte_code=True):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16
            packed.writestr(entry, path.read_bytes())


def _install(target: str, lock: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--python", sys.executable, "--only-binary", ":all:", "--link-mode", "copy"]
    command += ["--target", str(folder), "--requirement", str(lock)]
    if target == "lambda":
        command += ["--python-platform", RUNTIME_PLATFORM, "--python-version", RUNTIME_PYTHON]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        raise BuildError(f"{lock.relative_to(ROOT)} could not be installed:\n{installed.stderr.strip()}")
    shutil.rmtree(folder / "bin", ignore_errors=True)
    # Packages bring their own tests, a fifth of what Lambda takes in all.
    for tests in [path for path in folder.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)


def _copy_engine(folder: Path) -> None:
    copy = folder / ENGINE.name
    shutil.copytree(ENGINE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # A tool's module is imported to be described, so what it imports must be there, built for this interpreter.
    needed = [CACHE / "host" / f"tool-{path.parent.name}" / "python" for path in TOOLS.glob("*/requirements.txt")]
    for path in needed:
        if not path.is_dir():
            path.mkdir(parents=True)
            _install("host", TOOLS / path.parent.name.removeprefix("tool-") / "requirements.txt", path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, ENGINE.parent, *needed]))}
    command = [sys.executable, "-m", "layers.registry", str(TOOLS)]
    described = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if described.returncode != 0:
        raise BuildError(f"The tools could not be described:\n{described.stderr.strip()}")
    (copy / "registry.json").write_text(described.stdout)


def _compile(compiler: str, folder: Path) -> None:
    # CDK zips every file with a date of 1980, which would make ordinary byte code stale. The fixed hash seed and the
    # path as in Lambda make the bytes, and with them the layer's version, depend on the sources alone.
    command = [compiler, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder.parent), "-p", "/opt", str(folder)]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, check=False)


def main() -> None:
    """Build the layers of the target named on the command line."""
    parser = argparse.ArgumentParser(description="Fill the cache of layers that the CDK app reads.")
    parser.add_argument("--target", choices=("lambda", "host"), default="lambda")
    target = parser.parse_args().target
    try:
        built = build(target)
    except BuildError as error:
        sys.exit(str(error))
    print(f"Layers for {target}: {', '.join(built) + ' built' if built else 'nothing changed'}.")


if __name__ == "__main__":
    main()
