"""Saves and restores the state of a process in addition to its variables, so that the next call finds it unchanged.

`Surroundings` are needed before variables are loaded: folder, environment and import path. `PARTS` belong to modules
and are put back after the variables, whose loading imports most of these modules.
"""

import locale
import os
import random
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Surroundings:
    """The folder, the environment and the import path, as differences from how a call begins."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._path = list(sys.path)

    def taken(self) -> Json:
        """Return what the code has changed."""
        own = [(place, entry) for place, entry in enumerate(sys.path) if entry not in self._path]
        base = [place for place, entry in enumerate(sys.path) if entry in self._path]
        first = base[0] if base else 0
        now = dict(os.environ)
        try:
            folder = os.getcwd()
        except OSError:  # It was removed.
            folder = ""
        return {
            "folder": folder,
            "set": {name: value for name, value in now.items() if self._environment.get(name) != value},
            "removed": [name for name in self._environment if name not in now],
            "before": [entry for place, entry in own if place < first and isinstance(entry, str)],
            "after": [entry for place, entry in own if place >= first and isinstance(entry, str)],
        }

    @staticmethod
    def restore(taken: Json) -> None:
        """Change what the code of a call before has changed."""
        os.environ.update(taken["set"])
        for name in taken["removed"]:
            os.environ.pop(name, None)
        sys.path[:] = [*taken["before"], *sys.path, *taken["after"]]
        with suppress(OSError):
            os.chdir(taken["folder"] or ".")


@dataclass(frozen=True, slots=True)
class Part:
    """The state of a module: how it is taken, and how it is put back."""

    module: str
    take: Callable[[Any], Any]
    restore: Callable[[Any, Any], None]


def _numpy_state(numpy: Any) -> Any:
    drawn = sys.modules.get("numpy.random")
    return (drawn.get_state(legacy=False) if drawn else None), numpy.get_printoptions(), numpy.geterr()


def _restore_numpy(numpy: Any, state: Any) -> None:
    drawn, printing, errors = state
    if drawn:
        numpy.random.set_state(drawn)
    numpy.set_printoptions(**printing)
    numpy.seterr(**errors)


def _pandas_options(pandas: Any) -> Any:
    from pandas._config import config  # There is no public way to ask for all options.

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        now = {name: pandas.get_option(name) for name in config._registered_options}
    return {name: value for name, value in now.items() if value != config._registered_options[name].defval}


def _restore_pandas(pandas: Any, options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in options.items():
            with suppress(Exception):  # An option that a newer version does not have.
                pandas.set_option(name, value)


def _rc_params(matplotlib: Any) -> Any:
    # As a dict: reading `backend` from the settings themselves would choose one.
    now, first = dict.items(matplotlib.rcParams), matplotlib.rcParamsOrig
    return {name: value for name, value in now if name != "backend" and dict.get(first, name) != value}


def _restore_rc_params(matplotlib: Any, settings: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matplotlib.rcParams.update(settings)


def _restore_filters(module: Any, filters: Any) -> None:
    module.resetwarnings()  # So that Python notices a change.
    module.filters[:] = filters


def _restore_locale(module: Any, name: str) -> None:
    with suppress(locale.Error):
        module.setlocale(module.LC_ALL, name)


PARTS = (
    Part("random", lambda module: module.getstate(), lambda module, state: module.setstate(state)),
    Part("warnings", lambda module: list(module.filters), _restore_filters),
    Part("locale", lambda module: module.setlocale(module.LC_ALL), _restore_locale),
    Part("decimal", lambda module: module.getcontext(), lambda module, context: module.setcontext(context)),
    Part("sys", lambda module: module.getrecursionlimit(), lambda module, limit: module.setrecursionlimit(limit)),
    Part("numpy", _numpy_state, _restore_numpy),
    Part("pandas", _pandas_options, _restore_pandas),
    Part("matplotlib", _rc_params, _restore_rc_params),
)


def taken() -> dict[str, Any]:
    """Return the state of those modules that are loaded."""
    states = {}
    for part in PARTS:
        if module := sys.modules.get(part.module):
            with suppress(Exception):  # The code may have broken the module.
                states[part.module] = part.take(module)
    return states


def restore(states: dict[str, Any]) -> dict[str, Any]:
    """Put states back into the modules that are loaded; return those of modules that are not."""
    waiting = {}
    for part in PARTS:
        if part.module in states:
            module = sys.modules.get(part.module)
            if module is None:
                waiting[part.module] = states[part.module]
                continue
            with suppress(Exception):
                part.restore(module, states[part.module])
    return waiting


assert random  # Its state is kept from the first call on.
