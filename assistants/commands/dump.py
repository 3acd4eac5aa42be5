"""Writes everything that a stack holds into a folder."""

import os
from pathlib import Path

import click

from assistant_engine.store import Store
from assistant_engine.store.transfer import Transfer
from assistants import stack
from assistants.commands import options
from assistants.errors import CommandError
from assistants.terminal import Terminal, say
from assistants.transfer.dump import dump
from assistants.transfer.report import Report


@click.command("dump", short_help="Write everything that the stack holds into a folder.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--project", default="", metavar="NAME", help="What belongs to this project alone.")
@click.option(
    "--tables", default="", metavar="PREFIX", help="Restored tables instead of the stack's, such as restored-."
)
@options.environment
def command(folder: Path, project: str, tables: str, environment: str) -> None:
    """Write assistants, threads, files, vector stores and totals into FOLDER as JSON lines; `import dump` reads them.

    The dump holds conversations: protect it like them. It leaves out keys, tokens, vectors (an import makes them anew),
    the variables of the code interpreter, and what is deleted or expires within a day.
    """
    stack.use(environment)
    if tables:
        os.environ.update({f"{name.upper()}_TABLE": tables + name for name in ("assistants", "threads", "messages")})
    report = Report(folder.parent / f"{folder.name}.report.jsonl", say)
    dump(Transfer(Store()), folder, report, project)
    report.close()
    Terminal(highlight=False, width=120).print(report.table())
    if not report.complete:
        raise CommandError(f"Something was left out: {report.path} says what, and why.")
    report.path.unlink()
