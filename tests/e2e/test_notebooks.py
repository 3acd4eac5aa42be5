"""The samples' notebooks: run on the deployed stack, they show what is stored in them."""

from typing import Any

import nbformat
import pytest

from local.up import Local
from scripts import notebooks

pytestmark = pytest.mark.offline_model


def outputs(notebook: Any) -> list[list[tuple[str, str]]]:
    """Return the kind and the text of each output of each cell; of a chart its kind alone."""
    return [
        [
            (output["output_type"], output.get("text") or output.get("data", {}).get("text/markdown", ""))
            for output in cell.get("outputs", [])
        ]
        for cell in notebook.cells
    ]


@pytest.mark.parametrize("name", notebooks.names())
def test_a_notebook_runs_and_shows_what_is_stored_in_it(stack: Local, api_key: str, name: str) -> None:
    settings = {"ASSISTANTS_BASE_URL": stack.settings["ASSISTANTS_BASE_URL"], "ASSISTANTS_API_KEY": api_key}
    stored = nbformat.read(notebooks.path_of(name), as_version=4)
    assert outputs(notebooks.run(name, settings)) == outputs(stored)
