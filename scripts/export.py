"""Exports a day's runs and messages to the bucket: `make export [ENV=prod] [DAY=2026-11-22]`; docs/export.md.

It is what the stack does each night by itself; the same day once more gives the same files.
"""

import argparse
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from assistant_engine.store.run_item import ENDED_SHARDS
from scripts import stack
from scripts.terminal import say, stop


class ExportFailed(Exception):
    """The export's function failed; its log says where."""


def export(client: Any, function: str, day: str | None = None) -> dict[str, int]:
    """Have every shard of a day written.

    Args:
        client: boto3's client of Lambda.
        function: the export's.
        day: `YYYY-MM-DD` (UTC); yesterday unless it is given.

    Returns:
        `{"runs", "messages"}`: how many there were.

    Raises:
        ExportFailed: what was written so far stays, and trying again is safe.
    """

    def shard(number: int) -> dict[str, Any]:
        event = {"shard": number, **({"day": day} if day else {})}
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise ExportFailed(f"Shard {number} was not exported: {told.get('errorMessage')}")
        return told

    with ThreadPoolExecutor(ENDED_SHARDS) as pool:
        shards = list(pool.map(shard, range(ENDED_SHARDS)))
    return {name: sum(each[name] for each in shards) for name in ("runs", "messages")}


def main(arguments: list[str] | None = None) -> None:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="A day's runs and messages, as files in the bucket.")
    parser.add_argument("--env", default="", help="the environment: dev, staging, prod; the local stack unless given")
    parser.add_argument("--day", type=stack.day, metavar="YYYY-MM-DD", help="UTC; yesterday unless given")
    given = parser.parse_args(arguments)
    try:
        found = stack.find(given.env)
        os.environ.update(found.variables)
        function = found.variables["MESSAGES_TABLE"].removesuffix("messages") + "export"
        # It may take its time, and a second invocation would only do the same.
        config = Config(read_timeout=910, retries={"total_max_attempts": 1})
        counts = export(boto3.client("lambda", config=config), function, given.day)
    except (stack.StackNotFound, ExportFailed) as error:
        stop(str(error))
    say(f"{counts['runs']:,} runs and {counts['messages']:,} messages: s3://{found.variables['BUCKET']}/export/")


if __name__ == "__main__":
    main()
