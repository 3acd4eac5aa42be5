"""Exports what was said, to fine-tune a model with it."""

from datetime import UTC, datetime

import boto3
import click
from botocore.config import Config

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistants import stack
from assistants.commands import options
from assistants.fine_tuning import export
from assistants.terminal import say

DAY = 86_400


@click.group("fine-tuning")
def group() -> None:
    """Make data for fine-tuning of what was said."""


@group.command("export")
@click.option("--assistant", "assistant_id", required=True, metavar="ID", help="The assistant whose runs are exported.")
@click.option("--from", "first", type=options.Day(), help="The first day (UTC).")
@click.option("--to", "last", type=options.Day(), help="The last day (UTC), included; up to now unless given.")
@click.option("--days", type=click.IntRange(1, 366), help="Instead of --from: so many days; 7.")
@click.option("--train", default=80.0, type=click.FloatRange(0, 100), show_default=True, help="Percent for training.")
@click.option("--seed", default=0, type=click.IntRange(0, 2**31 - 1), show_default=True, help="Decides the split.")
@click.option("--per", default="thread", type=click.Choice(["thread", "run"]), show_default=True, help="An example.")
@click.option(
    "--format",
    "shape",
    default="openai",
    type=click.Choice(["openai", "bedrock"]),
    show_default=True,
    help="Of a line.",
)
@click.option("--retrain", is_flag=True, help="Take runs that an earlier export has, too.")
@click.option(
    "--min-weight",
    default=0.5,
    type=click.FloatRange(0, 1),
    show_default=True,
    help="Learn from answers of at least this weight: metadata `weight`, else `rating`, else 1.",
)
@options.project
@options.environment
def command(
    assistant_id: str,
    first: str | None,
    last: str | None,
    days: int | None,
    train: float,
    seed: int,
    per: str,
    shape: str,
    retrain: bool,
    min_weight: float,
    project: str,
    environment: str,
) -> None:
    """Write the completed runs of an assistant as examples for a model: a file to train with, one to validate with.

    Runs that an earlier export has are left out. The same days and options are the same export, with the same bytes.
    """
    if first and days:
        raise click.UsageError("Give either --from or --days, not both.")
    found = stack.use(environment)
    request: Json = {
        "assistant_id": assistant_id,
        "training_percentage": train,
        "seed": seed,
        "per": per,
        "format": shape,
        "retrain": retrain,
        "min_weight": min_weight,
    }
    if first:
        request["start_at"] = _moment(first)
    if last:
        request["end_at"] = _moment(last) + DAY
    if days:
        request["days"] = days
    # It may take its time, and a second invocation would only do the same.
    client = boto3.client("lambda", config=Config(read_timeout=910, retries={"total_max_attempts": 1}))
    made = export(client, f"{found.prefix}-fine_tuning", Store(project), request)
    _show(made, found.variables["BUCKET"])


def _moment(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def _show(made: Json, bucket: str) -> None:
    counts = made["counts"]
    say(f"Export {made['id']}: {counts['runs']:,} runs, {counts['examples']:,} examples.")
    for kind in ("training", "validation"):
        if file_id := made[f"{kind}_file"]:
            say(f"{kind.capitalize()}: {counts[kind]:,} examples, {file_id}, s3://{bucket}/files/{file_id}")
    if made["manifest"]:
        say(f"Manifest: s3://{bucket}/{made['manifest']}")
    if counts["left_out"]:
        told = ", ".join(f"{number:,} {reason.replace('_', ' ')}" for reason, number in counts["left_out"].items())
        say(f"Runs left out: {told}.")
    for warning in made["warnings"]:
        say(f"Warning: {warning}")
