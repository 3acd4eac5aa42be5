"""Shows what a function of the stack wrote."""

import time

import click

from assistants import log_lines, stack
from assistants.commands import options
from assistants.terminal import say


@click.command("logs", short_help="Show what a function wrote, such as what a tool printed.")
@click.argument("function", metavar="FUNCTION")
@click.option(
    "--minutes", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Of the last so many minutes."
)
@options.environment
def command(function: str, minutes: int, environment: str) -> None:
    """Print what FUNCTION wrote, oldest first (UTC).

    FUNCTION is a tool's module (finance), a step (in_progress) or another part (api, sweeper); a name that there isn't
    lists those there are. `runs logs` prints what all of them wrote about one run.
    """
    found = stack.use(environment)
    lines = log_lines.of_function(found, function, time.time() - 60 * minutes)
    for line in lines or [f"It wrote nothing within the last {minutes} minutes."]:
        say(line)
