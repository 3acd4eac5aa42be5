"""Runs a cell as a notebook does: IPython's shell, with output and tracebacks for a reader of plain text.

One shell is made before any code of a model runs (`create`), and each call has a copy of it. It writes nothing to disk:
it has no profile, no history file and no start-up files.
"""

import asyncio
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Mapping
from functools import partial
from typing import Any

from IPython.core import interactiveshell, page
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import LSString, SList
from traitlets import Type
from traitlets.config import Config

from interpreter import representations, tracebacks

MAX_SOURCE_CHARACTERS = 1_000_000
"""Of the cells whose text is kept for later tracebacks, the newest first."""
NO_PACKAGES = "[no package can be installed: the sandbox has no network. Use one that is there already.]"
_INSTALLS = re.compile(r"\s*(?:\S*python[\d.]*\s+-m\s+)?(?:pip[\d.]*|uv|conda|mamba)\s+(?:\S+\s+)*?(?:install|add)\b")
_MAGICS = ("cd", "config", "matplotlib", "run", "time", "timeit", "writefile")
"""Those that models use most; importing what is behind them once saves it in each call."""


class _Compiler(CachingCompiler):
    """Names a cell's code by its number, and keeps its text as the model wrote it for tracebacks and `inspect`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reset_compiler_flags()  # A cell that is not complete is wrong: nobody goes on writing it.

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return tracebacks.name_of(number)

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        name: str = super().cache(transformed_code, number, raw_code)
        tracebacks.remember(number, as_shown(raw_code or "", transformed_code))
        return name


class _Display(DisplayPublisher):
    """Prints what is displayed, or keeps it as a picture."""

    def publish(self, data: Mapping[str, Any], metadata: Any = None, *others: Any, **named: Any) -> None:
        representations.show(data)

    def clear_output(self, wait: bool = False) -> None:
        """Leave what was printed: it is gone already."""


class _LastValue(DisplayHook):
    """Shows the value of a cell's last expression, without a prompt before it."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Any = None) -> None:
        representations.show(format_dict)

    def log_output(self, format_dict: Mapping[str, Any]) -> None:
        pass


class Shell(InteractiveShell):
    """IPython's shell in a process that one cell is run in."""

    compiler_class = Type(_Compiler)
    display_pub_class = Type(_Display)
    displayhook_class = Type(_LastValue)

    # Without a profile.

    def init_ipython_dir(self, ipython_dir: Any) -> None:
        pass

    def init_profile_dir(self, profile_dir: Any) -> None:
        self.db = {}

    def init_virtualenv(self) -> None:
        pass

    def init_completer(self) -> None:
        self.Completer = None  # type: ignore[assignment]

    def init_user_ns(self) -> None:
        super().init_user_ns()  # type: ignore[no-untyped-call]
        # IPython's `open` would not see /mnt/data, and its `exit` would not end the cell.
        del self.user_ns["open"], self.user_ns_hidden["open"]
        for namespace in (self.user_ns, self.user_ns_hidden):
            namespace.update(exit=sys.exit, quit=sys.exit)

    # Figures are shown by the backend of the sandbox, whatever is asked for.

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def enable_matplotlib(self, gui: Any = None) -> tuple[str, str]:
        return "inline", "inline"

    # Errors.

    def showtraceback(self, exc_tuple: Any = None, *others: Any, **named: Any) -> None:
        _, error, _ = self._get_exc_info(exc_tuple)  # type: ignore[no-untyped-call]
        print(tracebacks.told(error), end="")

    def showsyntaxerror(self, *others: Any, **named: Any) -> None:
        self.showtraceback()

    def _format_exception_for_storage(self, exception: BaseException, *others: Any, **named: Any) -> dict[str, Any]:
        return {"ename": type(exception).__name__, "evalue": str(exception), "traceback": []}

    # Commands.

    def system(self, cmd: str) -> None:
        """Run a command of the shell (`!command`); its output is the cell's."""
        command = self.var_expand(cmd, depth=1)  # type: ignore[no-untyped-call]
        if _INSTALLS.match(command):
            print(NO_PACKAGES)
            self.user_ns["_exit_code"] = 1
            return
        sys.stdout.flush()
        self.user_ns["_exit_code"] = subprocess.run(command, shell=True, check=False).returncode  # noqa: S602

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Return the output of a command of the shell (`lines = !command`)."""
        command = self.var_expand(cmd, depth=depth + 1)  # type: ignore[no-untyped-call]
        if _INSTALLS.match(command):
            return SList([NO_PACKAGES]) if split else LSString(NO_PACKAGES)
        ran = subprocess.run(  # noqa: S602
            command,
            shell=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.user_ns["_exit_code"] = ran.returncode
        return SList(ran.stdout.splitlines()) if split else LSString(ran.stdout)

    def run(self, code: str) -> None:
        """Run a cell; what it prints, shows and raises goes to standard output."""
        # Without the empty lines that IPython would drop: so lines are numbered as they are shown.
        while (line_end := code.find("\n") + 1) and not code[:line_end].strip():
            code = code[line_end:]
        self.run_cell(code, store_history=True)  # type: ignore[no-untyped-call]

    # Cells of earlier calls.

    @property
    def sources(self) -> list[tuple[int, str]]:
        """The numbers and texts of the cells so far, the newest ones within the limit."""
        return tracebacks.remembered(MAX_SOURCE_CHARACTERS)

    def resume(self, sources: list[tuple[int, str]], count: int) -> None:
        """Go on with a session: its cells' texts, and the number of the next cell."""
        for number, source in sources:
            tracebacks.remember(number, source)
        self.execution_count = count


def as_shown(raw: str, transformed: str) -> str:
    """Return a cell's text with the lines that its code has: what was written, unless magics made other lines of it."""
    return raw if len(raw.splitlines()) == len(transformed.splitlines()) else transformed


def create() -> Shell:
    """Make the shell; its namespace is a new module `__main__`."""
    # "To exit: use 'exit', ..." is no help here.
    told = vars(interactiveshell)["warn"]
    vars(interactiveshell)["warn"] = lambda text, *others, **named: (
        None if str(text).startswith("To exit:") else told(text, *others, **named)
    )
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    shell: Shell = Shell.instance(config=config, user_module=types.ModuleType("__main__"))
    shell.set_hook("show_in_pager", page.as_hook(page.display_page), 90)  # type: ignore[no-untyped-call]
    for name in ("pip", "uv", "conda", "mamba", "micromamba"):
        shell.register_magic_function(_install, "line", name)  # type: ignore[arg-type]
    for name in ("bash", "sh"):
        shell.register_magic_function(partial(_run_script, name), "cell", name)  # type: ignore[arg-type]
    for name in _MAGICS:
        shell.find_line_magic(name)  # type: ignore[no-untyped-call]
        shell.find_cell_magic(name)  # type: ignore[no-untyped-call]
    assert shell.display_formatter
    representations.configure(shell.display_formatter)
    assert asyncio  # For cells that await something.
    return shell


def _install(line: str) -> None:
    print(NO_PACKAGES)


def _run_script(program: str, line: str, cell: str) -> None:
    """Run a cell by a shell, as an argument: in its input, paths below /mnt/data would not be found."""
    sys.stdout.flush()
    subprocess.run([program, "-c", cell, program, *shlex.split(line)], check=True)
