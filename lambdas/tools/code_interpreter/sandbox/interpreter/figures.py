"""The matplotlib backend of the sandbox: `plt.show()` writes each open figure to a file, and closes it."""

import io
import weakref
from typing import Any

from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.figure import Figure

from interpreter import representations

__all__ = ["FigureCanvas", "show"]

_displayed: weakref.WeakSet[Figure] = weakref.WeakSet()


def show(*arguments: Any, **named: Any) -> None:
    """Keep the open figures as pictures, in the order in which they were made, but for those that were displayed."""
    try:
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            if figure not in _displayed:
                representations.save(drawn(figure))
    finally:
        pyplot.close("all")


def drawn(figure: Figure) -> bytes:
    """Return a figure as PNG, for `display` or a cell's last value; `show` then leaves it out."""
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    _displayed.add(figure)
    return file.getvalue()
