"""Exports a day's runs and messages to the bucket."""

import boto3
import click
from botocore.config import Config

from assistants import stack
from assistants.commands import options
from assistants.export import export
from assistants.terminal import say


@click.command("export", short_help="Write a day's runs and messages to the bucket.")
@click.option("--day", type=options.Day(), help="The day (UTC); yesterday unless given.")
@options.environment
def command(day: str | None, environment: str) -> None:
    """Write the runs that ended on a day, and what was said in them, to the bucket.

    The stack does it by itself each night. The same day once more gives the same files. docs/export.md describes them.
    """
    found = stack.use(environment)
    # It may take its time, and a second invocation would only do the same.
    client = boto3.client("lambda", config=Config(read_timeout=910, retries={"total_max_attempts": 1}))
    counts = export(client, f"{found.prefix}-export", day)
    say(f"{counts['runs']:,} runs and {counts['messages']:,} messages: s3://{found.variables['BUCKET']}/export/")
