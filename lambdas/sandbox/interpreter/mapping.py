"""`/mnt/data` for a process that may not make it: paths below it lead to a folder that Lambda lets it write.

Every function of Python that takes a path is wrapped, so `open`, `os`, `pathlib`, and with them pandas, matplotlib,
zipfile and shutil, and also SQLite, imports and started programs find the files. The strings themselves stay as the
program wrote them. Native code that opens a path by itself is not covered.
"""

import builtins
import importlib.machinery
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

MOUNT = "/mnt/data"
_IN_TEXT = re.compile(rf"(?<![\w./-]){MOUNT}(?![\w.-])")
_PATHS = (
    *("access", "chdir", "chmod", "chown", "lchown", "link", "listdir", "listxattr", "getxattr", "setxattr"),
    *("lstat", "mkdir", "mkfifo", "mknod", "open", "pathconf", "readlink", "remove", "removexattr", "rename"),
    *("replace", "rmdir", "scandir", "stat", "statvfs", "symlink", "truncate", "unlink", "utime"),
)
_PROGRAMS = ("execv", "execve", "posix_spawn", "posix_spawnp", "system")


class Mapping:
    """Where `/mnt/data` really is, for those who may change it.

    Attributes:
        folder: `/mnt/data` itself while nothing is mapped.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, value: Any) -> Any:
        """The path where it really is; anything else, and any other path, as it is."""
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if isinstance(text, bytes):
            mapped = self.path(os.fsdecode(text))
            return os.fsencode(mapped) if mapped != os.fsdecode(text) else value
        if isinstance(text, str) and (text == MOUNT or text.startswith(f"{MOUNT}/")):
            return self.folder + text.removeprefix(MOUNT)
        return value

    def text(self, value: Any) -> Any:
        """A command line, or a list of arguments, with the paths in it where they really are."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.text(part) for part in value)
        if isinstance(value, os.PathLike):
            return self.path(value)
        if isinstance(value, bytes):
            return os.fsencode(self.text(os.fsdecode(value)))
        return _IN_TEXT.sub(lambda match: self.folder, value) if isinstance(value, str) else value

    def shown(self, path: str) -> str:
        """A real path as the program knows it."""
        inside = path == self.folder or path.startswith(f"{self.folder}/")
        return MOUNT + path.removeprefix(self.folder) if inside else path


def install(folder: str) -> Mapping:
    """Let paths below /mnt/data lead to `folder`, for this process and the Pythons that it starts."""
    mapping = Mapping(folder)
    os.environ["SANDBOX_DATA"] = folder

    def wrap(module: Any, name: str, change: Callable[[Any], Any]) -> None:
        if hasattr(module, name):
            original = getattr(module, name)
            wrapped = _wrapped(original, change)
            setattr(module, name, wrapped)
            # `shutil` looks up there what a function can do.
            for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
                if original in able:
                    able.add(wrapped)

    for name in _PATHS:
        wrap(os, name, mapping.path)
    for name in _PROGRAMS:
        wrap(os, name, mapping.text)
    wrap(io, "open", mapping.path)
    builtins.open = io.open
    wrap(io, "open_code", mapping.path)

    getcwd, readlink, popen = os.getcwd, os.readlink, subprocess.Popen.__init__
    os.getcwd = lambda: mapping.shown(getcwd())
    os.getcwdb = lambda: os.fsencode(os.getcwd())

    def shown_link(path: Any, **named: Any) -> Any:
        target = readlink(path, **named)
        return mapping.shown(target) if isinstance(target, str) else target

    def start(process: Any, args: Any, *others: Any, **named: Any) -> None:
        named = {name: mapping.path(value) if name in ("cwd", "executable") else value for name, value in named.items()}
        popen(process, mapping.text(args), *others, **named)

    os.readlink = shown_link
    subprocess.Popen.__init__ = start  # type: ignore[assignment]

    try:
        import _sqlite3
    except ImportError:
        pass
    else:
        wrap(_sqlite3, "connect", lambda value: _database(mapping, value))

    def finder(path: str) -> Any:
        if mapping.path(path) == path:
            raise ImportError
        return importlib.machinery.FileFinder(mapping.path(path), *_LOADERS)

    sys.path_hooks.insert(0, finder)
    return mapping


_LOADERS = (
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
)


def _wrapped(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return function(*map(change, arguments), **{name: change(value) for name, value in named.items()})

    return wrapped


def _database(mapping: Mapping, value: Any) -> Any:
    """A database's name: a path, or a URI such as `file:/mnt/data/a.db?mode=ro`."""
    if isinstance(value, str) and value.startswith("file:"):
        return re.sub(rf"^file:(//)?{MOUNT}(?=/)", lambda match: f"file:{mapping.folder}", value)
    return mapping.path(value)
