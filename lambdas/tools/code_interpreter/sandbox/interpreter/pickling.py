"""Pickles variables of a session, also those that Python's own pickles can't carry to another process.

Functions keep the namespace itself as their globals: one that an earlier call defined sees what a later call assigns.
"""

import functools
import io
import pickle
import re
import sys
import types
import typing
import weakref
from _thread import LockType, RLock, allocate_lock
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

import cloudpickle

PROTOCOL = 5
Namespace = dict[str, Any]
Reduced = tuple[Any, ...]


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles variables one after the other; objects that they share stay shared.

    Attributes:
        seen: types of the objects pickled so far, and classes; whoever reads it may empty it.
        buffers: what large arrays hold, which is not copied into the file.
    """

    def __init__(self, file: IO[bytes], namespace: Namespace) -> None:
        self.buffers: list[pickle.PickleBuffer] = []
        super().__init__(file, protocol=PROTOCOL, buffer_callback=self.buffers.append)
        self.globals_ref[id(namespace)] = namespace
        self._namespace = namespace
        self.seen: set[type] = set()

    def persistent_id(self, value: Any) -> str | None:
        return "namespace" if value is self._namespace else None

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        self.seen.add(value if kind is type else kind)
        if special := _SPECIAL.get(kind):
            reduced = special(value)
        elif isinstance(value, BaseException):
            reduced = _exception(value)
        elif isinstance(value, io.IOBase):
            reduced = _file(value)
        else:
            return super().reducer_override(value)
        return super().reducer_override(value) if reduced is NotImplemented else reduced


class Unpickler(pickle.Unpickler):
    """Reads what `Pickler` wrote, into another namespace.

    Args:
        pickles: one after the other; `load` gives the next one's object.
        buffers: of those pickles, in order.
        known: the objects of earlier pickles that these refer to.
    """

    def __init__(
        self, pickles: bytes | memoryview, namespace: Namespace, buffers: Iterable[Any], known: Sequence[Any] = ()
    ) -> None:
        # The only way to an unpickler that knows objects: it loads them. Each is loaded, memorised and dropped.
        each = pickle.NONE + pickle.BINPERSID + pickle.MEMOIZE + pickle.POP
        first = pickle.PROTO + bytes([PROTOCOL]) + each * len(known) + pickle.NONE + pickle.STOP
        super().__init__(io.BytesIO(first + pickles if known else pickles), buffers=buffers)
        self._namespace = namespace
        self._known = iter(known)
        if known:
            self.load()

    def persistent_load(self, name: Any) -> Any:
        return next(self._known) if name is None else self._namespace


def always_loads(kind: type) -> bool:
    """Tell whether what was pickled of a type loads in any other process; other types are tried."""
    package = str(getattr(kind, "__module__", "")).partition(".")[0]
    return package in _PROVEN or package.startswith("_cython_")


_PROVEN = frozenset(
    (
        *(
            "_io",
            "_thread",
            "builtins",
            "collections",
            "datetime",
            "decimal",
            "fractions",
            "functools",
            "pathlib",
            "re",
        ),
        *("matplotlib", "numpy", "pandas", "seaborn", "sympy", "types", "typing", "uuid", "weakref"),
    )
)


def is_own_module(module: types.ModuleType | None) -> bool:
    """Tell whether a module was made by the model's code, and is no part of Python or of a package."""
    if module is None or module.__name__ in sys.builtin_module_names:
        return False
    package = module.__name__.partition(".")[0]
    if package != module.__name__ and not is_own_module(sys.modules.get(package)):
        return False
    file = getattr(module, "__file__", None)
    if file is None:
        # Cython makes modules as programs make them.
        is_made = getattr(module, "__spec__", None) is None and "cython_" not in module.__name__
        return is_made and module.__name__ != "__main__"
    return not file.startswith(_SYSTEM)


_SYSTEM = tuple({path.rstrip("/") + "/" for path in (*sys.path, sys.prefix, sys.base_prefix) if path})


def _cached(function: Any) -> Reduced:
    return _cache, (function.__wrapped__, function.cache_parameters(), vars(function))


def _cache(wrapped: Callable[..., Any], parameters: dict[str, Any], attributes: dict[str, Any]) -> Any:
    made = functools.lru_cache(**parameters)(wrapped)
    vars(made).update(attributes)
    return made


def _exception(error: BaseException) -> Any:
    """An exception of a class whose `__init__` takes something else than what the exception says."""
    kind = type(error)
    if kind.__module__ == "builtins" or kind.__reduce__ is not _builtin_base(kind).__reduce__:
        return NotImplemented
    return _raised, (kind, error.args), {**vars(error), "__cause__": error.__cause__}, None, None, _set_attributes


def _raised(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    error = _builtin_base(kind).__new__(kind, *arguments)
    error.args = arguments
    return error


def _builtin_base(kind: type[BaseException]) -> type[BaseException]:
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")


def _set_attributes(error: BaseException, attributes: dict[str, Any]) -> None:
    error.__cause__ = attributes.pop("__cause__")
    vars(error).update(attributes)


def _file(file: Any) -> Any:
    """A file that is closed; nothing else of it can be used any more."""
    if isinstance(file, (io.BytesIO, io.StringIO)) or not file.closed:
        return NotImplemented
    return _closed_file, (isinstance(file, io.TextIOBase), getattr(file, "name", None), getattr(file, "mode", None))


def _closed_file(is_text: bool, name: Any, mode: Any) -> Any:
    raw = io.BytesIO()
    raw.name = name
    file = io.TextIOWrapper(raw) if is_text else raw
    if mode:
        file.mode = mode  # type: ignore[misc]
    file.close()
    return file


def _match(match: re.Match[Any]) -> Reduced:
    return _matched, (match.re, match.string, match.pos, match.endpos, match.span())


def _matched(pattern: re.Pattern[Any], text: Any, start: int, end: int, span: tuple[int, int]) -> Any:
    for found in (pattern.fullmatch(text, start, end), pattern.match(text, start, end)):
        if found and found.span() == span:
            return found
    return next((found for found in pattern.finditer(text, start, end) if found.span() == span), None)


def _new_type(kind: Any) -> Reduced:
    return _named_type, (kind.__name__, kind.__supertype__)


def _named_type(name: str, base: Any) -> Any:
    made = typing.NewType(name, base)  # type: ignore[misc]
    made.__module__ = "__main__"
    return made


_SPECIAL: dict[type, Callable[[Any], Any]] = {
    type(functools.lru_cache(len)): _cached,
    typing.NewType: _new_type,
    re.Match: _match,
    types.MappingProxyType: lambda proxy: (types.MappingProxyType, (dict(proxy),)),
    weakref.WeakKeyDictionary: lambda weak: (weakref.WeakKeyDictionary, (dict(weak),)),
    weakref.WeakValueDictionary: lambda weak: (weakref.WeakValueDictionary, (dict(weak),)),
    weakref.WeakSet: lambda weak: (weakref.WeakSet, (list(weak),)),
    # A lock that nobody holds in the next call.
    LockType: lambda lock: (allocate_lock, ()),
    RLock: lambda lock: (RLock, ()),
}
"""How to reduce objects of types that can't be pickled, or that are pickled as a name of `__main__`."""
