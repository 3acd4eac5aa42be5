"""Runs the CDK CLI with the embedded AWS as the only one it knows."""

from collections.abc import Mapping
from pathlib import Path

from local.assembly import cdk_environment, run
from local.paths import NODE, NODE_MODULES, ROOT

CDK = NODE_MODULES / "aws-cdk" / "bin" / "cdk"
_COMPILED = ROOT / ".build" / "node"
"""Node keeps there what it compiled of the CLI's 16 MB of code."""


def run_cdk(settings: Mapping[str, str], folder: Path, *arguments: str) -> None:
    """Run the CDK CLI in a folder.

    Args:
        settings: of the embedded AWS.

    Raises:
        LocalError: it failed; with what it said.
    """
    environment = {**cdk_environment(settings), "NODE_COMPILE_CACHE": str(_COMPILED)}
    run("The CDK CLI", [str(NODE), str(CDK), "--no-notices", "--ci", *arguments], folder, environment)
