"""The variables that pass from one call of a thread to its next, as a file that only ever this process reads.

Functions keep the namespace itself as their globals: one that an earlier call defined sees what a later call assigns.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import cloudpickle

_NAMESPACE = "namespace"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, namespace: dict[str, Any]) -> None:
        super().__init__(file, protocol=pickle.DEFAULT_PROTOCOL)
        self.globals_ref[id(namespace)] = namespace
        self._namespace = namespace

    def persistent_id(self, value: Any) -> str | None:
        return _NAMESPACE if value is self._namespace else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, namespace: dict[str, Any]) -> None:
        super().__init__(file)
        self._namespace = namespace

    def persistent_load(self, name: Any) -> dict[str, Any]:
        return self._namespace


def restore(file: Path, namespace: dict[str, Any]) -> None:
    """Put the variables of the calls before into the namespace."""
    if not file.exists():
        return
    try:
        namespace.update(_Unpickler(io.BytesIO(file.read_bytes()), namespace).load())
    except Exception as error:
        print(f"[the variables of the calls before are lost: {type(error).__name__}: {error}]")


def keep(file: Path, namespace: dict[str, Any], most_bytes: int) -> None:
    """Write the variables to the file, without those that can't be written, and say which these are."""
    variables = {name: value for name, value in namespace.items() if not name.startswith("__")}
    try:
        data = _dump(variables, namespace)
    except Exception:
        variables = _those_that_pickle(variables, namespace)
        data = _dump(variables, namespace)
    if len(data) > most_bytes:
        sizes = {name: len(_dump({name: value}, namespace)) for name, value in variables.items()}
        kept = 0
        for name in sorted(sizes, key=sizes.__getitem__):
            kept += sizes[name]
            if kept > most_bytes:
                print(f"[not kept for the next call: {name}, too large]")
                del variables[name]
        data = _dump(variables, namespace)
    written = file.with_suffix(".new")
    written.write_bytes(data)
    written.replace(file)


def _those_that_pickle(variables: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in variables.items():
        try:
            _dump({name: value}, namespace)
            kept[name] = value
        except Exception:
            print(f"[not kept for the next call: {name}, a {type(value).__name__}]")
    return kept


def _dump(variables: dict[str, Any], namespace: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    _Pickler(file, namespace).dump(variables)
    return file.getvalue()
