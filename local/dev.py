"""Keeps the local stack up to date with `lambdas/tools` while you work on them: `python -m local.dev`.

The body of a tool is served as soon as it is saved. A signature, a `tool.toml`, a package and a new or removed tool are
deployed. A tool that is wrong is reported in one line, and the last good one goes on serving.
"""

import ast
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import watchfiles
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from assistants.stack import Stack
from layers.build import BuildError
from layers.registry import describe
from layers.tool_folders import ToolFolder, as_one_line, files_of, tool_folders
from local import hot_swap
from local import up as local
from local.paths import LOCAL, ROOT
from local.processes import LocalError

Say = Callable[[str], Any]

SAVING_MS = 300
"""What changes again within this time was still being saved: an editor may empty a file before it writes it."""
MAX_EMPTY_SECONDS = 3
"""For this time a file that was emptied counts as being saved, on however busy a machine."""


@dataclass(frozen=True)
class Saved:
    """A tool's folder as it was at a moment: its code by path, and what else a deployment takes."""

    folder: ToolFolder
    code: Mapping[str, bytes]
    lock: bytes

    @classmethod
    def of(cls, folder: ToolFolder) -> "Saved":
        """Read a tool's folder."""
        code = {str(path.relative_to(folder.path)): path.read_bytes() for path in files_of(folder.path)}
        return cls(folder, code, folder.lock.read_bytes() if folder.lock else b"")

    def needs_deployment(self, before: "Saved") -> bool:
        """Return whether more changed than code that one function alone runs."""
        return self.folder != before.folder or self.lock != before.lock or self.folder.settings.built_in

    def has_emptied(self, before: "Saved") -> bool:
        """Return whether a file is empty that was not."""
        return any(before.code.get(name) and not content for name, content in self.code.items())

    def has_outline_of(self, before: "Saved") -> bool:
        """Return whether only bodies of functions changed.

        Raises:
            SyntaxError: a module is no Python.
        """
        changed = {name for name in {*self.code, *before.code} if self.code.get(name) != before.code.get(name)}
        for name in sorted(changed):
            if not name.endswith(".py") or name not in self.code or name not in before.code:
                return False
            shown = f"{self.folder.name}/{name}"
            if _outline(self.code[name], shown) != _outline(before.code[name], shown):
                return False
        return True


