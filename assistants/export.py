"""Exports a day's runs and messages to the bucket, as the stack does each night by itself; see docs/export.md."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from assistant_engine.store.run_item import ENDED_SHARDS
from assistants.errors import CommandError


class ExportFailed(CommandError):
    """The export's function failed; its log says where."""


def export(client: Any, function: str, day: str | None = None) -> dict[str, int]:
    """Write every shard of a day.

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
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise ExportFailed(f"Shard {number} was not exported: {result.get('errorMessage')}")
        return result

    with ThreadPoolExecutor(ENDED_SHARDS) as pool:
        shards = list(pool.map(shard, range(ENDED_SHARDS)))
    return {name: sum(each[name] for each in shards) for name in ("runs", "messages")}
