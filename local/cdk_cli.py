"""Runs the CDK CLI with the embedded AWS as the only one it knows."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.paths import CDK, NODE, ROOT, SCRIPTS
from local.processes import LocalError

_COMPILED = ROOT / ".build" / "node"
"""Node keeps there what it compiled of the CLI's 16 MB of code."""


def run_cdk(settings: Mapping[str, str], folder: Path, *arguments: str) -> None:
    """Run the CDK CLI in a folder.

    Args:
        settings: of the embedded AWS.

    Raises:
        LocalError: it failed; with what it said.
    """
    if not CDK.is_file() or not NODE.is_file():
        raise LocalError("The CDK CLI is not installed: run `make setup`.")
    environment = {**cdk_environment(settings), "NODE_COMPILE_CACHE": str(_COMPILED)}
    run("The CDK CLI", [str(NODE), str(CDK), "--no-notices", "--ci", *arguments], folder, environment)


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
