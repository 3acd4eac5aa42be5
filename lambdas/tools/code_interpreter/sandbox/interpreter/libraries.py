"""Imports large libraries that are not in the layers: the process that started this one fetches them.

`lambdas/tools/code_interpreter/sandbox/libraries.py` is the other end.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

import cloudpickle

_LOOKS = {"is_scipy_sparse"}
"""Functions of the layers' packages that try whether a library is there, and do without."""

_PACKAGES = str(Path(cloudpickle.__file__).parents[1]) + os.sep


class Finder:
    """Finds the modules of libraries, after all other finders have looked in vain.

    Args:
        modules: the top-level modules of all libraries.
        ask: gives what the other end answers for a module; nothing in a copy of this process.
        wanted: those that are fetched too where a package of the layer only tries whether they are there.
    """

    def __init__(self, modules: Sequence[str], ask: Callable[[str], bytes], wanted: Iterable[str]) -> None:
        self._modules = frozenset(modules)
        self._ask = ask
        self._wanted = set(wanted)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a library's top-level module.

        Raises:
            ImportError: the library can't be had.
        """
        if name not in self._modules or path is not None:
            return None
        if name not in self._wanted and _is_only_tried(sys._getframe(1)):
            return None
        answer = self._ask(f"library {name}")
        if not answer:
            raise ImportError(f"{name} is fetched when it is first imported: import it before you start processes.")
        found = json.loads(answer)
        if "error" in found:
            raise ImportError(f"{name} is not available: {found['error']}.")
        folder = found["folder"]
        if folder not in sys.path:
            sys.path.append(folder)
            # For Pythons that the code starts.
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), folder]))
        self._wanted.add(name)
        importlib.invalidate_caches()
        return PathFinder.find_spec(name, [folder])


def _is_only_tried(frame: FrameType | None) -> bool:
    """Return whether a package of the layers only looks whether there is such a library."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("<module>", *_LOOKS) and code.co_filename.startswith(_PACKAGES):
            return True
        frame = frame.f_back
    return False


def install(modules: Sequence[str], ask: Callable[[str], bytes], wanted: Iterable[str]) -> None:
    """Let this process, and copies of it once they are imported, import libraries.

    joblib, and with it scikit-learn, then works with threads: its processes would be Pythons of their own.
    """
    os.environ["JOBLIB_MULTIPROCESSING"] = "0"
    sys.meta_path.append(Finder(modules, ask, wanted))
