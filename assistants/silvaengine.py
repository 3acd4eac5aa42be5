"""Registers the stack's GraphQL function with an installation of SilvaEngine, and takes it out again.

The rows are those that silvaengine_resource writes for the `deploy()` of a package, here with our function in place of
the installation's own. Whatever asks the installation for the function then invokes ours: its REST API, its tasks and
its queue find it by `LambdaBase.get_function` of silvaengine_base.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.store.items import marshal, unmarshal
from assistants.errors import CommandError
from openai_assistant_engine import MODULE, deploy

ANY_KEY = "#####"
"""The key of the connection that tasks, and callers without a key, come through."""
SHARED = "1"
"""The endpoint whose connections are those of every endpoint without `special_connection`."""
IN_USE = 1
"""The status of a resource."""


class Installation:
    """The tables of SilvaEngine in the stack's account and region.

    Args:
        client: boto3's client of DynamoDB.
        arn: of our function's alias.
        area, endpoint: the first two parts of the paths that its REST API is called with: `/core/openai/...`.
    """

    def __init__(self, client: Any, arn: str, area: str, endpoint: str) -> None:
        self._client = client
        self._arn = arn
        self._area = area
        self._endpoint = endpoint
        [self._profile] = deploy()
        self._functions: dict[str, Json] = self._profile["functions"]

    def register(self) -> Iterator[str]:
        """Write the rows that are missing or differ, and tell of each.

        Raises:
            CommandError: there are no such tables, or somebody else changes a connection at the same time.
        """
        with _in_words(self._client):
            for name in self._functions:  # Before the connections, which name them.
                row = self._function(name)
                if row != self._get("se-functions", row, "aws_lambda_arn", "function"):
                    self._put("se-functions", row)
                    yield f"se-functions: {name} of {self._arn}"
            connected = self._connected()
            if not connected:
                connected = self._endpoint
                self._put("se-endpoints", {"endpoint_id": connected, "code": 0, "special_connection": True})
                yield f"se-endpoints: {connected}"
            rows = self._connections(connected)
            if not any(row["api_key"] == ANY_KEY for row in rows):
                rows.append({"endpoint_id": connected, "api_key": ANY_KEY})
            for row in rows:
                yield from self._connect(row)
            for name in self._functions:
                yield from self._offer(name)

    def remove(self) -> Iterator[str]:
        """Remove our function from the endpoint's connections and from the other tables, and tell of each row.

        A function that the connections of another endpoint name stays registered.

        Raises:
            CommandError: there are no such tables, or somebody else changes a connection at the same time.
        """
        with _in_words(self._client):
            for row in self._connections(self._connected()):
                theirs = [entry for entry in row.get("functions", []) if entry["aws_lambda_arn"] != self._arn]
                if theirs != row.get("functions", []):
                    self._change(row, theirs)
                    yield f"se-connections: {_named(row)}, without our functions"
            for name in self._functions:
                key = {"resource_id": self._resource_id(name), "service": self._profile["service"]}
                if self._delete("se-resources", key):
                    yield f"se-resources: without {name} for {self._endpoint}"
            # Few rows: one for each key of an endpoint.
            rows = self._read("scan", TableName="se-connections")
            named = {(entry["aws_lambda_arn"], entry["function"]) for row in rows for entry in row.get("functions", [])}
            for name in self._functions:
                if (self._arn, name) in named:
                    yield f"se-functions: {name} stays for other endpoints"
                elif self._delete("se-functions", {"aws_lambda_arn": self._arn, "function": name}):
                    yield f"se-functions: without {name} of {self._arn}"

    def _connected(self) -> str:
        """Return the endpoint whose connections are ours, as `LambdaBase.get_function` finds it; empty if none."""
        if self._endpoint == "0":
            return self._endpoint
        row = self._get("se-endpoints", {"endpoint_id": self._endpoint}, "endpoint_id")
        if not row:
            return ""
        return self._endpoint if row.get("special_connection") else SHARED

    def _function(self, name: str) -> Json:
        declared = self._functions[name]
        operations = {
            kind: [operation["action"] for operation in declared.get(kind, [])] for kind in ("query", "mutation")
        }
        config = {
            "class_name": self._profile["class"],
            "funct_type": declared["type"],
            "methods": declared["support_methods"],
            "module_name": MODULE,
            "setting": "",  # None. One that is named must be in se-configdata, and ours needs none.
            "auth_required": declared["is_auth_required"],
            "graphql": declared["is_graphql"],
            "operations": operations,
        }
        return {"aws_lambda_arn": self._arn, "function": name, "area": self._area, "config": config}

    def _connect(self, row: Json) -> Iterator[str]:
        """Let the callers of a connection reach our functions, in place of others of these names."""
        before = row.get("functions", [])
        same_name = [entry for entry in before if entry["function"] in self._functions]
        # The operator may have given an entry of ours a setting, such as its project.
        ours = {entry["function"]: entry for entry in same_name if entry["aws_lambda_arn"] == self._arn}
        if len(ours) == len(same_name) == len(self._functions):
            return
        new = [
            ours.get(name, {"aws_lambda_arn": self._arn, "function": name, "setting": ""}) for name in self._functions
        ]
        self._change(row, [entry for entry in before if entry not in same_name] + new)
        replaced = sorted({entry["aws_lambda_arn"] for entry in same_name} - {self._arn})
        yield f"se-connections: {_named(row)}{', in place of ' if replaced else ''}{', '.join(replaced)}"

    def _change(self, row: Json, functions: list[Json]) -> None:
        """Write the functions of a connection, unless they have changed since they were read."""
        before = row.get("functions")
        self._client.update_item(
            TableName="se-connections",
            Key=marshal({name: row[name] for name in ("endpoint_id", "api_key")}),
            UpdateExpression="SET #functions = :new, whitelist = if_not_exists(whitelist, :none)",
            ConditionExpression="attribute_not_exists(#functions)" if before is None else "#functions = :before",
            ExpressionAttributeNames={"#functions": "functions"},  # One of DynamoDB's reserved words.
            ExpressionAttributeValues=marshal({":new": functions, ":before": before, ":none": []}),
        )

    def _offer(self, name: str) -> Iterator[str]:
        """List a function among what roles may be given, unless it is declared as hidden there."""
        declared = self._functions[name]
        if declared.get("disabled_in_resources"):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f%z")
        row = {
            "resource_id": self._resource_id(name),
            "service": self._profile["service"],
            "module_name": MODULE,
            "class_name": self._profile["class"],
            "function": name,
            "apply_to": self._endpoint,
            "label": declared["label"],
            "status": IN_USE,
            "operations": {kind: declared[kind] for kind in ("query", "mutation")},
            "updated_by": "Setup",
        }
        there = self._get("se-resources", row, "resource_id", "service")
        if row.items() <= there.items():
            return
        self._put("se-resources", {"created_at": now, **there, **row, "updated_at": now})
        yield f"se-resources: {name} for {self._endpoint}"

    def _resource_id(self, name: str) -> str:
        factor = f"{MODULE}-{self._profile['class']}-{name}-{self._endpoint}"
        return hashlib.md5(factor.lower().encode(), usedforsecurity=False).hexdigest()

    def _connections(self, endpoint: str) -> list[Json]:
        values = {":endpoint": {"S": endpoint}}
        condition = {"KeyConditionExpression": "endpoint_id = :endpoint", "ExpressionAttributeValues": values}
        return self._read("query", TableName="se-connections", **condition) if endpoint else []

    def _read(self, operation: str, **request: Any) -> list[Json]:
        pages = self._client.get_paginator(operation).paginate(ConsistentRead=True, **request)
        return [unmarshal(item) for page in pages for item in page["Items"]]

    def _get(self, table: str, row: Json, *keys: str) -> Json:
        key = marshal({name: row[name] for name in keys})
        return unmarshal(self._client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}))

    def _put(self, table: str, row: Json) -> None:
        self._client.put_item(TableName=table, Item=marshal(row))

    def _delete(self, table: str, key: Json) -> bool:
        """Delete a row; tell whether it was there."""
        deleted = self._client.delete_item(TableName=table, Key=marshal(key), ReturnValues="ALL_OLD")
        return "Attributes" in deleted


@contextmanager
def _in_words(client: Any) -> Iterator[None]:
    try:
        yield
    except client.exceptions.ResourceNotFoundException:
        raise CommandError(
            "There are no tables se-endpoints, se-connections, se-functions and se-resources here: is SilvaEngine "
            "installed in this account and region?"
        ) from None
    except client.exceptions.ConditionalCheckFailedException:
        raise CommandError("A connection was changed at the same time: run the command again.") from None


def _named(row: Json) -> str:
    """Name a connection without the key that belongs to it."""
    key = row["api_key"]
    return f"{row['endpoint_id']} with {'any key' if key == ANY_KEY else f'the key {key[:4]}...'}"
