"""Writes each sample's notebook, `samples/<name>/<name>.ipynb`, from its program and its questions.

`python -m scripts.notebooks [name ...]` runs them on the local stack with the offline model, and keeps the outputs.
"""

import argparse
import ast
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode, v4
from traitlets.config import Config

from local.paths import ROOT
from local.up import shown, up
from samples.sample import Sample

SAMPLES = ROOT / "samples"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
INTRODUCTION = """\
# {title}

{text}

`python -m scripts.notebooks` made this notebook from `ask.py` and `sample.json` in this folder. `make up` starts the
stack that it asks, with the offline model; for a stack of your own, set ASSISTANTS_BASE_URL and ASSISTANTS_API_KEY.
"""
PROJECT = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parents[1]))  # the project, which holds `samples`"""
BEGIN = """\
from samples.sample import connected, show

answers = play(*connected())"""
ASK = "show(next(answers))"
END = "answers.close()  # deletes what the sample made"
MAX_SECONDS = 300
"""For one question."""


def names() -> list[str]:
    """Return the names of the samples that have a notebook: all but those that are spoken."""
    found = sorted(path.parent.name for path in SAMPLES.glob("*/sample.json"))
    return [name for name in found if not any("spoken" in question for question in Sample(name).questions)]


def path_of(name: str) -> Path:
    """Return where a sample's notebook is."""
    return SAMPLES / name / f"{name}.ipynb"


def made(name: str) -> NotebookNode:
    """Return a sample's notebook before it has run."""
    sample, program = Sample(name), (SAMPLES / name / "ask.py").read_text()
    tree = ast.parse(program)
    text = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    lines = program.splitlines()
    # The program without its docstring and without what runs it from the command line.
    source = "\n".join(lines[tree.body[1].lineno - 1 : tree.body[-1].lineno - 1]).strip()
    cells = [
        v4.new_markdown_cell(INTRODUCTION.format(title=sample.assistant["name"], text=_sentence(text)).strip()),
        *(v4.new_code_cell(code) for code in (PROJECT, source, BEGIN)),
    ]
    for question in sample.questions:
        cells.append(v4.new_markdown_cell(f"**{sample.user_of(question)}:** {question['text']}"))
        cells.append(v4.new_code_cell(ASK))
    cells.append(v4.new_code_cell(END))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook: NotebookNode = v4.new_notebook(cells=cells, metadata=METADATA)
    return notebook


def run(name: str, settings: Mapping[str, str]) -> NotebookNode:
    """Return a sample's notebook with its outputs, run by a kernel of its own.

    Args:
        settings: ASSISTANTS_BASE_URL and ASSISTANTS_API_KEY.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = made(name)
    place = {"metadata": {"path": str(SAMPLES / name)}}
    with tempfile.TemporaryDirectory() as folder:
        # Sockets of files: a port would be open to every user of this machine. The kernel runs in another folder.
        sockets = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})
        client = NotebookClient(
            notebook,
            timeout=MAX_SECONDS,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources=place,
            config=sockets,
        )
        client.execute(env={**os.environ, **settings, "IPYTHONDIR": folder})
    notebook["metadata"] = METADATA
    return notebook


def _sentence(docstring: str) -> str:
    """Return what a docstring says after the sample's name."""
    text = " ".join(docstring.partition(": ")[2].split())
    return text[:1].upper() + text[1:]


def main() -> None:
    """Write the notebooks of all samples, or of those that are named."""
    parser = argparse.ArgumentParser(prog="python -m scripts.notebooks", description="Writes the samples' notebooks.")
    parser.add_argument("names", nargs="*", choices=[*names(), []], help="of samples; all if none is given")
    chosen = parser.parse_args().names or names()
    stack = up(step=shown, use_real_model=False)
    settings = {name: stack.settings[name] for name in ("ASSISTANTS_BASE_URL", "ASSISTANTS_API_KEY")}
    for name in chosen:
        nbformat.write(run(name, settings), path_of(name))
        print(f"wrote {path_of(name).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
