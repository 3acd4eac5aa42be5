"""Makes cloud assemblies as `cdk synth` does, and keeps each until something changes that it is made from."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.emulator import ACCOUNT, REGION
from local.paths import NODE, ROOT, SCRIPTS
from local.processes import LocalError

ASSEMBLIES = ROOT / ".build" / "assemblies"
MAX_ASSEMBLIES = 3
"""Cloud assemblies that are kept, some 300 MB each: of the offline model, of a real one, and what `make dev` tries."""

_SOURCES = ("app.py", "cdk.json", "cdk", "lambdas", "layers")
"""What the template and the assets are made from, in the app's folder."""
_PACKAGES = (ROOT / "local" / "requirements.txt", ROOT / "package-lock.json")
"""The CDK that makes them, and what of other authors is in the assets."""
_CLI_CONTEXT = {
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
    "aws:cdk:version-reporting": False,
    "aws:cdk:bundling-stacks": ["**"],
}
"""What the CLI tells an app, beside the context of `cdk.json` and of its own arguments."""
_MESSAGES = ("aws:cdk:error", "aws:cdk:warning", "aws:cdk:info")


def assembly_of(app: Path, context: Mapping[str, str], folder: Path = ASSEMBLIES) -> Path:
    """Return a cloud assembly of what is in the app's folder now: a kept one if it is of the same.

    Args:
        context: values of the configuration.
        folder: keeps the assemblies, each under its fingerprint.

    Raises:
        LocalError: the app can't be synthesised; with what the CDK said.
    """
    with _alone(folder):
        while not (made := folder / fingerprint(app, context)).is_dir():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
                new = Path(temporary) / "assembly"
                synthesise(app, context, new)
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
    for name, path in [*named, *((path.name, path) for path in _PACKAGES)]:
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


def synthesise(app: Path, context: Mapping[str, str], folder: Path) -> None:
    """Run a CDK app whose layers are built, as its CLI does, and write the cloud assembly into a new folder.

    The CLI would take a second of processor time to read itself in. What cdk-nag finds fails the app here, too.

    Raises:
        LocalError: with what the app said.
    """
    settings = json.loads((app / "cdk.json").read_text())
    environment = {
        **cdk_environment({}),
        "CDK_CONTEXT_JSON": json.dumps({**settings["context"], **context, **_CLI_CONTEXT}),
        "CDK_OUTDIR": str(folder),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }
    run("The CDK app", [sys.executable, "app.py"], app, environment)
    # At each of a deployment's thousand events, the CLI reads the names and origins of all constructs twice.
    for file in folder.glob("*.metadata.json"):
        metadata = json.loads(file.read_text())
        said = {path: [each for each in entries if each["type"] in _MESSAGES] for path, entries in metadata.items()}
        file.write_text(json.dumps({path: entries for path, entries in said.items() if entries}))


def run(name: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a program of the CDK in a folder, without its output.

    Raises:
        LocalError: it failed; with its name and what it said.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LocalError(f"{name} failed:\n{done.stdout.strip()}")


def cdk_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that runs the CDK, or its CLI, against the embedded AWS."""
    # No profile, role or certificate bundle of the caller's account is left in its environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    # Byte code of the CDK's Python packages saves seconds of every synth.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.update(
        settings,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        CDK_DISABLE_CLI_TELEMETRY="true",
        # The CDK's own rules for templates are a third of a synth, and only warn. `make deploy` has them.
        CDK_VALIDATION="false",
        PATH=os.pathsep.join([str(NODE.parent), str(SCRIPTS), os.environ.get("PATH", "")]),
    )
    return environment
