"""The newest release of the project, to be deployed and upgraded."""

import shutil
import subprocess
import sys
from pathlib import Path

from local.paths import ROOT
from tests.support.project import PARTS, copy

GIT = ["git", "-C", str(ROOT)]
TAR = ["tar", "-x", "-C"]
MARK = "\nNEXT_RELEASE = True\n"
BUILDERS = ("build.py", "byte_code.py", "native.py", "compiler")
"""In `layers`: what decides how packages become a layer, and nothing of what the layer holds."""


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
        subprocess.run([*TAR, target], input=archive.stdout, check=True)
        # This code builds the release's layers, so that those of the same packages are there already: all of them anew
        # would take minutes.
        for name in BUILDERS:
            built_by = ROOT / "layers" / name
            if built_by.is_dir():
                shutil.copytree(built_by, target / "layers" / name, dirs_exist_ok=True)
            else:
                shutil.copy(built_by, target / "layers" / name)
        subprocess.run([sys.executable, "-m", "layers.build", "--target", "host"], cwd=target, check=True)
    return target


def next_release(target: Path) -> Path:
    """Return a folder with this code, and a line more in each function: the upgrade replaces the version of all."""
    copy(ROOT, target)
    for module in target.glob("lambdas/**/*.py"):
        module.write_text(module.read_text() + MARK)
    return target
