"""Shows and changes the settings of projects."""

from dataclasses import replace

import click

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
    """Show whether the project's keys may choose the ids of assistants, and how long its threads are kept."""
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
@options.project
@options.environment
def set_(own_ids: bool | None, retention_days: int | None, project: str, environment: str) -> None:
    """Change the settings that are given; the others stay."""
    stack.use(environment)
    store = Store(project)
    settings = store.projects.settings()
    if own_ids is not None:
        settings = replace(settings, own_ids=own_ids)
    if retention_days is not None:
        settings = replace(settings, retention_days=retention_days or None)
    store.projects.set(settings)
    _show(store)


def _show(store: Store) -> None:
    settings = store.projects.settings()
    kept = f"{settings.retention_days} days after the last message" if settings.retention_days else "for ever"
    say(f"Project {store.project}: own ids {'allowed' if settings.own_ids else 'refused'}, threads are kept {kept}.")
