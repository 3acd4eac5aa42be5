"""Draws docs/demo.svg, the terminal of a question of `make demo`, from a real run on the local stack.

    python -m scripts.demo_picture

Long texts are cut, so that the picture shows the whole run.
"""

import re

from assistants.progress import Progress
from assistants.terminal import Terminal
from local.demo_sample import Demo
from local.paths import ROOT
from local.up import shown, up
from samples.sample import Sample

PICTURE = ROOT / "docs" / "demo.svg"
SAMPLE, QUESTION = "personal_finance", 1
COLUMNS, LINES = 100, 3


class Shortened(Progress):
    """Shows the beginning of each text, without the imports of code."""

    def tell(self, what: str, text: str) -> None:
        """Show a line of what happens within a status."""
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("import ")]
        kept = [line if len(line) <= COLUMNS - 30 else f"{line[: COLUMNS - 33]}..." for line in lines[:LINES]]
        more = ["..."] if len(lines) > LINES else []
        start = "\n" if text.startswith("\n") else ""
        super().tell(what, start + "\n".join([*kept, *more]))


def picture() -> str:
    """Ask the sample's question on the local stack, and return the terminal as SVG text."""
    local, sample = up(step=shown), Sample(SAMPLE)
    Demo(local, sample, Progress(Terminal())).ask(sample.questions[QUESTION])  # The first run starts every function.
    console = Terminal(record=True, width=COLUMNS, highlight=False)
    Demo(local, sample, Shortened(console)).ask(sample.questions[QUESTION])
    svg = console.export_svg(title="make demo", unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # They would load fonts from elsewhere.


if __name__ == "__main__":
    PICTURE.write_text(picture())
    print(f"wrote {PICTURE.relative_to(ROOT)}")
