"""Runs one piece of code as a notebook runs a cell: `python -m interpreter`, in a process of its own.

Standard input is a JSON object `{"code", "byte_code", "folder", "writable", "limits", "filter", "report",
"needs_filter"}`; `byte_code` is the descriptor of a socket that gives modules' byte code. What the code prints, the
value of its last expression and its traceback go to standard output. The folder holds `data` (seen as /mnt/data),
`variables` (those of the calls before, and afterwards those of this one) and `figures`. Before the code runs, the
descriptor `report` gets a JSON list of what the kernel refused to confine, and is closed. If the filter of system calls
is refused and `needs_filter` is true, nothing is run.
"""

import ast
import builtins
import json
import linecache
import os
import sys
import traceback
import types
from base64 import b64decode
from pathlib import Path
from typing import Any

from interpreter import byte_code, confinement, mapping, session

CODE = "<code>"
OWN = str(Path(__file__).parent)


def main() -> None:
    """Run the code that standard input holds, and leave without waiting for what it left behind."""
    request = json.load(sys.stdin)
    folder = Path(request["folder"])
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    refused = confinement.confine(request["limits"], b64decode(request["filter"]), request["writable"])
    with os.fdopen(request["report"], "w") as report:
        json.dump(refused, report)
    if request["needs_filter"] and any(part.startswith(confinement.FILTER) for part in refused):
        return
    byte_code.install(request["byte_code"])
    mapping.install(str(folder / "data"))
    sys.path.append(str(folder / "data"))

    own_pid = os.getpid()
    program = types.ModuleType("__main__")
    sys.modules["__main__"] = program
    namespace = vars(program)
    builtins.display = lambda *values: print(*values, sep="\n")  # type: ignore[attr-defined]
    try:
        session.restore(folder / "variables", namespace)
        run(request["code"], namespace)
        if os.getpid() != own_pid:
            return  # A copy that the code made of the process, and that reached the code's end too.
        keep_figures()
        session.keep(folder / "variables", namespace, request["limits"]["session_bytes"])
    except Exception as error:
        print(f"[the variables are as they were before: {type(error).__name__}: {error}]")
    finally:
        sys.stdout.flush()
        # Threads and exit handlers that the code left would keep the process, and the caller, waiting.
        os._exit(0)


def run(code: str, namespace: dict[str, Any]) -> None:
    """Run code in a namespace; its last expression's value is printed, and so is the exception that ends it."""
    linecache.cache[CODE] = (len(code), None, code.splitlines(keepends=True), CODE)
    try:
        tree = ast.parse(code, CODE)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, CODE, "exec", dont_inherit=True), namespace)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), CODE, "eval", dont_inherit=True), namespace)  # noqa: S307
            if value is not None:
                print(repr(value))
    except SystemExit:
        pass
    except BaseException as error:
        described = traceback.TracebackException.from_exception(error)
        _without_own_frames(described)
        print("".join(described.format()), end="")


def _without_own_frames(described: traceback.TracebackException | None) -> None:
    """Leave out of a traceback, and of those that led to it, what is not the code's own doing."""
    while described is not None:
        frames = [frame for frame in described.stack if not frame.filename.startswith(OWN)]
        described.stack = traceback.StackSummary.from_list(frames)
        described = described.__cause__ or described.__context__


def keep_figures() -> None:
    """Save the figures that the code made and did not show."""
    if "matplotlib.pyplot" in sys.modules:
        from interpreter import figures

        try:
            figures.show()
        except Exception as error:
            print(f"[a figure could not be drawn: {type(error).__name__}: {error}]")


if __name__ == "__main__":
    main()
