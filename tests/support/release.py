"""The newest release of the project, to be deployed and upgraded."""

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from local.paths import ROOT
from tests.support.project import PARTS, copy

GIT = ["git", "-C", str(ROOT)]
MARK = "\nNEXT_RELEASE = True\n"


def newest_tag() -> str:
    """Return the newest tag of a release that the checkout holds, `v1.0.0`.

    It is empty if there is none, as in a shallow clone and in an archive of the sources.
    """
    command = [*GIT, "tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-version:refname"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return listed.stdout.partition("\n")[0].strip() if listed.returncode == 0 else ""


def check_out(tag: str, target: Path) -> Path:
    """Return a folder with what a release deploys: its own sources and layers; without a tag, what is here."""
    copy(ROOT, target)
    if tag:
        archive = subprocess.run([*GIT, "archive", tag, "--", *PARTS], capture_output=True, check=True)
        for part in PARTS:
            path = target / part
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
            packed.extractall(target, filter="data")
        # Layers that are made from the same sources are there.
        subprocess.run([sys.executable, "-m", "layers.build", "--target", "host"], cwd=target, check=True)
    return target


def next_release(target: Path) -> Path:
    """Return a folder with this code, and a line more in each function: the upgrade replaces the version of all."""
    copy(ROOT, target)
    for module in target.glob("lambdas/**/*.py"):
        module.write_text(module.read_text() + MARK)
    return target
