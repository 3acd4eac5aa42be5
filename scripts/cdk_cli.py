"""Runs the CDK CLI: the one that `make setup` installed, or else the one on the PATH."""

import subprocess
from collections.abc import Sequence

from assistants.stack import ROOT

_INSTALLED = ROOT / "node_modules" / ".bin" / "cdk"


class CdkFailed(Exception):
    """The CDK CLI ended with an error, which it has printed."""


def cdk(*arguments: str) -> None:
    """Run the CDK CLI in the project's folder, its output on the terminal.

    Raises:
        CdkFailed: it ended with an error.
    """
    command = [str(_INSTALLED) if _INSTALLED.exists() else "cdk", *arguments]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise CdkFailed(f"`cdk {arguments[0]}` failed.")


def app_of(environment: str, assembly: str, more: Sequence[str] = ()) -> list[str]:
    """The arguments that tell the CDK CLI which app is meant.

    Args:
        environment: `dev`.
        assembly: a cloud assembly that was synthesised before; empty to synthesise.
        more: further arguments of the synth, `-c name=value`.
    """
    return ["--app", assembly] if assembly else ["-c", f"env={environment}", *more]
