"""Runs programs of tests/clients, each with an environment of its own.

Environments are below `.build/clients`, made from their lock files when a test first needs them.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from local.paths import ROOT, SCRIPTS

CLIENTS = ROOT / "tests" / "clients"
MADE = ROOT / ".build" / "clients"

Run = Callable[..., str]


def environment(lock: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` fills from a lock file, made once for each content of it."""
    folder = MADE / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def packages(name: str) -> Path:
    """The folder with the packages of `tests/clients/<name>.txt`, for this Python."""
    lock = CLIENTS / f"{name}.txt"

    def make(folder: Path) -> None:
        command = [str(SCRIPTS / "uv"), "pip", "install", "--quiet", "--require-hashes", "--requirement", str(lock)]
        subprocess.run([*command, "--target", str(folder)], check=True)

    return environment(lock, make)


def program(base_url: str, api_key: str) -> Run:
    """Return what runs a program with the address and the key of the API, and returns what it printed."""

    def run_(*command: object, **variables: str) -> str:
        told = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": api_key, "PATH": os.environ["PATH"], **variables}
        done = subprocess.run([*map(str, command)], env=told, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run_
