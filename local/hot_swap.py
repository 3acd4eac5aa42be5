"""Serves a tool's code without a deployment, as `cdk watch` does it on AWS, and undoes that.

The function gets the code and publishes a version, and the alias that callers use moves to it. Deployed aliases never
move: each is named after its version (`v7`), so it is known where one belongs. `local.up` undoes what was swapped, for
it either deploys the same code, or the folder is again what was deployed before.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistants import private
from layers.tool_folders import ToolFolder, files_of

RECORD = "hot-swapped.json"
"""In the stack's directory: the functions whose aliases have moved."""


def serve(directory: Path, lambda_client: Any, prefix: str, tool: ToolFolder) -> None:
    """Have the next call of a tool run the code that is in its folder now.

    Args:
        directory: the stack's own.
        prefix: of the names of its resources, `oae-dev`.
    """
    function = f"{prefix}-{tool.layer}"
    record = directory / RECORD
    private.write(record, json.dumps(sorted({*_swapped(record), function})))
    published = lambda_client.update_function_code(FunctionName=function, ZipFile=_zipped(tool), Publish=True)
    newest = max(_aliases(lambda_client, function), key=lambda alias: int(alias["Name"][1:]))
    lambda_client.update_alias(FunctionName=function, Name=newest["Name"], FunctionVersion=published["Version"])


def undo(directory: Path, client: Callable[[str], Any]) -> None:
    """Move each alias that was moved back to the version that it is named after."""
    record = directory / RECORD
    if not record.is_file():
        return
    lambda_client = client("lambda")
    for function in _swapped(record):
        for alias in _aliases(lambda_client, function):
            if alias["FunctionVersion"] != alias["Name"][1:]:
                lambda_client.update_alias(FunctionName=function, Name=alias["Name"], FunctionVersion=alias["Name"][1:])
    record.unlink()


def _swapped(record: Path) -> list[str]:
    return list(json.loads(record.read_text())) if record.is_file() else []


def _aliases(lambda_client: Any, function: str) -> list[dict[str, str]]:
    try:
        pages = lambda_client.get_paginator("list_aliases").paginate(FunctionName=function)
        return [alias for page in pages for alias in page["Aliases"]]
    except lambda_client.exceptions.ResourceNotFoundException:
        return []  # The tool was removed meanwhile.


def _zipped(tool: ToolFolder) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files_of(tool.path):
            packed.write(path, path.relative_to(tool.path))
    return archive.getvalue()
