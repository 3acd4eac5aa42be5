"""Issues, lists and revokes the keys of the HTTP API."""

import time

import click

from assistant_engine.domain.project import DEFAULT_PROJECT
from assistants import keys, stack
from assistants.commands import options
from assistants.terminal import say


@click.group("keys")
def group() -> None:
    """Issue, list and revoke keys of the HTTP API."""


@group.command("issue")
@click.argument("name")
@options.project
@options.environment
def issue(name: str, project: str, environment: str) -> None:
    """Issue the key NAME and show it, once: the stack keeps its hash alone.

    NAME is 1 to 64 letters, digits and ._@- and says whose key it is. A project that is new needs no other set-up.
    """
    found = stack.use(environment)
    say(keys.issue(found.client("secretsmanager"), found.variables["API_KEYS_SECRET"], name, project))


@group.command("list")
@options.environment
def list_(environment: str) -> None:
    """List the keys: when each was issued (UTC), its project and its name."""
    found = stack.use(environment)
    for key in keys.read(found.client("secretsmanager"), found.variables["API_KEYS_SECRET"]):
        issued = time.strftime("%Y-%m-%d %H:%M", time.gmtime(key["created_at"]))
        say(f"{issued}  {key.get('project', DEFAULT_PROJECT)}  {key['name']}")


@group.command("revoke")
@click.argument("name")
@options.environment
def revoke(name: str, environment: str) -> None:
    """Revoke the key NAME: it is refused within a minute."""
    found = stack.use(environment)
    keys.revoke(found.client("secretsmanager"), found.variables["API_KEYS_SECRET"], name)
    say(f"The key {name} is revoked. It is refused within a minute.")
