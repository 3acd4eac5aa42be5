"""Registers the stack with an installation of SilvaEngine."""

import click

from assistants import stack
from assistants.commands import options
from assistants.silvaengine import Installation
from assistants.terminal import say


@click.group("silvaengine")
def group() -> None:
    """Register the stack with an installation of SilvaEngine."""


@group.command("register")
@click.option("--area", default="core", show_default=True, metavar="NAME", help="The area that callers name.")
@click.option("--endpoint", required=True, metavar="ID", help="The endpoint whose callers reach the function.")
@click.option("--remove", is_flag=True, help="Take the function out again.")
@options.environment
def register(area: str, endpoint: str, remove: bool, environment: str) -> None:
    """Write the rows of se-functions, se-connections and se-resources that lead to the function, and show them.

    Functions of the same names that an earlier engine serves are replaced. What is there already is left alone.
    """
    found = stack.use(environment)
    installation = Installation(found.client("dynamodb"), found.variables["GRAPHQL_FUNCTION_ARN"], area, endpoint)
    told = 0
    for line in installation.remove() if remove else installation.register():
        say(line)
        told += 1
    if not told:
        say("There is nothing to remove." if remove else "Everything is registered already.")
