"""Packs the sources of the functions."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk.aws_lambda import Code

from layers.tool_folders import NOT_CODE

ROOT = Path(__file__).parent.parent
LAMBDAS = ROOT / "lambdas"


def code_of(folder: Path, *, module: str = "", without: Sequence[str] = ()) -> Code:
    """Return the code of a function.

    Args:
        folder: all of it is deployed, except what is not code.
        module: deploy this module of the folder alone, so that a change of another one publishes no version of the
            function.
        without: names in the folder that are another function's.
    """
    exclude = ["*", f"!{module}.py"] if module else [*NOT_CODE, *without]
    return Code.from_asset(str(folder), exclude=exclude)
