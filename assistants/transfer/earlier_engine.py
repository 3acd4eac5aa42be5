"""Reads the tables of openai_assistant_engine, which had the names and keys of ours.

They are `<prefix>assistants`, `<prefix>threads`, `<prefix>messages` and, later, `<prefix>tool_calls` and
`<prefix>fine_tuning_messages`. Models, instructions and tools were OpenAI's: an export of the assistants brings them.
Without one, instructions are those of the newest system message in the fine-tuning data.
"""

import json
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from assistant_engine.domain import clock, ids
from assistant_engine.domain.json_data import Json, dicts_of
from assistants.errors import CommandError
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging

_deserialize = TypeDeserializer().deserialize

_OURS = {"document", "document_key", "version", "points_to", "last_ms"}
"""An item with one of these is this engine's: tables of both may have the same names."""


class EarlierEngine:
    """The tables of an earlier engine.

    Args:
        client: boto3's client of DynamoDB.
    """

    def __init__(self, client: Any, prefix: str, staging: Staging, report: Report) -> None:
        self._client = client
        self._prefix = prefix
        self._staging = staging
        self._report = report

    def read(self) -> None:
        """Put what the tables hold into the staging; an export of the assistants is there before.

        Raises:
            CommandError: there are no such tables.
        """
        self._assistants()
        self._threads()
        self._messages()
        self._tool_calls()

    def _items(self, table: str, *, optional: bool = False) -> Iterator[Json]:
        name = f"{self._prefix}{table}"
        try:
            for page in self._client.get_paginator("scan").paginate(TableName=name):
                for item in page["Items"]:
                    found = {key: _plain(_deserialize(value)) for key, value in item.items()}
                    if not _OURS & found.keys():
                        yield found
        except self._client.exceptions.ResourceNotFoundException:
            if not optional:
                raise CommandError(f"There is no table {name} here: is this its region, and --prefix right?") from None

    def _assistants(self) -> None:
        instructions = self._instructions()
        for item in self._items("assistants"):
            name = item.get("assistant_id", item.get("id"))
            if not isinstance(name, str) or not ids.is_id(name):
                self._report.leave_out("assistant", str(name)[:64], "it has no id of letters, digits, - and _")
                continue
            exported = self._staging.get("assistant", name)
            body: Json = {
                **({"instructions": instructions[name]} if name in instructions else {}),
                **(exported or {}),
                "id": name,
                "object": "assistant",
                "created_at": item.get("created_at"),
                "name": item.get("assistant_name", item.get("name")),
                "assistant_type": item.get("assistant_type"),
                "functions": dicts_of(item.get("functions")),
                "configuration": item.get("configuration") or {},
            }
            if exported:
                self._staging.change("assistant", name, body)
            else:
                self._staging.add("assistant", name, body)

    def _instructions(self) -> dict[str, str]:
        """Return the instructions of assistants by their ids, as the fine-tuning data last had them."""
        newest: dict[str, tuple[float, str]] = {}
        for item in self._items("fine_tuning_messages", optional=True):
            if item.get("role") == "system" and isinstance(item.get("content"), str):
                at = clock.moment(item.get("timestamp")) or 0
                newest[item["assistant_id"]] = max(newest.get(item["assistant_id"], (-1, "")), (at, item["content"]))
        return {name: text for name, (_, text) in newest.items()}

    def _threads(self) -> None:
        for item in self._items("threads"):
            name, assistant_id = item.get("thread_id"), item.get("assistant_id")
            if not isinstance(name, str) or not ids.is_id(name):
                self._report.leave_out("thread", str(name)[:64], "it has no id of letters, digits, - and _")
                continue
            body: Json = {"id": name, "object": "thread", "created_at": item.get("created_at"), "metadata": {}}
            there = self._staging.add("thread", name, body)
            if there and _time(item) < _time(there):  # It is another assistant's, too.
                self._staging.change("thread", name, body)
            for run in dicts_of(item.get("runs")):
                if isinstance(run.get("run_id"), str) and ids.is_id(run["run_id"]):
                    told = {**run, "id": run["run_id"], "thread_id": name, "assistant_id": assistant_id}
                    self._staging.add("thread.run", run["run_id"], told, name)
                else:
                    self._report.leave_out("thread.run", f"{name} {str(run.get('run_id'))[:64]}", "it has no id")

    def _messages(self) -> None:
        for item in self._items("messages"):
            thread_id, name = str(item.get("thread_id")), item.get("message_id")
            if not ids.is_id(thread_id) or not isinstance(name, str) or not ids.is_id(name):
                self._report.leave_out("thread.message", str(name)[:64], "it has no id and thread")
                continue
            text = next((item[key] for key in ("message", "text", "content") if isinstance(item.get(key), str)), None)
            members = ("role", "run_id", "created_at", "assistant_id")
            body = {"id": name, "thread_id": thread_id, "content": text, **{key: item.get(key) for key in members}}
            self._staging.add("thread.message", name, body, thread_id)

    def _tool_calls(self) -> None:
        """Make a step of each call: the table does not tell which ones the model made at once."""
        for item in self._items("tool_calls", optional=True):
            run_id, name = str(item.get("run_id")), str(item.get("tool_call_id", item.get("id")))
            kind = str(item.get("tool_type") or "function")
            function = {"name": item.get("name") or kind, "output": item.get("content")}
            arguments = json.dumps(item.get("arguments") or {}, ensure_ascii=False)
            call = {"id": name, "type": "function", "function": {**function, "arguments": arguments}}
            body = {
                "id": name,
                "run_id": run_id,
                "created_at": item.get("created_at"),
                "status": "completed",
                "step_details": {"type": "tool_calls", "tool_calls": [call]},
            }
            self._staging.add("thread.run.step", name, body, run_id)


def _plain(value: Any) -> Any:
    """Return what DynamoDB has as JSON."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, set)):
        return [_plain(each) for each in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    return int(value) if value == int(value) else float(value)


def _time(item: Json) -> int:
    return clock.moment(item.get("created_at")) or 0
