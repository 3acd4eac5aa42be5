"""Publishes again the events that were given up."""

import click

from assistants import events, stack
from assistants.commands import options
from assistants.terminal import say


@click.group("events")
def group() -> None:
    """Publish again the events that were given up."""


@group.command("republish")
@options.environment
def republish(environment: str) -> None:
    """Put the events that were given up on the bus again, and have the webhook's delivered again.

    Do it once what stopped them works again. An interrupted command has published some events twice. docs/events.md
    says more.
    """
    found = stack.use(environment)
    say(f"{events.republish_to_bus(found.client, found.prefix):,} events published again", end=", ")
    say(f"{events.return_to_webhook(found.client, found.prefix):,} on their way to the webhook.")
