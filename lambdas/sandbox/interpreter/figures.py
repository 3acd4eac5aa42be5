"""The matplotlib backend of the sandbox: `plt.show()` writes each open figure to a file, and closes it."""

import os
from pathlib import Path
from typing import Any

from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

__all__ = ["FigureCanvas", "show"]


def show(*arguments: Any, **named: Any) -> None:
    """Write the open figures to `SANDBOX_FIGURES` as PNG files, in the order in which they were made."""
    folder = Path(os.environ["SANDBOX_FIGURES"])
    try:
        for number in pyplot.get_fignums():
            name = f"figure-{len(list(folder.iterdir())) + 1:03}.png"
            pyplot.figure(number).savefig(folder / name, format="png", bbox_inches="tight")
    finally:
        pyplot.close("all")
