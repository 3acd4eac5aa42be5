"""The packages of the layer that take longest to import: the template imports those that a call's code names.

The first call of an execution environment waits for them as long as if its own process imported them, and later calls
don't wait. Importing them runs no code of a model.
"""

import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

MODULES = {
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "matplotlib": ("interpreter.figures",),
    "seaborn": ("pandas", "interpreter.figures"),
    "sympy": ("sympy",),
}
"""The modules to import when code names a package. Not seaborn itself, which looks for scipy only once."""

MENTIONS = {"pyarrow": "pyarrow|parquet|feather|orc", "scipy": "scipy|clustermap"}
"""Patterns of the code that uses an optional library.

pandas tries to import pyarrow, and seaborn scipy. Both work without it, and code that doesn't use it need not wait.
"""
_SETTINGS = "matplotlibrc"
"""The file of settings that matplotlib reads when it is imported, from the working folder or that of settings."""
_DRAWING = ("numpy.random", "sympy.core.random")
"""Modules that draw random numbers, each from a state of its own."""


def libraries_named(code: str) -> set[str]:
    """Return those of the libraries which packages look for that the code uses."""
    return {name for name, pattern in MENTIONS.items() if re.search(rf"\b({pattern})", code)}


def plan(code: str, wanted: Collection[str], folders: Iterable[Path]) -> tuple[set[str], set[str]]:
    """Return the modules that the template is to import before a call, and those that it must not have imported.

    Args:
        code: that of the call.
        wanted: the libraries that packages are to find.
        folders: where the code may have left settings.
    """
    barred = set()
    if "pyarrow" in wanted:
        barred.add("pandas")  # It has to find pyarrow.
    if any((folder / _SETTINGS).exists() for folder in folders):
        barred.add("interpreter.figures")
    named = {module for name in MODULES if re.search(rf"\b{name}\b", code) for module in MODULES[name]}
    return named - barred, barred


def load(modules: Iterable[str]) -> None:
    """Import modules; leave those that can't be, so that the code's own import tells why."""
    # matplotlib finds no settings, and no list of fonts, but its own.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MPLCONFIGDIR"] = folder
        for module in modules:
            with suppress(Exception):
                importlib.import_module(module)
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()  # matplotlib's watch over how long its fonts take; forks are made without threads.


def draw_anew() -> None:
    """Give a fork random numbers of its own."""
    for name in _DRAWING:
        if module := sys.modules.get(name):
            module.seed()
