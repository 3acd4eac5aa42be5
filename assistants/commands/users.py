"""Exports and erases the data of a person."""

import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from assistant_engine.domain.clock import Seconds
from assistant_engine.store import Store
from assistant_engine.store.transfer import Transfer
from assistants import people, private, stack
from assistants.commands import options
from assistants.errors import CommandError
from assistants.terminal import Terminal, say
from assistants.transfer.dump import dump
from assistants.transfer.report import Report


@click.group("users", short_help="Export or erase what a project holds of a person.")
def group() -> None:
    """Export or erase what a project holds of a person: of a user_id in the metadata of threads, messages or runs."""


@group.command("export")
@click.argument("user")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@options.project
@options.environment
def export(user: str, folder: Path | None, project: str, environment: str) -> None:
    """Write the threads of USER, with their files, vector stores and usage, into FOLDER: a dump of this person.

    Without FOLDER, it is below .local/users. Protect it like the conversations in it.
    """
    stack.use(environment)
    folder = folder or _folder(user) / "data"
    transfer = Transfer(Store(project))
    report = Report(private.folder(folder.parent) / f"{folder.name}.report.jsonl")
    found = people.find(transfer, user)
    dump(transfer, folder, report, project, only=people.partitions(found, transfer.store))
    report.close()
    Terminal(highlight=False, width=120).print(report.table())
    if found.elsewhere:
        say(f"{len(found.elsewhere)} messages and runs on threads of others name this user; they are not exported.")
    say(f"Exported to {folder}")
    if not report.complete:
        raise CommandError(f"Something was left out: {report.path} says what, and why.")


@group.command("erase")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.project
@options.environment
def erase(user: str, yes: bool, project: str, environment: str) -> None:
    """Erase the threads, messages, files, vector stores, stream logs, usage lines and exported lines of USER.

    Totals of the project and of assistants stay, without the person. Files and vector stores that others use stay, too.
    """
    found = stack.use(environment)
    _use_queue(found)
    transfer = Transfer(Store(project))
    holdings = people.find(transfer, user)
    if not yes:
        click.confirm(f"Erase {len(holdings.threads)} threads of this user for ever?", abort=True)
    report = Report(_folder(user) / "erased.jsonl")
    people.Eraser(transfer, report, Seconds(int(time.time()))).erase(holdings, user)
    report.close()
    lines = list(people.told(report.counts))
    say(f"Erased: {', '.join(lines)}." if lines else "There is nothing of this user.")
    if not report.complete:
        raise CommandError(f"Something was left out, run it again: {report.path} says what, and why.")


def _folder(user: str) -> Path:
    """Return a new folder whose name does not tell the user's."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
    return private.folder(
        stack.ROOT / ".local" / "users" / f"{hashlib.sha256(user.encode()).hexdigest()[:12]}-{moment}"
    )


def _use_queue(found: stack.Stack) -> None:
    """Let this process hand what is to be removed from vector stores to the ingestion."""
    settings = found.client("lambda").get_function_configuration(FunctionName=f"{found.prefix}-api")
    if url := settings["Environment"]["Variables"].get("INGESTION_QUEUE_URL"):
        os.environ["INGESTION_QUEUE_URL"] = url