class Watch:
    """Compares the tools of a project with what is served, and serves what was saved.

    Args:
        project: its folder.
        directory: the stack's own.
        deploy: brings the stack up to date with the project.
        say: is told what happened, a line at a time.
    """

    def __init__(self, project: Path, directory: Path, deploy: Callable[[], local.Local], say: Say) -> None:
        self._tools, self._engine = project / "lambdas" / "tools", project / "layers" / "engine"
        self._layers = project / ".build" / "layers" / "host"
        self._directory, self._deploy, self._say = directory, deploy, say
        self._served: dict[str, Saved] = {}
        self._descriptions: dict[str, Any] = {}
        self._stack: local.Local | None = None
        self._is_wrong = False
        self._told: tuple[str, dict[str, Saved] | None] | None = None

    def run(self, stop: threading.Event | None = None) -> None:
        """Deploy, and then serve whatever is saved until the event, or Ctrl-C.

        Raises:
            LocalError: the first deployment failed.
            WrongTool: a tool can't be deployed as it is.
        """
        self._redeploy(self._snapshot())
        self.check()  # What was saved meanwhile.
        self._say(f"Watching {self._tools.relative_to(self._tools.parents[1])}; Ctrl-C ends it.")
        for _ in watchfiles.watch(self._tools, watch_filter=_is_of_interest, stop_event=stop, step=SAVING_MS):
            self.check()

    def check(self) -> None:
        """Serve or deploy what differs from what is served, or say in one line what is wrong."""
        began, was_wrong, self._is_wrong = time.monotonic(), self._is_wrong, False
        saved = None
        try:
            saved = self._snapshot()
            changed = {name: tool for name, tool in saved.items() if self._served.get(name) != tool}
            alone = saved.keys() == self._served.keys() and not any(
                tool.needs_deployment(self._served[name]) for name, tool in changed.items()
            )
            if not (alone and all(self._serve(tool, began) for tool in changed.values())):
                self._redeploy(saved)
            elif was_wrong and not changed:
                self._say("✓ as it was before")
            self._told = None
        except SyntaxError as error:
            self._fail(f"lambdas/tools/{error.filename}:{error.lineno}: SyntaxError: {error.msg}", saved)
        except (BuildError, LocalError, BotoCoreError, ClientError, OSError) as error:
            if saved is not None and self._is_saved_again(saved):
                self._is_wrong = was_wrong  # What was read may be half of it: the watch checks it again.
            else:
                self._fail(as_one_line(error), saved if isinstance(error, BuildError) else None)

    def _is_saved_again(self, since: dict[str, Saved]) -> bool:
        try:
            return self._read() != since
        except (BuildError, OSError):
            return True

    def _read(self) -> dict[str, Saved]:
        return {folder.name: Saved.of(folder) for folder in tool_folders(self._tools)}

    def _snapshot(self) -> dict[str, Saved]:
        deadline = time.monotonic() + MAX_EMPTY_SECONDS
        while True:
            saved = self._read()
            emptied = any(tool.has_emptied(self._served[name]) for name, tool in saved.items() if name in self._served)
            if not emptied or time.monotonic() >= deadline:
                return saved
            time.sleep(SAVING_MS / 1_000)

    def _redeploy(self, saved: dict[str, Saved]) -> None:
        began = time.monotonic()
        self._stack = self._deploy()
        registry = self._layers / "engine" / "python" / "assistant_engine" / "tools" / "registry.json"
        self._served, self._descriptions = saved, json.loads(registry.read_text())
        self._say(f"✓ deployed in {time.monotonic() - began:.1f} s")

    def _serve(self, tool: Saved, began: float) -> bool:
        """Serve a tool's code; return whether it has the description that is deployed."""
        name = tool.folder.name
        # A body is served before it is imported here; a line in it may decide about a description all the same.
        is_body = tool.has_outline_of(self._served[name])
        if not is_body and not self._is_described(tool.folder):
            return False
        assert self._stack
        prefix = Stack(self._stack.settings).prefix
        hot_swap.serve(self._directory, self._stack.client("lambda"), prefix, tool.folder)
        self._served[name] = tool
        self._say(f"✓ {name} is served as saved, after {time.monotonic() - began:.1f} s")
        return not is_body or self._is_described(tool.folder)

    def _is_described(self, folder: ToolFolder) -> bool:
        packages = self._layers / folder.layer / "python" if folder.lock else None
        return bool(describe(folder, self._engine, packages) == self._descriptions[folder.name])

    def _fail(self, line: str, saved: dict[str, Saved] | None) -> None:
        self._is_wrong = True
        # The watch tells of a file each time that it is written to; a deployment that failed was tried each time.
        if saved is None or (line, saved) != self._told:
            self._say(f"✗ {line}")
        self._told = (line, saved)


def _is_of_interest(change: watchfiles.Change, path: str) -> bool:
    """Tell whether a change may be a saved file: editors and Python leave others."""
    parts = Path(path).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts[-4:])
    return not hidden and not parts[-1].endswith(("~", ".pyc", ".swp", ".tmp"))


def _outline(module: bytes, name: str) -> str:
    """Return a module without the bodies of its functions; their docstrings stay.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(module, name)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
    return ast.dump(tree)


def main() -> None:
    """Bring the stack up, and watch."""
    console = Console(highlight=False, soft_wrap=True)
    watch = Watch(ROOT, LOCAL, lambda: local.up(step=local.shown), lambda line: console.print(line, markup=False))
    try:
        watch.run()
    except (LocalError, BuildError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        console.print("The stack stays up; `make down` stops it.", markup=False)


if __name__ == "__main__":
    main()
