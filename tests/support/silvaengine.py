"""SilvaEngine as its modules work: how an installation finds and invokes a function, and how its modules ask GraphQL.

Written anew from silvaengine_base (`LambdaBase`, `Resources`, `Tasks`, `Worker`) and silvaengine_utility of 2024.
"""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from assistant_engine.domain.json_data import Json
from assistant_engine.store.items import marshal

TABLES = {
    "se-endpoints": ("endpoint_id",),
    "se-connections": ("endpoint_id", "api_key"),
    "se-functions": ("aws_lambda_arn", "function"),
    "se-resources": ("resource_id", "service"),
    "se-configdata": ("setting_id", "variable"),
}
"""The tables of an installation, with their keys."""

Ask = Callable[[str, Json], Json]
"""Sends a query with its variables, and returns the answer's `data`."""


class Installation:
    """The tables of an installation, and what its functions do with them.

    Args:
        client: makes boto3 clients by the service's name.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._dynamodb = client("dynamodb")
        self._lambda = client("lambda")
        self._scan = self._dynamodb.get_paginator("scan").paginate

    def create(self) -> None:
        """Make the tables, empty."""
        for name, keys in TABLES.items():
            kinds = zip(keys, ("HASH", "RANGE"), strict=False)
            self._dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )

    def drop(self) -> None:
        """Delete the tables."""
        for name in TABLES:
            self._dynamodb.delete_table(TableName=name)

    def put(self, table: str, **row: Any) -> None:
        """Write a row as an operator of the installation does."""
        self._dynamodb.put_item(TableName=table, Item=marshal(row))

    def rows(self) -> dict[str, list[Json]]:
        """Return all rows of each table."""
        return {
            name: sorted((_plain(item) for page in self._scan(TableName=name) for item in page["Items"]), key=str)
            for name in TABLES
        }

    def find(self, endpoint_id: str, function: str, api_key: str = "", method: str = "") -> tuple[Json, Json]:
        """Return the setting and the row of a function, by the rules of `LambdaBase.get_function`."""
        if endpoint_id != "0":
            endpoint = self._get("se-endpoints", endpoint_id=endpoint_id)
            endpoint_id = endpoint_id if endpoint["special_connection"] else "1"
        connection = self._get("se-connections", endpoint_id=endpoint_id, api_key=api_key or "#####")
        [entry] = [each for each in connection["functions"] if each["function"] == function]
        row = self._get("se-functions", aws_lambda_arn=entry["aws_lambda_arn"], function=entry["function"])
        config = row["config"]
        setting = self._setting(config["setting"]) | (self._setting(entry["setting"]) if entry["setting"] else {})
        assert not method or method in config["methods"]
        return setting, row

    def task(self, endpoint_id: str, function: str, params: Json) -> str:
        """Answer what the function `silvaengine_agenttask` is invoked with, as JSON text of JSON text."""
        setting, row = self.find(endpoint_id, function)
        return self._invoke(row, setting, params, None)

    def request(self, area: str, endpoint_id: str, function: str, body: str, api_key: str = "") -> str:
        """Return the body of the answer to a request that came through the installation's REST API."""
        setting, row = self.find(endpoint_id, function, api_key, "POST")
        assert row["area"] == area
        context = json.dumps({"channel": endpoint_id, "area": area, "headers": {"x-api-key": api_key}})
        answer: str = json.loads(
            self._invoke(row, setting, {"endpoint_id": endpoint_id, "area": area}, body, context=context)
        )
        return answer

    def _invoke(self, row: Json, setting: Json, params: Json, body: str | None, **more: str) -> str:
        config = row["config"]
        event = {
            "MODULENAME": config["module_name"],
            "CLASSNAME": config["class_name"],
            "funct": row["function"],
            "setting": json.dumps(setting),
            "params": json.dumps(params),
            **({"body": body} if body is not None else {}),
            **more,
        }
        invoked = self._lambda.invoke(
            FunctionName=row["aws_lambda_arn"], InvocationType=config["funct_type"], Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in invoked, invoked["Payload"].read()
        told: bytes = invoked["Payload"].read()
        return told.decode()

    def _get(self, table: str, **key: str) -> Json:
        return _plain(self._dynamodb.get_item(TableName=table, Key=marshal(key))["Item"])

    def _setting(self, name: str) -> Json:
        if not name:
            return {}
        condition = {"KeyConditionExpression": "setting_id = :id", "ExpressionAttributeValues": {":id": {"S": name}}}
        found = self._dynamodb.query(TableName="se-configdata", **condition)["Items"]
        assert found, f"Cannot find values with the setting_id ({name})."
        return {row["variable"]: row["value"] for row in map(_plain, found)}


def work(event: Json) -> Any:
    """Do what the worker of an installation does with an event, where the module is installed."""
    made = getattr(import_module(event["MODULENAME"]), event["CLASSNAME"])(
        logging.getLogger(), **json.loads(event["setting"])
    )
    given = [json.loads(event[name], parse_float=Decimal) for name in ("params", "body") if event.get(name)]
    params = {key: value for part in given for key, value in part.items() if value not in (None, "")}
    return getattr(made, event["funct"])(**params)


def _plain(item: Json) -> Json:
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


INTROSPECTION = """
query IntrospectionQuery {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name
      fields {
        name
        args { name type { name kind ofType { name kind } } }
        type { name kind ofType { name kind } }
      }
    }
  }
}
"""
LEAVES = ("String", "Int", "Float", "DateTime", "JSON")
TIMES = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([+-]\d{2}:?\d{2})?")


def decoded(answer: str) -> Json:
    """Return the `data` of an answer of a task as `Utility.invoke_funct_on_aws_lambda` gives it to its caller."""

    def times(found: Json) -> Json:
        told = {name: value for name, value in found.items() if isinstance(value, str) and TIMES.fullmatch(value)}
        return found | {name: datetime.fromisoformat(value) for name, value in told.items()}

    result = json.loads(json.loads(answer), object_hook=times, parse_float=Decimal, parse_int=Decimal)
    assert not result.get("errors"), result["errors"]
    data: Json = result["data"]
    return data


def operation(name: str, kind: str, schema: Json) -> str:
    """Generate the text of an operation from an introspected schema, as `Utility.generate_graphql_operation` does.

    Args:
        kind: `Query` or `Mutation`, whose type is `Mutations`.
    """
    root = "Mutations" if kind == "Mutation" else kind
    [field] = [field for field in _fields(schema, root) if field["name"] == name]
    definitions = ", ".join(f"${each['name']}: {_written(each['type'])}" for each in field["args"])
    usage = ", ".join(f"{each['name']}: ${each['name']}" for each in field["args"])
    answered = field["type"]["ofType"] if field["type"]["kind"] == "NON_NULL" else field["type"]
    selection = _selection(schema, answered["name"]) if answered["kind"] == "OBJECT" else ""
    if not definitions and not selection:
        return f"{kind.lower()} {name} {{{name}}}"
    return f"{kind.lower()} {name}({definitions}) {{ {name}({usage}) {{ {selection} }} }}"


def _fields(schema: Json, name: str) -> list[Json]:
    [found] = [each["fields"] for each in schema["types"] if each["name"] == name and each["kind"] == "OBJECT"]
    fields: list[Json] = found
    return fields


def _written(kind: Json | None) -> str:
    """Write a type that is seen one level deep."""
    if not kind:
        return "String"
    if kind["kind"] == "NON_NULL":
        return f"{_written(kind['ofType'])}!"
    return f"[{_written(kind.get('ofType'))}]" if kind["kind"] == "LIST" else kind["name"]


def _selection(schema: Json, name: str) -> str:
    chosen = []
    for field in _fields(schema, name):
        kind: str = field["type"]["name"] or (field["type"].get("ofType") or {}).get("name") or ""
        nested = field["type"]["kind"] in ("OBJECT", "LIST") and kind and kind not in LEAVES
        chosen.append(f"{field['name']} {{ {_selection(schema, kind)} }}" if nested else field["name"])
    return " ".join(chosen)
