"""Keeps cloud assemblies, what `cdk synth` makes, until something that they are made from changes."""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.cdk_cli import run_cdk
from local.paths import ROOT

ASSEMBLIES = ROOT / ".build" / "assemblies"
MAX_ASSEMBLIES = 2
"""Cloud assemblies that are kept, each some 130 MB: one may be of the offline model, the other of a real one."""

_SOURCES = ("app.py", "cdk.json", "cdk.context.json", "cdk", "lambdas", "layers", "requirements.txt")
"""What the template and the assets are made from, in the app's folder."""
_CDK = (ROOT / "local" / "requirements.txt", ROOT / "package-lock.json", Path("~/.cdk.json").expanduser())
"""Which CDK makes them, and what it reads of its user's."""


def assembly_of(app: Path, settings: Mapping[str, str], context: Mapping[str, str], folder: Path = ASSEMBLIES) -> Path:
    """Return a cloud assembly of what is in the app's folder now: a kept one if it is of the same.

    Args:
        settings: of the embedded AWS.
        context: values of the configuration.
        folder: keeps the assemblies, each under its fingerprint.

    Raises:
        LocalError: the app can't be synthesised; with what the CDK said.
    """
    with _alone(folder):
        while not (made := folder / fingerprint(app, context)).is_dir():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
                new = Path(temporary) / "assembly"
                _synthesise(app, settings, context, new)
                # A file that was saved meanwhile is in it, or not.
                if fingerprint(app, context) == made.name:
                    new.rename(made)
        made.touch()
        kept = sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-MAX_ASSEMBLIES]:
            shutil.rmtree(old, ignore_errors=True)
    return made


def fingerprint(app: Path, context: Mapping[str, str]) -> str:
    """Return the digest of all that a cloud assembly depends on: sources, context, layers, and the CDK."""
    paths = [path for name in _SOURCES for path in (app / name, *sorted((app / name).rglob("*")))]
    paths += sorted((app / ".build" / "layers" / "host").glob("*.stamp"))
    named = [(str(path.relative_to(app)), path) for path in paths if "__pycache__" not in path.parts]
    digest = hashlib.sha256(json.dumps(context, sort_keys=True).encode())
    for name, path in [*named, *((path.name, path) for path in _CDK)]:
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes waiting that want an assembly of a folder: they may want the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for unfinished in folder.glob(".*"):  # Of a process that was killed.
            shutil.rmtree(unfinished, ignore_errors=True)
        yield


def _synthesise(app: Path, settings: Mapping[str, str], context: Mapping[str, str], folder: Path) -> None:
    arguments = [argument for name, value in context.items() for argument in ("-c", f"{name}={value}")]
    # The layers are there: cdk.json's own build command would fill the cache for AWS.
    run_cdk(settings, app, "synth", *arguments, "--quiet", "--build", "true", "--output", str(folder))
