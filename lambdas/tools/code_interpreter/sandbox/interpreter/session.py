"""The session that passes from one call of a thread to its next, as a file that only ever such a process reads.

Each variable is kept or lost by itself. The file has a line of JSON (`Head`), then the pickles of the variables, one
after the other, then the large buffers of arrays. A pickle may refer to objects of those before it.
"""

import hashlib
import io
import json
import pickletools
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import cloudpickle

from interpreter import pickling, state, trial
from interpreter.handles import is_over
from interpreter.shell import Shell

STATE, MODULES, LAST = " state of ", " own modules", " last value"
"""What is pickled in addition to variables; no variable's name begins with a space."""
_MISSING = object()
"""What a pickle finds in the place of an object that could not be loaded before it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The pickle of a variable.

    Attributes:
        bytes: its length.
        buffers: the lengths of the buffers that it refers to, and whether they are read-only.
        tried: whether it has to be tried if it can be loaded.
    """

    name: str
    bytes: int
    buffers: list[tuple[int, bool]]
    tried: bool

    @property
    def size(self) -> int:
        return self.bytes + sum(size for size, _ in self.buffers)


@dataclass(frozen=True, slots=True)
class Head:
    """Holds the part of a session that can be read before anything is unpickled."""

    cells: int = 1
    sources: list[tuple[int, str]] = field(default_factory=list)
    surroundings: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


class Session:
    """The session in a file, and the shell that has it."""

    def __init__(self, file: Path, shell: Shell) -> None:
        self._file = file
        self._shell = shell
        self._namespace: dict[str, Any] = shell.user_ns
        self._surroundings = state.Surroundings()
        self._waiting: dict[str, Any] = {}
        self._loaded: set[bytes] = set()
        """Digests of pickles that this call has loaded; the same bytes can be loaded again."""

    def restore(self) -> None:
        """Put what the calls before left into the process; say what of it is lost."""
        if not self._file.exists():
            return
        try:
            with self._file.open("rb") as file:
                head = _head(file.readline())
                self._shell.resume(head.sources, head.cells)
                self._surroundings.restore(head.surroundings)
                lost = self._load(file, head.entries)
        except Exception as error:
            print(f"[the variables of the calls before are lost: {trial.reason_of(error)}]")
            return
        for name, reason in lost.items():
            print(f"[lost from the calls before: {name}, {reason}]")

    def _load(self, file: IO[bytes], entries: list[Entry]) -> dict[str, str]:
        pickles = memoryview(file.read(sum(entry.bytes for entry in entries)))
        values, lost = {}, {}
        start = 0
        for entry, value, error in _loaded(pickles, _buffers(file, entries), entries, self._namespace):
            if error:
                lost[entry.name] = error
            elif entry.name == MODULES:
                sys.modules.update(value)
            else:
                values[entry.name] = value
                if entry.tried:
                    self._loaded.add(_digest(pickles[start : start + entry.bytes]))
            start += entry.bytes
        states = {name.removeprefix(STATE): values.pop(name) for name in list(values) if name.startswith(STATE)}
        self._waiting = state.restore(states)
        if LAST in values:
            self._namespace["_"] = self._shell.displayhook._ = values.pop(LAST)
        self._namespace.update(values)
        return {name: reason for name, reason in lost.items() if not name.startswith(" ")}

    def keep(self, max_bytes: int) -> None:
        """Write the session to the file, without what can't pass to another process; say what that is, and why."""
        values = self._values()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The code may have turned warnings into errors.
            saved, lost = self._saved(values, max_bytes)
            self._write(saved)
        for name, reason in lost.items():
            if not name.startswith(" ") and not is_over(values[name]):
                print(f"[not kept for the next call: {name}, a {type(values[name]).__name__}: {reason}]")

    def _saved(self, values: dict[str, Any], max_bytes: int) -> tuple["_Saved", dict[str, str]]:
        """Return what can pass to another process, and why the rest can't, by name."""
        lost: dict[str, str] = {}
        try:
            saved = _Saved(values, self._namespace)
        except Exception:
            lost = trial.unsaveable(values, self._namespace)
            saved = _Saved({name: value for name, value in values.items() if name not in lost}, self._namespace)
        while failed := self._unloadable(saved) or _too_large(saved, max_bytes):
            lost |= failed
            saved = _Saved({name: value for name, value in values.items() if name not in lost}, self._namespace)
        return saved, lost

    def _values(self) -> dict[str, Any]:
        hidden = self._shell.user_ns_hidden
        values = {
            name: value
            for name, value in self._namespace.items()
            if not name.startswith("__") and not (name in hidden and hidden[name] is value) and not _is_numbered(name)
        }
        modules = {
            name: module
            for name, module in list(sys.modules.items())
            if isinstance(module, types.ModuleType) and pickling.is_own_module(module) and not _has_file(module)
        }
        for module in modules.values():
            cloudpickle.register_pickle_by_value(module)
        for name in ("_", "__", "___", "_i", "_ii", "_iii", "_exit_code"):
            values.pop(name, None)
        states = {STATE + module: taken for module, taken in {**self._waiting, **state.taken()}.items()}
        return {**({MODULES: modules} if modules else {}), **values, LAST: self._shell.displayhook._, **states}

    def _unloadable(self, saved: "_Saved") -> dict[str, str]:
        """Return which variables can't be loaded in another process, and why."""
        suspects = [
            entry.name for entry, pickled in saved.pickles() if entry.tried and _digest(pickled) not in self._loaded
        ]
        failed = trial.unloadable({name: saved.values[name] for name in suspects}, self._namespace) if suspects else {}
        self._loaded |= {
            _digest(pickled) for entry, pickled in saved.pickles() if entry.tried and entry.name not in failed
        }
        return failed

    def _write(self, saved: "_Saved") -> None:
        head = Head(self._shell.execution_count, self._shell.sources, self._surroundings.taken(), saved.entries)
        written = self._file.with_suffix(".new")
        with written.open("wb") as file:
            file.write(json.dumps(asdict(head)).encode() + b"\n")
            file.write(saved.data.getbuffer())
            for buffer in saved.buffers:
                file.write(buffer.raw())
        written.replace(self._file)


