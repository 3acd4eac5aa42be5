"""The samples' notebooks are those that their programs make, with outputs."""

import nbformat
import pytest

from scripts import notebooks


@pytest.mark.parametrize("name", notebooks.names())
def test_a_notebook_is_what_its_program_makes(name: str) -> None:
    stored = nbformat.read(notebooks.path_of(name), as_version=4)
    nbformat.validate(stored)
    sources = [(cell.cell_type, cell.source) for cell in stored.cells]
    assert sources == [(cell.cell_type, cell.source) for cell in notebooks.made(name).cells], (
        "run `python -m scripts.notebooks`"
    )
    for cell in stored.cells:
        if cell.source == notebooks.ASK:
            assert cell.outputs and all(output.output_type != "error" for output in cell.outputs)


def test_some_notebooks_show_a_chart() -> None:
    charts = [
        output
        for name in notebooks.names()
        for cell in nbformat.read(notebooks.path_of(name), as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(charts) == 5
