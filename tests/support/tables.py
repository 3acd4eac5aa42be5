"""The three tables and the bucket by themselves, on an embedded AWS without the stack: what the store needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from assistant_engine.runtime import settings
from assistant_engine.store import Store
from local import emulator

INDEXES = {
    "assistants": {"by_project": ("project", "created")},
    "threads": {},
    "messages": {
        "by_project": ("project", "created"),
        "by_user": ("user_id", "created"),
        "open_runs": ("open_shard", "due_at"),
        "ended_runs": ("ended_shard", "ended_run"),
    },
}
KEYS = {
    "assistants": ("assistant_type", "assistant_id"),
    "threads": ("assistant_id", "thread_id"),
    "messages": ("thread_id", "message_id"),
}


@contextmanager
def running(directory: Path) -> Iterator[None]:
    """Run an embedded AWS of one's own; boto3's clients that are made meanwhile lead to it."""
    emulator.start(directory, port=0)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.environment(directory).items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # It would keep the access key of another one.
        yield
    emulator.stop(directory)


def make(name: str) -> dict[str, str]:
    """Make empty tables and a bucket; the variables that name them."""
    dynamodb: Any = boto3.client("dynamodb")
    for table, keys in KEYS.items():
        names = {*keys, *(each for pair in INDEXES[table].values() for each in pair)}
        kinds = [{"AttributeName": each, "AttributeType": "N" if each == "due_at" else "S"} for each in sorted(names)]
        indexes = [
            {"IndexName": index, "KeySchema": _schema(*pair), "Projection": {"ProjectionType": "ALL"}}
            for index, pair in INDEXES[table].items()
        ]
        dynamodb.create_table(
            TableName=f"{name}-{table}",
            KeySchema=_schema(*keys),
            AttributeDefinitions=kinds,
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
    boto3.client("s3").create_bucket(Bucket=f"{name}-bucket")
    return {**{f"{table.upper()}_TABLE": f"{name}-{table}" for table in KEYS}, "BUCKET": f"{name}-bucket"}


def use(patch: pytest.MonkeyPatch, variables: dict[str, str]) -> Store:
    """Point the store of this process at tables that were made; the store."""
    for name, value in variables.items():
        patch.setenv(name, value)
    settings.forget()
    return Store()


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