class _Saved:
    """Variables as pickles, in memory.

    Raises:
        Exception: one of them can't be pickled.
    """

    def __init__(self, values: dict[str, Any], namespace: dict[str, Any]) -> None:
        self.values = values
        self.data = io.BytesIO()
        self.entries: list[Entry] = []
        pickler = pickling.Pickler(self.data, namespace)
        self.buffers = pickler.buffers
        for name, value in values.items():
            start, first = self.data.tell(), len(self.buffers)
            pickler.seen.clear()
            pickler.dump(value)
            sizes = [(buffer.raw().nbytes, buffer.raw().readonly) for buffer in self.buffers[first:]]
            tried = not all(map(pickling.always_loads, pickler.seen))
            self.entries.append(Entry(name, self.data.tell() - start, sizes, tried))

    def pickles(self) -> Iterator[tuple[Entry, memoryview]]:
        """Give each entry with its pickle."""
        start = 0
        for entry in self.entries:
            yield entry, self.data.getbuffer()[start : start + entry.bytes]
            start += entry.bytes


def _too_large(saved: _Saved, max_bytes: int) -> dict[str, str]:
    """Return which variables have no room, the largest ones."""
    room, lost = max_bytes, {}
    for entry in sorted(saved.entries, key=lambda entry: entry.size):
        room -= entry.size
        if room < 0:
            lost[entry.name] = f"too large ({entry.size / 1e6:.0f} MB)"
    return lost


def _loaded(
    pickles: memoryview, buffers: list[Any], entries: list[Entry], namespace: dict[str, Any]
) -> Iterator[tuple[Entry, Any, str]]:
    """Load pickles one after the other; give each entry with its value, and with the reason if there is none."""
    position = _Position(buffers)
    unpickler = pickling.Unpickler(pickles, namespace, position)
    start = 0
    for entry in entries:
        first, before = position.next, sys.getrefcount(_MISSING)
        try:
            value, reason = unpickler.load(), ""
            if sys.getrefcount(_MISSING) != before:
                value, reason = None, "something that it shares with another variable is lost"
        except Exception as error:
            value, reason = None, trial.reason_of(error)
        if reason:
            # Later pickles count on the places that the objects of this one have in the unpickler's memory.
            places = range(_memorised(pickles[:start]))
            remembered = unpickler.memo.copy()
            known: list[Any] = [remembered[place] for place in places]
            known += [_MISSING] * _memorised(pickles[start : start + entry.bytes])
            position.next = first + len(entry.buffers)
            unpickler = pickling.Unpickler(pickles[start + entry.bytes :], namespace, position, known)
        start += entry.bytes
        yield entry, value, reason


def _memorised(pickled: memoryview) -> int:
    """Return how many objects a pickle, or several one after the other, puts into the unpickler's memory."""
    count, stream = 0, io.BytesIO(pickled)
    while stream.tell() < len(pickled):
        count += sum(opcode.name == "MEMOIZE" for opcode, _, _ in pickletools.genops(stream))
    return count


class _Position:
    """Gives the buffers one after the other; `next` is the number of the next one."""

    def __init__(self, buffers: list[Any]) -> None:
        self._buffers = buffers
        self.next = 0

    def __iter__(self) -> "_Position":
        return self

    def __next__(self) -> Any:
        if self.next >= len(self._buffers):
            raise StopIteration
        self.next += 1
        return self._buffers[self.next - 1]


def _buffers(file: IO[bytes], entries: list[Entry]) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        for size, is_read_only in entry.buffers:
            buffer = bytearray(size)
            file.readinto(buffer)  # type: ignore[attr-defined]
            found.append(memoryview(buffer).toreadonly() if is_read_only else buffer)
    return found


def _head(line: bytes) -> Head:
    told = json.loads(line)
    return Head(**{**told, "entries": [Entry(**entry) for entry in told["entries"]]})


def _digest(pickled: memoryview) -> bytes:
    return hashlib.blake2b(pickled, digest_size=16).digest()


def _is_numbered(name: str) -> bool:
    """Tell whether a name is one of IPython's for inputs and outputs (`_1`, `_i1`)."""
    return name.startswith("_") and name.lstrip("_").removeprefix("i").isdigit()


def _has_file(module: types.ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).exists()
