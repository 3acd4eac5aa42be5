"""Exports what an assistant's runs said, as files to fine-tune a model with; see docs/fine-tuning.md."""

import json
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.fine_tuning import exports
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistants.errors import CommandError


class FineTuningExportFailed(CommandError):
    """The export was not made; asking for it again is safe."""


def export(client: Any, function: str, store: Store, request: Json) -> Json:
    """Make an export and wait for it.

    Args:
        client: boto3's client of Lambda, which has the patience of an invocation.
        function: that writes exports.
        request: `CreateFineTuningExportRequest`.

    Returns:
        `FineTuningExport`, succeeded.

    Raises:
        NotFound: there is no such assistant.
        InvalidRequest: it covers no time, or too much.
        FineTuningExportFailed: it failed.
    """
    asked = exports.create(store, request, now_ms())
    event = {"project": store.project, "export_id": asked["id"]}
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise FineTuningExportFailed(f"Export {asked['id']} was not written: {result.get('errorMessage')}")
    made = exports.get(store, asked["id"], now_ms())
    if made["status"] != "succeeded":
        raise FineTuningExportFailed(f"Export {made['id']} failed: {(made['error'] or {}).get('message')}")
    return made
