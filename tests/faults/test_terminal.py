"""Checks that operators see inert text: control characters and markup of models, tools and callers change nothing."""

import ast
import io
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assistant_engine.domain.usage import RunUsage, Usage
from assistants import terminal, usage
from assistants.history import Change
from assistants.progress import Progress
from assistants.terminal import Terminal, inert
from assistants.watch import summary
from tests.support.examples import RUN

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\r\x08\x9b31m\u202egnp.exe[red]no[/]\x00\u2066"
INERT = (
    "\\x1b]52;c;ZXZpbA==\\x07\\x1b[2J\\r\\x08\\x9b31m\\u202egnp.exe[red]no[/]\\x00\\u2066"  # what is printable stays
)


def recorded() -> tuple[Terminal, io.StringIO]:
    file = io.StringIO()
    return Terminal(file=file, highlight=False, soft_wrap=True, force_terminal=False, width=500), file


def test_every_control_character_but_newline_and_tab_is_spelled_out() -> None:
    bidirectional = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    controls = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
    for character in [*controls, *bidirectional, "\ud800"]:
        if character in "\n\t":
            assert inert(character) == character
        else:
            assert inert(f"a{character}b").isascii() and character not in inert(character), hex(ord(character))
    assert inert("Größe 日本 👩‍💻 naïve") == "Größe 日本 👩‍💻 naïve"
    assert inert(HOSTILE) == INERT


def test_a_terminal_prints_text_and_tables_inert() -> None:
    console, file = recorded()
    console.print(f"[green]ok[/] {escape(HOSTILE)}")
    table = Table(title=escape(HOSTILE))
    table.add_column(escape(HOSTILE))
    table.add_row(escape(HOSTILE))
    console.print(table)
    shown = file.getvalue()
    assert f"ok {INERT}\n" in shown
    assert shown.count("]52;c;") == 4
    assert not [character for character in shown if unicodedata.category(character) == "Cc" and character != "\n"]
    assert "\u202e" not in shown


@pytest.mark.parametrize("kind", [Terminal, Console])
def test_calls_outputs_and_errors_of_a_run_are_inert(kind: type[Console]) -> None:
    file = io.StringIO()
    console = kind(file=file, highlight=False, soft_wrap=True, force_terminal=False, width=500)
    call = {"payload": {"function_name": f"f{HOSTILE}", "arguments": HOSTILE}}
    at = datetime.now(UTC)
    for change in (
        Change(True, "call_tools", {"calls": [call]}, at, 0),
        Change(False, "call_tools", {"outputs": [{"output": HOSTILE}]}, at, 1),
    ):
        Progress(console).show(change)
    error = {"code": "invalid_prompt", "message": HOSTILE}
    run = replace(RUN, status="failed", last_error=error, account=RunUsage(Usage(1, 1)), settings={"model": "m"})
    console.print(summary(run))
    shown = file.getvalue()
    assert f"calls f{INERT}({INERT})" in shown
    assert f"returned {INERT}" in shown
    assert f"invalid_prompt {INERT}" in shown
    assert not [character for character in shown if unicodedata.category(character) == "Cc" and character != "\n"]


def test_lines_and_errors_are_inert(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(HOSTILE)
    assert capsys.readouterr().out == f"{INERT}\n"
    with pytest.raises(SystemExit) as stopped:
        terminal.stop(HOSTILE)
    assert (stopped.value.code, capsys.readouterr().err) == (1, f"{INERT}\n")


def test_a_title_of_a_table_of_usage_is_no_markup() -> None:
    console, file = recorded()
    console.print(usage.table({"total": dict.fromkeys([*usage.COLUMNS, "unpriced_runs"], 0), "data": []}, HOSTILE))
    assert INERT in file.getvalue()


def test_commands_write_through_the_terminal_alone() -> None:
    """Of what click prints itself, the help, nothing comes from elsewhere; its errors go through `stop`."""
    folders = [Path(terminal.__file__).parent, ROOT / "scripts"]
    pictures = ("demo_picture.py", "console_pictures.py", "notebooks.py", "spoken_questions.py")
    generators = (*pictures, "rooms.py", "openapi.py", "system_calls.py", "release_data.py", "settings.py")
    modules = [path for folder in folders for path in folder.rglob("*.py") if path.name not in generators]
    assert len(modules) > 20
    for path in modules:
        if path.name in ("terminal.py", "__main__.py"):  # The latter says which package is missing.
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "Console", "sys.stdout.write", "click.echo", "click.secho"), path.name
                assert called != "sys.exit" or not isinstance(node.args[0], ast.JoinedStr), path.name
