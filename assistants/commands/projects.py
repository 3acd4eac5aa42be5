"""Shows and changes the settings of projects."""

from dataclasses import replace

import click

from assistant_engine.domain.run import ThreadBusy
from assistant_engine.store import Store
from assistants import stack
from assistants.commands import options
from assistants.terminal import say


@click.group("projects", cls=options.UsualVerb)
def group() -> None:
    """Show and change the settings of a project."""


@group.command("show")
@options.project
@options.environment
def show(project: str, environment: str) -> None:
    """Show whether keys may choose assistants' ids, how long threads are kept, and what busy threads do to runs."""
    stack.use(environment)
    _show(Store(project))


@group.command("set")
@click.option("--own-ids/--no-own-ids", default=None, help="Whether an assistant may be created with a given id.")
@click.option(
    "--retention-days",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Delete threads in which nothing was said for so many days; 0 keeps them.",
)
@click.option(
    "--thread-busy",
    type=click.Choice(["reject", "queue"]),
    help="What becomes of a run on a thread that has an active one, unless its request says.",
)
@options.project
@options.environment
def set_(
    own_ids: bool | None,
    retention_days: int | None,
    thread_busy: ThreadBusy | None,
    project: str,
    environment: str,
) -> None:
    """Change the settings that are given; the others stay."""
    stack.use(environment)
    store = Store(project)
    settings = store.projects.settings()
    if own_ids is not None:
        settings = replace(settings, own_ids=own_ids)
    if retention_days is not None:
        settings = replace(settings, retention_days=retention_days or None)
    if thread_busy is not None:
        settings = replace(settings, thread_busy=thread_busy)
    store.projects.set(settings)
    _show(store)


def _show(store: Store) -> None:
    settings = store.projects.settings()
    kept = f"{settings.retention_days} days after the last message" if settings.retention_days else "for ever"
    own_ids = "allowed" if settings.own_ids else "refused"
    busy = "waits" if settings.thread_busy == "queue" else "is refused"
    say(f"Project {store.project}: own ids {own_ids}, threads are kept {kept}, a run on a busy thread {busy}.")
